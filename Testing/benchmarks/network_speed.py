"""Memory and seconds per slice of every network, each in a process of its own, with random weights."""

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.ct_like import SIZE, ct_like_volume
from benchmarks.machine import in_fresh_process, seconds_of
from medsam2.model.building import build_network
from medsam2.model.config import PRESETS, network_config
from medsam2.prompt import Prompt
from medsam2.tracking import Tracker
from medsam2.volume import VolumeSlices
from medsam2_lab.result_tables import ResultTable, measured

SLICES, ENOUGH_SECONDS = 10, 20.0
"""Slices after the prompted one: as many as fill SAM 2's memory, or as fit into so many seconds."""
BOX = (SIZE * 0.3, SIZE * 0.3, SIZE * 0.7, SIZE * 0.7)


@dataclass(frozen=True)
class NetworkUse:
    """What a network takes.

    Attributes:
        parameters: their number.
        first: seconds from a click to its mask.
        further: seconds for each slice after it.
        slices: over how many that is the mean.
        peak: bytes of the whole process at most.
    """

    parameters: int
    first: float
    further: float
    slices: int
    peak: int


def use_of(preset: str, slices: int = SLICES) -> NetworkUse:
    """Click on slice 0 of a volume and go on from there, in whole slices; for a fresh process."""
    network = build_network(network_config(preset)).eval()
    volume_slices = VolumeSlices(ct_like_volume(slices + 1))
    tracker = Tracker(network, volume_slices, field_of_view="slice", absent_stop=None)
    point = (SIZE / 2, SIZE / 2, True)
    first, _ = seconds_of(lambda: tracker.prompt("object", Prompt(0, points=(point,))))
    started, done = time.perf_counter(), 0
    while done < slices and time.perf_counter() - started < ENOUGH_SECONDS:
        done += 1
        _go_on(tracker, done)
    further = (time.perf_counter() - started) / done
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return NetworkUse(sum(p.numel() for p in network.parameters()), first, further, done, peak)


def _go_on(tracker: Tracker, index: int) -> None:
    """Answer the next slice.

    A network without a memory gets a box, which is what a step of its walk is made of: its random weights may
    find nothing to walk on from.
    """
    if tracker.network.config.remembers:
        list(tracker.propagate(direction="forward", first=index, last=index))
    else:
        tracker.prompt("object", Prompt(index, box=BOX))


def tables(presets: Sequence[str] = tuple(PRESETS)) -> dict[str, ResultTable]:
    """A row for each network, the quickest first."""
    rows = []
    for preset in presets:
        config = network_config(preset)
        kind = "tracks" if config.remembers else "one slice"
        use = in_fresh_process(use_of, preset)
        size = 4 * use.parameters / 1e6
        numbers = [use.parameters / 1e6, size, use.first, use.further]
        rows.append([preset, kind, config.image_size, *numbers, use.peak / 1e9])
    rows.sort(key=lambda row: row[6])
    columns = {
        "network": None,
        "": None,
        "image, pixels": None,
        "million parameters": 1,
        "in fp32, MB": 0,
        "first click, s": 2,
        "each slice after it, s": 2,
        "memory, GB": 1,
    }
    about = measured("Testing/benchmarks/bench.py --only network_speed")
    about["memory"] = "that of the whole process, of which torch takes 0.4 GB"
    return {"network_speed": ResultTable(about, columns, rows)}
