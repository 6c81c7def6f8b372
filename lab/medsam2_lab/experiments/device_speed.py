"""Seconds of a first click and of each tracked slice of the demo's volume, on any device."""

import statistics
import time

from medsam2.cli.phantom import central_click, make_phantom
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.prompt import Prompt
from medsam2.tracking import Tracker
from medsam2.volume import VolumeSlices
from medsam2.weights.loading import choose_device, load_model


def device_speed(weights: str, device: str, rounds: int) -> None:
    """Print one line: medians over the rounds, the first left out."""
    chosen = choose_device(device)
    network = load_model(weights, device=str(chosen))
    timed = [_track(network) for _ in range(rounds + 1)][1:]
    click, track = (statistics.median(column) for column in zip(*timed, strict=True))
    print(f"{weights} on {chosen}: first click {click:.3f} s, then {track:.4f} s for each slice")


def _track(network: SegmentationNetwork) -> tuple[float, float]:
    """Seconds of the click, and of each slice after it; masks are on the CPU, so all work is done by then."""
    phantom = make_phantom()
    slice_index, row, column = central_click(phantom.labels["liver"])
    tracker = Tracker(network, VolumeSlices(phantom.volume, axis="k"))
    start = time.perf_counter()
    tracker.prompt("liver", Prompt(slice_index, points=((row, column, True),)))
    clicked = time.perf_counter()
    count = sum(1 for _ in tracker.propagate())
    return clicked - start, (time.perf_counter() - clicked) / count
