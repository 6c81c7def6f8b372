"""What a box through several slices should become: Dice of a box on its middle slice, on three, or on each.

The box is that of the whole structure. Masks are kept to the box's slices.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from medsam2.cli.phantom import dice
from medsam2.client import BlockingClient, LocalBackend
from medsam2.evaluation.user_prompts import tight_box
from medsam2.propagation_options import PropagationOptions
from medsam2.volume import Volume, VolumeMasks, VolumeSlices
from medsam2_lab.experiments.real_cases import LEAST_SLICES, LEAST_VOXELS, real_cases
from medsam2_lab.result_tables import ResultTable, measured
from medsam2_lab.synthetic.volumes import make_scan

FRACTIONS = {"middle": (0.5,), "three": (0.25, 0.5, 0.75)}
FIRST_SCAN, MOST_STRUCTURES = 1000, 6


def prompted_slices(first: int, last: int, variant: str) -> list[int]:
    """The slices that get a box."""
    if variant == "each":
        return list(range(first, last + 1))
    return sorted({first + int(part * (last - first)) for part in FRACTIONS[variant]})


def mask_of(client: BlockingClient, slices: VolumeSlices, truth: np.ndarray, variant: str) -> np.ndarray:
    """The mask (k, j, i) that the box round a whole structure (k, j, i) gives."""
    carrying = np.flatnonzero(truth.any(axis=(1, 2)))
    first, last = int(carrying[0]), int(carrying[-1])
    box = tight_box(truth.max(axis=0)[None], 0)
    masks = VolumeMasks(slices)
    for index in prompted_slices(first, last, variant):
        client.prompt("object", "k", replace(box, slice_index=index))
    for mask in client.propagate("k", options=PropagationOptions(first=first, last=last)):
        masks.put(mask)
    client.forget("object")
    return masks["object"]


def cases(folder: Path, synthetic: int) -> Iterator[tuple[str, Volume, dict[str, np.ndarray]]]:
    """Kind, volume, and structures by name."""
    for case in real_cases(folder):
        known = case.read()
        yield "real", known.volume, {name: known.labels == v for name, v in known.structures.items()}
    for number in range(FIRST_SCAN, FIRST_SCAN + synthetic):
        scan = make_scan(number, ("CT", "MR")[number % 2])
        masks = {f"{number} {value}": scan.labels == value for value in range(1, scan.labels.max() + 1)}
        large = {
            name: mask
            for name, mask in masks.items()
            if mask.sum() >= LEAST_VOXELS and mask.any(axis=(1, 2)).sum() >= LEAST_SLICES
        }
        yield "synthetic", scan.volume, dict(list(large.items())[:MOST_STRUCTURES])


def box_through_slices(folder: Path, synthetic: int) -> dict[str, ResultTable]:
    """Mean Dice of each kind of box.

    Args:
        folder: of the real cases.
        synthetic: how many synthetic scans.
    """
    variants = (*FRACTIONS, "each")
    found: dict[str, list[list[float]]] = {"real": [], "synthetic": []}
    for kind, volume, structures in cases(folder, synthetic):
        slices = VolumeSlices(volume, "k")
        with BlockingClient(LocalBackend(weights="starter", device="auto", precision="auto")) as client:
            client.open_volume(volume.voxels, volume.geometry.spacing, modality=volume.modality)
            for truth in structures.values():
                found[kind].append([dice(mask_of(client, slices, truth, v), truth) for v in variants])
    columns = {
        "": None,
        "structures": None,
        "on the middle slice": 3,
        "on three slices": 3,
        "on each slice": 3,
    }
    names = {"real": "real cases", "synthetic": "synthetic scans"}
    rows = [[names[kind], len(dices), *np.mean(dices, axis=0).tolist()] for kind, dices in found.items()]
    about = measured("medsam2-lab box-through-slices")
    return {"box_through_slices": ResultTable(about, columns, rows)}
