"""Process memory for tracking through a large volume, beyond torch, libraries and the network."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from benchmarks.comparison import Goal, goal_row, goal_table
from benchmarks.contenders import CLICKS, ClickedTrack, OurTrack, TheirTrack, both_networks, our_network
from benchmarks.ct_like import SIZE, ct_like_volume
from benchmarks.machine import MemoryGrowth, in_fresh_process
from medsam2.model.freed_memory import keep_freed_memory
from medsam2.volume import Volume
from medsam2_lab.result_tables import Cell, ResultTable, measured

SLICES, LIMIT = 600, 2.0e9
"""The volume's slices of 512 x 512 voxels, and the bytes that tracking all of them may take."""
OURS_TRACKED, THEIRS_TRACKED = 180, 120
"""At tiny/512. Ours fills its cache of features with 24. Fewer do not show what each further one takes."""


@dataclass(frozen=True)
class MemoryUse:
    """Bytes beyond libraries and network: the volume's own, and growth at its peak and after each slice."""

    volume: int
    peak: int
    by_slice: list[int]

    @property
    def per_slice(self) -> float:
        """Growth per slice over the second half of the track."""
        last = self.by_slice[-len(self.by_slice) // 2 :]
        return float(np.polyfit(np.arange(len(last)), last, deg=1)[0])

    def peak_of(self, slices: int) -> float:
        """The peak after so many slices, if growth goes on as it does at the end."""
        return self.peak + max(self.per_slice, 0) * (slices - len(self.by_slice))


def our_use(preset: str, tracked: int) -> MemoryUse:
    """Track from a click on slice 0 over the first ``tracked`` slices, by ours; for a fresh process."""
    keep_freed_memory()  # as whoever loads weights
    network = our_network(preset)
    return _use(lambda volume: OurTrack(network, volume), tracked)


def their_use(tracked: int) -> MemoryUse:
    """The same by the `sam2` package at tiny/512, with memories of 16 bits, as it keeps them."""
    _, model = both_networks("tiny_512", SIZE)
    return _use(lambda volume: TheirTrack(model, volume), tracked)


def _use(start: Callable[[Volume], ClickedTrack], tracked: int) -> MemoryUse:
    """The volume and the masks of all slices are held in memory, as a user holds them."""
    growth = MemoryGrowth()
    volume = ct_like_volume(SLICES)
    masks = np.zeros(volume.voxels.shape, bool)
    track = start(volume)
    track.click(0, "first", CLICKS["first"])
    by_slice = []
    for index, mask in enumerate(islice(track.masks(), tracked)):
        masks[index] = mask[0]
        by_slice.append(growth.now())
    return MemoryUse(volume.voxels.nbytes, growth.peak(), by_slice)


def tables() -> dict[str, ResultTable]:
    """What the starter network takes."""
    use = in_fresh_process(our_use, "starter", SLICES)
    columns = {
        "network": None,
        "slices tracked": None,
        "volume, GB": 2,
        "peak beyond torch and network, GB": 2,
        "limit, GB": 1,
    }
    row: list[Cell] = ["starter", SLICES, use.volume / 1e9, use.peak / 1e9, LIMIT / 1e9]
    return {"memory": ResultTable(measured("Testing/benchmarks/memory_use.py"), columns, [row])}


def beside_sam2() -> dict[str, ResultTable]:
    """What a large volume takes at tiny/512, ours over the package's."""
    ours = in_fresh_process(our_use, "tiny_512", OURS_TRACKED).peak_of(SLICES)
    theirs = in_fresh_process(their_use, THEIRS_TRACKED).peak_of(SLICES)
    label = f"tiny/512, peak memory of {SIZE} x {SIZE} x {SLICES}, GB"
    goal = Goal(0.4, at_most=True)
    return goal_table(
        goal_row(label, [ours / theirs], goal, round(ours / 1e9, 2), round(theirs / 1e9, 2)),
        memory=f"memory from {OURS_TRACKED} and {THEIRS_TRACKED} slices and what each further one takes",
    )


def is_within(tables: dict[str, ResultTable]) -> bool:
    """Whether the peak stays within the limit, where this table is among them."""
    return all(row[-2] <= row[-1] for row in (tables["memory"].rows if "memory" in tables else ()))
