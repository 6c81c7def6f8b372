"""Segments on the made-up series of :mod:`unit.volume.dicom.examples`, and the judges of what is written."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from medsam2.volume import Geometry, ReadOptions, Segment, Volume, read_volume
from medsam2.volume.files.mask_reading import _place_on_grid
from unit.volume.dicom.examples import CORONAL, SAGITTAL, SHAPE, lps, turned, write_enhanced, write_series

SOURCES: dict[str, Callable[[Path], Path]] = {
    "axial": lambda folder: write_series(folder / "in"),
    "sagittal": lambda folder: write_series(folder / "in", lps(SAGITTAL)),
    "coronal": lambda folder: write_series(folder / "in", lps(CORONAL)),
    "oblique": lambda folder: write_series(folder / "in", lps(turned(10, 20, 30))),
    "order flipped": lambda folder: write_series(folder / "in", lps(np.diag([1.0, 1, -1]))),
    "names and rows flipped": lambda folder: write_series(
        folder / "in", lps(np.diag([-1.0, 1, 1])), each=lambda number: {"InstanceNumber": 9 - number}
    ),
    "enhanced": lambda folder: write_enhanced(folder / "in.dcm", [(k, {}) for k in (3, 1, 0, 2, 5, 4)]),
    "enhanced, one time of two": lambda folder: write_enhanced(
        folder / "in.dcm", [(k, {"TemporalPositionIndex": time}) for time in (1, 2) for k in range(6)]
    ),
}


def source(name: str, folder: Path) -> Volume:
    """The volume of one of ``SOURCES``, written to a folder."""
    return read_volume(SOURCES[name](folder), ReadOptions(volume=2) if "two" in name else ReadOptions())


def some_segments() -> list[Segment]:
    """Three that overlap, one with a hole, one at the border, one on slices apart from each other."""
    kidney, gallbladder, lesion = np.zeros((3, *SHAPE), bool)
    kidney[1:4, 2:8, 3:9] = True
    kidney[2, 4, 5] = False
    gallbladder[3:6, 6:12, 8:14] = True
    lesion[[1, 4], 3:5, 2:5] = True
    return [
        Segment("left kidney", (0.95, 0.55, 0.2), kidney, 1),
        Segment("Gallé blåre", (0.3, 0.75, 0.93), gallbladder, 2),
        Segment("lesion", (0.2, 0.4, 0.8), lesion, 7),
    ]


def assert_valid(path: Path) -> None:
    """dciodvfy, the judge of DICOM's rules, finds no error; skips the test where it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    run = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, errors="replace")
    assert not [line for line in run.stderr.splitlines() if line.startswith("Error")], run.stderr


def masks_by_dcmqi(path: Path, grid: Geometry, output: Path) -> list[np.ndarray]:
    """The masks that dcmqi, Slicer's reader, finds in a SEG; skips the test where it is not installed."""
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    found = shutil.which("segimage2itkimage", path=os.pathsep.join(places))
    if found is None:
        pytest.skip("dcmqi is not installed")
    output.mkdir()
    command = [found, "--inputDICOM", path, "--outputDirectory", output, "-t", "nrrd"]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace")
    assert run.returncode == 0, run.stdout + run.stderr
    assert " W: " not in run.stderr, run.stderr
    masks = []
    for file in sorted(output.glob("*.nrrd"), key=lambda file: int(file.stem)):
        image = SimpleITK.ReadImage(str(file))
        labels = SimpleITK.GetArrayFromImage(image)
        placed = _place_on_grid(labels, Geometry.from_image(image), grid)
        masks += [placed == value for value in np.unique(labels) if value]
    return masks
