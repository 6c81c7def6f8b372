"""Whether two versions of the command give the same masks, voxel for voxel, on the real cases and the demo.

    python Testing/benchmarks/same_masks.py OLD/bin/medsam2 NEW/bin/medsam2 CASES

CASES is the folder of the real cases. What the first command wrote is kept in ``--keep``, if given, and used
again. Ends with 1 if a voxel differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK
from scipy import ndimage

LEAST_VOXELS = 50
INSIDE = 0.4
"""Voxels by which a box reaches beyond voxel centres: never at a half, where a rule of rounding decides."""


def prompts(labels: np.ndarray, axis: int, kind: str) -> dict:
    """A prompt file with an object for each structure of labels (k, j, i)."""
    objects = []
    for value in np.unique(labels[labels > 0]).tolist():
        mask = np.moveaxis(labels == value, axis, 0)
        if mask.sum() >= LEAST_VOXELS:
            entry = {"name": str(value)}
            if kind == "box":
                entry["box"] = [number for corner in _box(mask, axis) for number in corner]
            else:
                entry["points"] = [_click(mask, axis)]
            if kind == "background":
                entry["points"].append([*_click(mask, axis, outside=True), "-"])
            objects.append(entry)
    return {"space": "ijk", "objects": objects}


def _click(mask: np.ndarray, axis: int, outside: bool = False) -> list[float]:
    """Deepest voxel of the largest slice, or the one just above its first row, as i, j, k."""
    index = int(mask.sum(axis=(1, 2)).argmax())
    depth = ndimage.distance_transform_edt(np.pad(mask[index], 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    if outside:
        row = max(int(np.flatnonzero(mask[index].any(axis=1))[0]) - 3, 0)
    return np.insert([float(row), float(column)], axis, float(index))[::-1].tolist()


def _box(mask: np.ndarray, axis: int) -> list[list[float]]:
    """Opposite corners of a box round the largest slice, as i, j, k."""
    index = int(mask.sum(axis=(1, 2)).argmax())
    rows, columns = np.flatnonzero(mask[index].any(axis=1)), np.flatnonzero(mask[index].any(axis=0))
    ends = ((rows[0] - INSIDE, columns[0] - INSIDE), (rows[-1] + INSIDE, columns[-1] + INSIDE))
    top = np.array(mask.shape[1:]) - 1
    return [np.insert(np.clip(end, 0, top), axis, float(index))[::-1].tolist() for end in ends]


def runs(cases: Path, work: Path) -> Iterator[tuple[str, list[str]]]:
    """Name and arguments of each run; ``{output}`` stands for the file, or folder, that it writes."""
    yield "demo", ["demo", "-o", "{output}"]
    images = {"ct": (cases / "ct_dicom", cases / "ct_labels.nii.gz")}
    for image in sorted(cases.glob("*_image.nii.gz")):
        images[image.name.split("_image")[0]] = (image, Path(str(image).replace("_image", "_label")))
    for name, (image, path) in images.items():
        labels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
        for kind in ("click", "background", "box"):
            file = work / f"{name}-{kind}.json"
            file.write_text(json.dumps(prompts(labels, 0, kind)))
            yield f"{name}-{kind}", ["segment", str(image), "--axis", "k", "--prompts", str(file)]
        clicks = str(work / f"{name}-click.json")
        sorting = ["segment", str(image), "--axis", "k", "--memory", "self-sorting", "--prompts", clicks]
        yield f"{name}-self-sorting", sorting
    side = work / "coronal.json"
    labels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(images["ct"][1])))
    largest = np.bincount(labels.ravel())[1:].argmax() + 1  # one: there are as many slices as rows
    side.write_text(json.dumps(prompts(np.where(labels == largest, labels, 0), 1, "click")))
    yield "ct-coronal", ["segment", str(images["ct"][0]), "--axis", "j", "--prompts", str(side)]
    yield "ct-mask", ["segment", str(images["ct"][0]), "--mask", str(images["ct"][1])]


def masks(command: Path, name: str, arguments: list[str], folder: Path) -> np.ndarray:
    """What a run wrote, voxels of all its layers; run unless that is there already."""
    output = folder / (name if name == "demo" else f"{name}.seg.nrrd")
    if not output.exists():
        rest = [part.replace("{output}", str(output)) for part in arguments]
        rest += [] if name == "demo" else ["-o", str(output)]
        subprocess.run([command, *rest], check=True, capture_output=True)
    file = next(output.glob("*.seg.nrrd")) if output.is_dir() else output
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


def main() -> int:
    """Compare run by run, and say where voxels differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for what the old command writes")
    options = parser.parse_args()
    different = 0
    with tempfile.TemporaryDirectory() as work:
        kept, new = options.keep or Path(work) / "old", Path(work) / "new"
        for folder in (kept, new):
            folder.mkdir(parents=True, exist_ok=True)
        for name, arguments in runs(options.cases, Path(work)):
            before = masks(options.old, name, arguments, kept)
            after = masks(options.new, name, arguments, new)
            count = int((before != after).sum()) if before.shape == after.shape else before.size
            print(f"{name}: {np.count_nonzero(before)} voxels of objects, {count} differ", flush=True)
            different += count
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
