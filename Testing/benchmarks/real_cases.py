"""One click in each structure of the real cases, tracked through the volume: a table of Dice.

Run with ``make results``; needs the folder of cases (``../shared/data`` unless given).
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from medsam2.model.network import MedSAM2
from medsam2.tracking import Tracker
from medsam2.volume import Prompt, Volume, VolumeSlices
from medsam2.weights.loading import load_model

LEAST_VOXELS, LEAST_SLICES = 300, 3
DEFAULT_CASES = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True)
class Structure:
    """One structure of a case: its name, the volume, and the true mask (k, j, i) bool."""

    name: str
    volume: Volume
    mask: np.ndarray


def structures(folder: Path) -> Iterator[Structure]:
    """All structures large enough to count: those of the abdominal CT, then the lesions."""
    abdomen = Volume.read(folder / "ct_dicom")
    labels = Volume.read(folder / "ct_labels.nii.gz").voxels
    names = json.loads((folder / "ct_labels.json").read_text())
    cases = [Structure(name, abdomen, labels == int(value)) for value, name in names.items()]
    for path in sorted(folder.glob("*_image.nii.gz")):
        label = Volume.read(path.with_name(path.name.replace("_image", "_label")))
        name = path.name.removesuffix("_image.nii.gz")
        cases.append(Structure(name, Volume.read(path), label.voxels > 0))
    for case in cases:
        if case.mask.sum() >= LEAST_VOXELS and case.mask.any(axis=(1, 2)).sum() >= LEAST_SLICES:
            yield case


def central_click(mask: np.ndarray) -> Prompt:
    """A click at the deepest interior point of the largest slice of a mask (k, j, i)."""
    index = int(mask.sum(axis=(1, 2)).argmax())
    depth = ndimage.distance_transform_edt(np.pad(mask[index], 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return Prompt(index, points=((float(row), float(column), True),))


def central_box(mask: np.ndarray) -> Prompt:
    """A tight box on the largest slice of a mask (k, j, i)."""
    index = int(mask.sum(axis=(1, 2)).argmax())
    rows, columns = np.flatnonzero(mask[index].any(1)), np.flatnonzero(mask[index].any(0))
    return Prompt(index, box=(float(rows[0]), float(columns[0]), float(rows[-1]), float(columns[-1])))


def dice(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Dice of two masks; 1 when both are empty."""
    total = predicted.sum() + truth.sum()
    return float(2 * (predicted & truth).sum() / total) if total else 1.0


def segment(tracker: Tracker, prompt: Prompt, shape: tuple[int, int, int]) -> np.ndarray:
    """The mask (k, j, i) that a prompt becomes."""
    tracker.prompt("object", prompt)
    out = np.zeros(shape, bool)
    for mask in tracker.propagate():
        out[mask.slice_index] = mask.full(shape[1:])
    return out


def score(network: MedSAM2, case: Structure, prompt: Prompt, **options) -> dict:
    """Dice over all slices and on the prompted one, for one structure."""
    slices = VolumeSlices(case.volume, "k")
    tracker = Tracker(network, slices, **options)
    started = time.perf_counter()
    predicted = segment(tracker, prompt, case.mask.shape)
    seconds = time.perf_counter() - started
    index = prompt.slice_index
    view = tracker.objects["object"].entries[index].view
    return {
        "dice": dice(predicted, case.mask),
        "prompted": dice(predicted[index], case.mask[index]),
        "view": round(view.side(slices.spacing)),
        "seconds": seconds / len(predicted),
    }


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="starter")
    parser.add_argument("--cases", type=Path, default=DEFAULT_CASES)
    parser.add_argument("--box", action="store_true", help="prompt with a box instead of a click")
    arguments = parser.parse_args()
    network = load_model(arguments.weights)
    make_prompt = central_box if arguments.box else central_click
    rows = []
    for case in structures(arguments.cases):
        prompt = make_prompt(case.mask)
        auto = score(network, case, prompt)
        whole = score(network, case, prompt, view="slice")
        rows.append((case.name, int(case.mask.sum()), auto, whole))
        print(f"{case.name:32} {auto['dice']:.3f} {whole['dice']:.3f}", flush=True)
    print("\n| structure | voxels | Dice | on the prompted slice | view, mm | Dice, whole slice |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, voxels, auto, whole in rows:
        print(
            f"| {name} | {voxels} | {auto['dice']:.3f} | {auto['prompted']:.3f} | {auto['view']} "
            f"| {whole['dice']:.3f} |"
        )
    means = [float(np.mean([row[column]["dice"] for row in rows])) for column in (2, 3)]
    prompted = float(np.mean([row[2]["prompted"] for row in rows]))
    print(f"| **mean of {len(rows)}** | | **{means[0]:.3f}** | {prompted:.3f} | | {means[1]:.3f} |")
    seconds = float(np.mean([row[2]["seconds"] for row in rows]))
    print(f"\n{seconds:.3f} s per slice, view choice included.")


if __name__ == "__main__":
    main()
