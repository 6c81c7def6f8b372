"""Process memory for tracking through a large volume, beyond torch, libraries and the network."""

from dataclasses import dataclass

import numpy as np

from benchmarks.ct_like import SIZE, ct_like_volume
from benchmarks.machine import MemoryGrowth, in_fresh_process
from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.prompt import Prompt
from medsam2.tracking import Tracker
from medsam2.volume import VolumeSlices
from medsam2_lab.result_tables import ResultTable, measured

SLICES, LIMIT = 600, 2.0e9
"""The volume's slices of 512 x 512 voxels, and the bytes that tracking all of them may take."""
RUNS = {"starter": SLICES, "tiny_512": 200}
"""Presets and the slices tracked: for the larger one, enough to fill the feature cache and go on."""


@dataclass(frozen=True)
class MemoryUse:
    """Bytes beyond libraries and network: the volume's own, and growth at its peak and after each slice."""

    volume: int
    peak: int
    by_slice: list[int]

    @property
    def per_slice(self) -> float:
        """Growth per slice over the last third of the track."""
        last = self.by_slice[-len(self.by_slice) // 3 :]
        return float(np.polyfit(np.arange(len(last)), last, deg=1)[0])

    def peak_of(self, slices: int) -> float:
        """The peak after so many slices, if growth goes on as it does at the end."""
        return self.peak + max(self.per_slice, 0) * (slices - len(self.by_slice))


def track_large_volume(preset: str, tracked: int, slices: int = SLICES) -> MemoryUse:
    """Track from one click on slice 0 over the first ``tracked`` slices; for a fresh process.

    The volume and the masks of all slices are held in memory, as a user holds them.
    """
    network = MedSAM2(network_config(preset)).eval()
    growth = MemoryGrowth()
    volume = ct_like_volume(slices)
    masks = np.zeros(volume.voxels.shape, bool)
    tracker = Tracker(network, VolumeSlices(volume), field_of_view="slice", absent_stop=None)
    tracker.prompt("object", Prompt(0, points=((SIZE / 2, SIZE / 2, True),)))
    by_slice = []
    for mask in tracker.propagate(last=tracked - 1):
        masks[mask.slice_index] = mask.mask.full(masks.shape[1:])
        by_slice.append(growth.now())
    return MemoryUse(volume.voxels.nbytes, growth.peak(), by_slice)


def tables() -> dict[str, ResultTable]:
    """The table."""
    rows = []
    for preset, tracked in RUNS.items():
        use = in_fresh_process(track_large_volume, preset, tracked)
        rows.append(
            [
                preset,
                tracked,
                use.volume / 1e9,
                use.peak / 1e9,
                use.per_slice / 1e6,
                use.peak_of(SLICES) / 1e9,
            ]
        )
    columns = {
        "network": None,
        "slices tracked": None,
        "volume, GB": 2,
        "peak beyond torch and network, GB": 2,
        "growth at the end, MB per slice": 2,
        f"peak at {SLICES} slices, GB": 2,
    }
    return {"memory": ResultTable(measured("Testing/benchmarks/memory_use.py"), columns, rows)}


def is_within(tables: dict[str, ResultTable]) -> bool:
    """Whether all networks stay within the limit, where this table is among them."""
    return all(row[-1] <= LIMIT / 1e9 for row in (tables["memory"].rows if "memory" in tables else ()))
