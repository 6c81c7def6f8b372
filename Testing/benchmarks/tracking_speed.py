"""Seconds per slice of a track from one click: ours beside the `sam2` package's video predictor.

Both have the same random weights and see the same whole slices in fp32. They take turns, round by round.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch

from benchmarks.machine import MemoryGrowth, count_flops, in_fresh_process, seconds_of
from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.prompt import Prompt
from medsam2.tracking import FieldOfView, Tracker
from medsam2.volume import Geometry, Volume, VolumeSlices
from medsam2_lab.result_tables import Cell, ResultTable, measured
from parity import reference

PRESET, FAMILY, SIZE = "tiny_512", "sam2.1", 512
CLICK, CORRECTION = (0.5, 0.5), (0.25, 0.6)
"""Places on the slice (row, column), as shares of its size: a click on slice 0, later one off the object."""


def ct_like_volume(slices: int, size: int = SIZE, seed: int = 0) -> Volume:
    """Int16 voxels (slices, size, size): a bright ball in a grey body, with noise; made slice by slice."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    from_axis = rows**2 + columns**2
    voxels = np.empty((slices, size, size), np.int16)
    for index in range(slices):
        radius = 0.2 + 0.2 * np.sin(np.pi * (index + 1) / (slices + 1))
        mean = np.where(from_axis < radius**2, 120, np.where(from_axis < 0.8, 20, -1000))
        voxels[index] = mean + 15 * generator.standard_normal((size, size), np.float32)
    return Volume(voxels, Geometry(voxels.shape, np.diag([0.8, 0.8, 2.0, 1.0])), "CT")


class OurTrack:
    """One object tracked forward from a click on slice 0 by our tracker."""

    def __init__(self, network: MedSAM2, volume: Volume):
        self._slices = VolumeSlices(volume)
        self.tracker = Tracker(network, self._slices, field_of_view="slice", absent_stop=None)

    def encode(self) -> None:
        """Encode all slices; the features stay at hand."""
        field_of_view = FieldOfView.whole(self._slices.grid(0))
        with torch.no_grad():
            for index in range(self._slices.count):
                self.tracker.features.get(index, field_of_view)

    def first(self) -> np.ndarray:
        """Masks (slices, rows, columns) after the first click."""
        self._click(0, CLICK, positive=True)
        return self._masks()

    def corrected(self) -> np.ndarray:
        """Masks after a click that takes away from the object on the middle slice."""
        self._click(self._slices.count // 2, CORRECTION, positive=False)
        return self._masks()

    def _click(self, index: int, place: tuple[float, float], positive: bool) -> None:
        point = (place[0] * SIZE, place[1] * SIZE, positive)
        self.tracker.prompt("object", Prompt(index, points=(point,)))

    def _masks(self) -> np.ndarray:
        masks = self.tracker.propagate(start=0, direction="forward")
        return np.stack([mask.mask.full(self._slices.grid(0).shape) for mask in masks])


class _FreshReference(reference.ReferenceTrack):
    """The predictor as it is used: each slice is encoded when it is reached, and answered at full size."""

    def __init__(self, model: torch.nn.Module, frames: torch.Tensor):
        super().__init__(model, frames)
        self._state["video_height"] = self._state["video_width"] = frames.shape[-1]

    def _encode_every_frame_once(self, count: int) -> None:
        """Left to the predictor, which keeps the features of the last slice only."""


class TheirTrack:
    """The same track by the `sam2` package's video predictor."""

    def __init__(self, model: torch.nn.Module, volume: Volume):
        slices = VolumeSlices(volume)
        frames = np.stack([slices.pixels(index) for index in range(slices.count)])
        self._middle = slices.count // 2
        self._track = _FreshReference(model, torch.from_numpy(frames)[:, None])

    def first(self) -> np.ndarray:
        """Masks (slices, rows, columns) after the first click."""
        return self._masks(0, CLICK, label=1)

    def corrected(self) -> np.ndarray:
        """Masks after a click that takes away from the object on the middle slice."""
        return self._masks(self._middle, CORRECTION, label=0)

    def _masks(self, index: int, place: tuple[float, float], label: int) -> np.ndarray:
        point = (place[1] * SIZE, place[0] * SIZE)
        self._track.prompt(index, reference.Prompt(points=(point,), labels=(label,)))
        return np.stack([(logits > 0).numpy() for logits in self._track.propagate(0).values()])


Contender = Callable[[Volume], OurTrack | TheirTrack]
"""Starts a track through a volume."""


@dataclass(frozen=True)
class Round:
    """Seconds per slice of a first track and of the corrected one, and the masks of both."""

    first: float
    corrected: float
    masks: np.ndarray


def contenders() -> dict[str, Contender]:
    """Ours and the `sam2` package's, with the same random weights."""
    model = reference.build_reference(PRESET, FAMILY, SIZE)
    network = MedSAM2(network_config(PRESET, FAMILY)).eval()
    network.load_state_dict(model.state_dict())
    return {
        "ours": lambda volume: OurTrack(network, volume),
        "sam2": lambda volume: TheirTrack(model, volume),
    }


def one_round(start: Contender, volume: Volume) -> Round:
    """Track once afresh, then once more after a correction."""

    def track_afresh():
        track = start(volume)
        return track, track.first()

    slices = volume.slice_count("k")
    first, (track, masks) = seconds_of(track_afresh)
    corrected, corrected_masks = seconds_of(track.corrected)
    return Round(first / slices, corrected / slices, np.concatenate((masks, corrected_masks)))


def memory_growth(name: str, slices: int) -> int:
    """Bytes that a first track takes at most beyond libraries, networks and volume; for a fresh process."""
    start, volume = contenders()[name], ct_like_volume(slices)
    growth = MemoryGrowth()
    start(volume).first()
    return growth.peak()


def tables(slices: int, rounds: int, peak: float) -> dict[str, ResultTable]:
    """Both contenders, in turn; ``peak`` in FLOP per second."""
    volume, starts = ct_like_volume(slices), contenders()
    for start in starts.values():
        one_round(start, ct_like_volume(2))
    turns = [{name: one_round(start, volume) for name, start in starts.items()} for _ in range(rounds)]
    masks = turns[0]["ours"].masks, turns[0]["sam2"].masks

    first, corrected, memory, flops, share = ({} for _ in range(5))
    for name, start in starts.items():
        first[name] = [turn[name].first for turn in turns]
        corrected[name] = [turn[name].corrected for turn in turns]
        memory[name] = [in_fresh_process(memory_growth, name, slices) / 1e6]
        flops[name] = [count_flops(lambda start=start: start(volume).first()) / slices]
        share[name] = [100 * flops[name][0] / seconds / peak for seconds in first[name]]
    about = measured("Testing/benchmarks/tracking_speed.py", rounds)
    about["masks"] = f"sam2 {version('sam2')}; the masks agree on {np.equal(*masks).mean():.2%} of the voxels"
    title = f"{slices} slices of {SIZE} x {SIZE} at {PRESET}"
    return {
        "tracking_speed": ResultTable(
            about,
            {title: None, "ours": None, "sam2": None, "ours / sam2": 2, "least": 2, "most": 2},
            [
                _row("from one click, s per slice", first),
                _row("after a correction, s per slice", corrected),
                _row("peak memory growth, MB", memory, digits=0),
                _row("GFLOP per slice", {n: [count[0] / 1e9] for n, count in flops.items()}, digits=1),
                _row(f"share of the matrix-product peak of {peak / 1e9:.0f} GFLOP/s, %", share, digits=0),
            ],
        )
    }


def _row(label: str, values: dict[str, Sequence[float]], digits: int = 3) -> list[Cell]:
    ratios = [ours / theirs for ours, theirs in zip(values["ours"], values["sam2"], strict=True)]
    ours, theirs = (round(statistics.median(values[name]), digits) for name in ("ours", "sam2"))
    return [label, ours, theirs, statistics.median(ratios), min(ratios), max(ratios)]


def starter_tables(slices: int, rounds: int, peak: float) -> dict[str, ResultTable]:
    """Our starter preset on whole slices, encoding and tracking apart; ``peak`` in FLOP per second."""
    network, volume = MedSAM2(network_config("starter")).eval(), ct_like_volume(slices)
    OurTrack(network, ct_like_volume(2)).first()
    encoding, tracking = [], []
    for _ in range(rounds):
        track = OurTrack(network, volume)
        encoding.append(seconds_of(track.encode)[0] / slices)
        tracking.append(seconds_of(track.first)[0] / slices)
    track = OurTrack(network, volume)
    parts = {
        "encoding": (statistics.median(encoding), count_flops(track.encode) / slices),
        "tracking": (statistics.median(tracking), count_flops(track.first) / slices),
    }
    parts["together"] = tuple(sum(part) for part in zip(*parts.values(), strict=True))
    columns = {
        "starter network, whole slices": None,
        "s per slice": 3,
        "GFLOP per slice": 1,
        "share of the peak, %": 0,
    }
    rows = [
        [name, seconds, flops / 1e9, 100 * flops / seconds / peak] for name, (seconds, flops) in parts.items()
    ]
    return {
        "starter_speed": ResultTable(measured("Testing/benchmarks/tracking_speed.py", rounds), columns, rows)
    }
