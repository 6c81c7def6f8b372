"""Small volumes and memories for the tests of tracking."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from medsam2.model.config import network_config
from medsam2.prompt import Prompt
from medsam2.tracking import FieldOfView, SelfSortingMemory, SliceMask, Tracker
from medsam2.tracking.memory_bank import MemoryEntry
from medsam2.tracking.self_sorting import SelfSortingBank
from medsam2.volume import Geometry, Volume, VolumeMasks, VolumeSlices, Window
from unit.tracking.oracle_network import OracleNetwork

WINDOW = Window(0, 1)


def entry(index: int, key: Tensor | None = None, iou: float = 0.9, score: float = 5.0, prompted=False):
    """A memory of a slice as the banks see it; ``key`` need not have unit length."""
    return MemoryEntry(
        slice_index=index,
        field_of_view=FieldOfView(0, 0, 8, 8),
        logits=torch.full((1, 1, 4, 4), 3.0),
        iou=iou,
        object_score=score,
        pointer=torch.full((1, 4), float(index)),
        key=torch.nn.functional.normalize(torch.ones(3) if key is None else key, dim=0),
        prompted=prompted,
    )


def a_bank(**options) -> SelfSortingBank:
    return SelfSortingMemory(**options).bank(network_config("starter"))


def random_entries(seed: int, count: int, prompted_share: float = 0.0, dim: int = 6) -> list[MemoryEntry]:
    rng = np.random.default_rng(seed)
    return [
        entry(
            index,
            key=torch.from_numpy(rng.normal(size=dim) + 0.7).float(),
            iou=rng.uniform(0.4, 1),
            score=rng.uniform(-1, 5),
            prompted=bool(rng.random() < prompted_share),
        )
        for index in range(count)
    ]


def confident(seed: int, count: int) -> list[MemoryEntry]:
    entries = random_entries(seed, count)
    for each in entries:
        each.iou, each.object_score = 0.9, 5.0
    return entries


def filled(entries: list[MemoryEntry], **options) -> SelfSortingBank:
    bank = a_bank(**options)
    for each in entries:
        bank.add(each)
    return bank


def click(index: int, row: float, column: float, positive: bool = True) -> Prompt:
    return Prompt(index, points=((float(row), float(column), positive),))


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """(rows, columns) bool."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def ball(shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float) -> np.ndarray:
    """(k, j, i) bool."""
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    return (k - centre[0]) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 <= radius**2


def volume_slices(
    truth: np.ndarray, axis: str = "k", spacing_kji: tuple[float, float, float] = (1, 1, 1)
) -> VolumeSlices:
    """The slices of a volume that is 1 where ``truth`` (k, j, i) holds, else 0."""
    voxels = truth.astype(np.uint8)
    volume = Volume(voxels, Geometry(voxels.shape, np.diag([*spacing_kji[::-1], 1.0])))
    return VolumeSlices(volume, axis, WINDOW)


def a_tracker(truth: np.ndarray, axis: str = "k", network=None, **options) -> Tracker:
    return Tracker(network or OracleNetwork(), volume_slices(truth, axis), **options)


def collected(tracker: Tracker, masks: Iterable[SliceMask], object_id: str = "a") -> np.ndarray:
    """What was yielded of an object, as a mask of the volume (k, j, i)."""
    gathered = VolumeMasks(tracker.slices)
    for mask in masks:
        gathered.put(mask)
    return gathered[object_id]


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
