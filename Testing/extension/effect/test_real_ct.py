"""The main job on a real CT: the effect gives what the command gives."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medsam2.cli.phantom import Phantom, dice
from medsam2.volume import Volume

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT.parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs the real cases beside the project")


@pytest.fixture
def aLiverBench(aBenchOn, aVolumeNode):
    """The effect on the CT, with an empty segment."""
    scan = Volume.read(CASES / "ct_dicom")
    labels = Volume.read(CASES / "ct_labels.nii.gz").voxels
    names = json.loads((CASES / "ct_labels.json").read_text())
    number = next(int(value) for value, name in names.items() if name == "liver")
    volume = aVolumeNode(scan.voxels, scan.geometry.ijk_to_ras)
    return aBenchOn(volume, Phantom(scan, {"liver": labels == number}), ("liver",))


def command(bench, folder: Path) -> np.ndarray:
    """What ``medsam2 segment`` makes of the effect's first seed."""
    point = ",".join(map(repr, bench.logic.seeding.seeds()[0].ras))
    out = folder / "out.nrrd"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "MedSAM2Slicer" / "Logic")}
    arguments = ["segment", str(CASES / "ct_dicom"), f"--point={point}", "-o", str(out)]
    subprocess.run([sys.executable, "-m", "medsam2.cli.main", *arguments], check=True, env=environment)
    return Volume.read(out).voxels > 0


def test_click_the_liver_propagate_correct_undo_redo(aLiverBench, tmp_path):
    bench = aLiverBench
    bench.click()
    bench.propagate()
    first = bench.mask()
    assert dice(first, bench.phantom.labels["liver"]) > 0.85
    assert dice(first, command(bench, tmp_path)) > 0.999

    wrong = first & ~bench.phantom.labels["liver"]
    index = int(wrong.sum(axis=(1, 2)).argmax())
    row, column = np.argwhere(wrong[index])[len(np.argwhere(wrong[index])) // 2]
    ras = bench.phantom.volume.geometry.kji_to_ras(np.array([index, row, column], float))
    bench.logic.results.previews.clear()
    bench.view("Red").click(ras, ctrl=True)
    bench.wait(lambda: bench.logic.preview() is not None)
    bench.propagate()
    second = bench.mask()
    assert (second != first).any()
    bench.editor.undo()
    assert (bench.mask() == first).all()
    bench.editor.redo()
    assert (bench.mask() == second).all()
