"""The demo, and one click on a real DICOM series."""

import hashlib
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from medsam2.resource_files import resource_path
from medsam2.volume import Volume, read_segments
from medsam2.volume.dicom.output import write_dicom
from unit.volume.dicom.output.examples import assert_valid

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def test_the_demo_finds_its_organ_and_says_how_to_go_on(medsam2, tmp_path):
    run = medsam2("demo")
    assert run.returncode == 0, run.stderr
    folder = tmp_path / "demo"
    assert {path.name for path in folder.iterdir()} == {"demo.seg.nrrd", "demo.png", "phantom.nrrd"}
    assert float(re.search(r"Dice against the known truth: ([0-9.]+)", run.stdout)[1]) >= 0.8
    scan, mask = (SimpleITK.ReadImage(str(folder / name)) for name in ("phantom.nrrd", "demo.seg.nrrd"))
    assert mask.GetMetaData("Segment0_Name") == "liver"
    assert mask.GetSize() == scan.GetSize()
    assert mask.GetOrigin() == pytest.approx(scan.GetOrigin())
    ras, ijk = re.search(r"middle of the liver: R,A,S (\S+) in mm, voxel i,j,k (\S+)", run.stdout).groups()
    left, posterior, superior = scan.TransformIndexToPhysicalPoint([int(part) for part in ijk.split(",")])
    assert [float(part) for part in ras.split(",")] == pytest.approx([-left, -posterior, superior], abs=0.05)
    steps = [line for line in run.stdout.splitlines() if line.startswith("medsam2 ")]
    assert len(steps) == 3
    for step in steps:
        following = medsam2(*shlex.split(step, comments=True)[1:])
        assert following.returncode == 0, following.stderr
    again = SimpleITK.ReadImage(str(folder / "again.seg.nrrd"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(again), SimpleITK.GetArrayFromImage(mask))


def test_the_demo_replaces_nothing_unless_asked(here, tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    for name in ("demo.seg.nrrd", "demo.png", "phantom.nrrd"):
        (folder / name).write_text("mine")
        run = here("demo")
        assert run.returncode == 2
        assert f"{name} exists" in run.stderr
        assert "--overwrite" in run.stderr
        assert [path.read_text() for path in folder.iterdir()] == ["mine"]
        (folder / name).unlink()


def test_the_demo_on_an_image_needs_a_click(here, ball, tmp_path):
    run = here("demo", ball, "-o", tmp_path / "demo")
    assert run.returncode == 2
    assert "--point" in run.stderr
    assert not (tmp_path / "demo").exists()


def test_the_demo_on_an_image_lists_what_it_wrote_alone(medsam2, ball, tmp_path):
    image = SimpleITK.ReadImage(str(ball))
    left, posterior, superior = image.TransformIndexToPhysicalPoint((20, 24, 4))
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "private.txt").touch()
    run = medsam2("demo", ball, f"--point={-left},{-posterior},{superior}", "-o", tmp_path / "demo")
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().endswith("demo.seg.nrrd, demo.png")


@pytest.mark.skipif(not (DATA / "ct_dicom").is_dir(), reason="needs ../shared/data/ct_dicom")
def test_one_click_on_a_real_ct(medsam2, tmp_path):
    """The aorta, from its middle on its largest slice, named in millimetres."""
    labels = SimpleITK.ReadImage(str(DATA / "ct_labels.nii.gz"))
    names = json.loads((DATA / "ct_labels.json").read_text())
    voxels = SimpleITK.GetArrayFromImage(labels)
    truth = voxels == next(int(label) for label, name in names.items() if name == "aorta")
    index = int(truth.sum(axis=(1, 2)).argmax())
    row, column = np.argwhere(truth[index]).mean(axis=0)
    left, posterior, superior = labels.TransformContinuousIndexToPhysicalPoint((column, row, float(index)))
    out = tmp_path / "aorta.nii.gz"
    click = f"--point={-left},{-posterior},{superior}"
    run = medsam2("segment", DATA / "ct_dicom", click, "-o", out, "--preview", tmp_path / "a.png", "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    mask = SimpleITK.ReadImage(str(out))
    found = SimpleITK.GetArrayFromImage(mask) > 0
    assert report["objects"][0]["voxels"] == found.sum()
    assert mask.GetSize() == labels.GetSize()
    assert mask.GetOrigin() == pytest.approx(labels.GetOrigin(), abs=1e-3)
    assert mask.GetSpacing() == pytest.approx(labels.GetSpacing(), abs=1e-4)
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.6


@pytest.mark.skipif(not DATA.is_dir(), reason="the real cases are not beside the repository")
def test_a_click_on_the_real_ct_becomes_dicom_that_names_its_weights_and_is_a_mask_again(medsam2, tmp_path):
    for file in (DATA / "ct_dicom").iterdir():
        ds = pydicom.dcmread(file)
        # What was removed from it with the names.
        ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3.4", "1.2.3.4.5"
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID
        (tmp_path / "ct").mkdir(exist_ok=True)
        ds.save_as(tmp_path / "ct" / file.name)
    click = ("--ijk", "--point", "150,250,10", "--range", "8:12", "--name", "liver", "--json")
    run = medsam2("segment", tmp_path / "ct", *click, "-o", tmp_path / "liver.dcm")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert (report["output"], report["notes"]) == (str(tmp_path / "liver.dcm"), [])
    ds = pydicom.dcmread(tmp_path / "liver.dcm")
    (liver,) = ds.SegmentSequence
    (algorithm,) = liver.SegmentationAlgorithmIdentificationSequence
    sha256 = hashlib.sha256(resource_path("weights/starter.safetensors").read_bytes()).hexdigest()
    assert algorithm.AlgorithmParameters == f"weights=starter,sha256={sha256}"
    assert ds.StudyInstanceUID == "1.2.3.4"
    scan = Volume.read(tmp_path / "ct")
    (found,) = read_segments(tmp_path / "liver.dcm", scan.geometry)
    assert found.mask.sum() == report["objects"][0]["voxels"] > 1000
    assert_valid(tmp_path / "liver.dcm")
    write_dicom(tmp_path / "liver.rtstruct.dcm", [found], scan)
    assert_valid(tmp_path / "liver.rtstruct.dcm")
