"""``medsam2 info`` tells what an image holds."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from medsam2.cli.app import app
from medsam2.errors import InputError
from unit.volume.dicom.examples import ROOT, write_series


def info(*arguments) -> str:
    """What it prints."""
    run = CliRunner().invoke(app, ["info", *map(str, arguments)])
    if run.exception is not None:
        raise run.exception
    return run.stdout


def facts(*arguments) -> dict:
    """What it tells machines."""
    return json.loads(info(*arguments, "--json"))


@pytest.fixture
def oblique(tmp_path) -> Path:
    """A head-first volume of 8 slices on a flipped grid, turned by 0.3 about the body's axis."""
    cos, sin = np.cos(0.3), np.sin(0.3)
    ramp = np.arange(8 * 20 * 30).reshape(8, 20, 30)
    image = SimpleITK.GetImageFromArray((ramp // 3 - 1000 + 2200 * (ramp == ramp.max())).astype(np.int16))
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetDirection((-cos, sin, 0.0, sin, cos, 0.0, 0.0, 0.0, -1.0))
    image.SetOrigin((30.0, -12.0, 5.0))
    SimpleITK.WriteImage(image, str(tmp_path / "oblique.nrrd"))
    return tmp_path / "oblique.nrrd"


def test_the_facts_are_those_of_the_image(oblique):
    report = facts(oblique)["facts"]
    image = SimpleITK.ReadImage(str(oblique))
    assert report["size"] == list(image.GetSize())
    assert report["spacing_mm"] == pytest.approx(image.GetSpacing())
    assert report["intensities"] == {"lowest": -1000, "highest": 2799, "type": "int16", "like_ct": True}
    assert report["window"] == [-160, 240]
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(image.GetSize()) - 1)
    ras = [image.TransformIndexToPhysicalPoint(corner.tolist()) for corner in corners] * np.array([-1, -1, 1])
    for number, name in enumerate("RAS"):
        limits = ras[:, number].min(), ras[:, number].max()
        assert report["range_mm"][name] == pytest.approx(limits, abs=0.01)
    middle = image.TransformIndexToPhysicalPoint(report["middle_ijk"]) * np.array([-1, -1, 1])
    assert report["middle_ras_mm"] == pytest.approx(middle, abs=0.01)


def test_people_read_the_same_in_words(oblique):
    text = info(oblique)
    assert "30 x 20 x 8 voxels" in text
    assert "0.7 x 0.9 x 2.5 mm" in text
    words = "axial slices along k; i to the right, j to the back, k to the feet; tilted by up to 17.2 degrees"
    assert words in text
    assert "like those of a CT" in text
    assert "-160 to 240 (soft-tissue)" in text
    assert re.search(r"^R +-?\d+\.\d to -?\d+\.\d mm \([LR][\d.]+ to [LR][\d.]+\)$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("shape", "spacing", "words"),
    [
        ((20, 20, 4), (4.0, 1.0, 1.0), "sagittal slices along i"),
        ((20, 4, 20), (1.0, 4.0, 1.0), "coronal slices along j"),
        ((20, 20, 20), (1.0, 1.0, 1.0), "axial slices along k"),
    ],
)
def test_the_thick_axis_names_the_plane(tmp_path, shape, spacing, words):
    image = SimpleITK.GetImageFromArray(np.arange(np.prod(shape), dtype=np.int16).reshape(shape))
    image.SetSpacing(spacing)
    SimpleITK.WriteImage(image, str(tmp_path / "a.nrrd"))
    assert words in info(tmp_path / "a.nrrd")


def test_a_photograph_has_no_place_in_a_patient(tmp_path):
    photograph = tmp_path / "skin.png"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((20, 30), np.uint8)), str(photograph))
    text = info(photograph)
    assert "30 x 20" in text
    assert "does not say where the image lies" in text
    assert "mm (" not in text
    assert text.rstrip().endswith("--ijk --point 15,10")


def test_a_folder_of_pictures_is_a_volume_without_a_place(tmp_path):
    for index in range(3):
        picture = SimpleITK.GetImageFromArray(np.full((20, 30), index, np.uint8))
        SimpleITK.WriteImage(picture, str(tmp_path / f"slice{index}.png"))
    text = info(tmp_path)
    assert "30 x 20 x 3" in text
    assert "does not say where the image lies" in text


def test_several_time_points_in_a_file_are_said(tmp_path):
    frames = [SimpleITK.GetImageFromArray(np.full((3, 4, 5), time, np.int16)) for time in (3, 8)]
    SimpleITK.WriteImage(SimpleITK.JoinSeries(frames, 0.0, 0.5), str(tmp_path / "four.nii.gz"))
    said = info(tmp_path / "four.nii.gz", "--time", 1)
    assert "Time points  2, from 0 to 0.5 s; choose with --time 0 to 1, or all" in said
    assert "Intensities  8 to 8" in said
    assert facts(tmp_path / "four.nii.gz")["facts"]["time_points"] == {
        "count": 2,
        "values": ["0", "0.5"],
        "unit": "s",
    }
    with pytest.raises(InputError, match="There is no time point 2"):
        info(tmp_path / "four.nii.gz", "--time", 2)


def test_a_picture_is_of_the_time_point_that_is_asked_for_and_says_so(tmp_path):
    voxels = np.zeros((2, 3, 40, 50), np.int16)
    voxels[0, :, :20], voxels[1, :, 20:] = 100, 100
    frames = [SimpleITK.GetImageFromArray(one) for one in voxels]
    SimpleITK.WriteImage(SimpleITK.JoinSeries(frames), str(tmp_path / "four.nii.gz"))
    pictures = [tmp_path / f"{time}.png" for time in range(2)]
    for time, picture in enumerate(pictures):
        said = info(tmp_path / "four.nii.gz", "--time", time, "--picture", picture)
        assert f"Slices of time point {time} to read off where to click" in said
    SimpleITK.WriteImage(frames[1], str(tmp_path / "second.nii.gz"))
    alone = info(tmp_path / "second.nii.gz", "--picture", tmp_path / "second.png")
    assert "time point" not in alone.splitlines()[-1]
    drawn = [picture.read_bytes() for picture in (*pictures, tmp_path / "second.png")]
    assert drawn[0] != drawn[1] == drawn[2]


def test_volumes_of_a_series_that_are_time_points_are_said(tmp_path):
    for time in range(3):
        words = {"AcquisitionDate": "20200131", "AcquisitionTime": f"10100{2 * time}"}
        write_series(tmp_path, first=1 + 10 * time, name=f"{time}-", **words)
    report = facts(tmp_path)
    assert len(report["volumes"]) == 3
    assert report["facts"]["time_points"] == {"count": 3, "values": ["0", "2", "4"], "unit": "s"}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two series of a patient: a scan with a localizer in it, and a second scan."""
    patient = {"PatientName": "Doe^Jane", "PatientID": "12345678", "PatientBirthDate": "19500102"}
    write_series(tmp_path / "dicom" / "a", SeriesDescription="thorax " * 9, **patient)
    second = {"SeriesInstanceUID": f"{ROOT}.9", "SeriesNumber": 7, "SeriesDescription": "liver", **patient}
    stored = np.zeros((5, 20, 24), np.uint16)
    write_series(tmp_path / "dicom" / "b", stored=stored, first=100, name="t", **second)
    return tmp_path / "dicom"


def test_all_volumes_of_a_folder_are_listed_with_how_to_choose(folder):
    text = info(folder)
    lines = text.splitlines()
    assert lines[0].split() == ["Volume", "Series", "Type", "Date", "Size", "Slices", "Description"]
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].split()[:4] == ["1", "1", "CT", "2020-01-31"]
    assert lines[1].endswith("…")
    assert "24 x 20 x 5" in lines[2]
    assert lines[2].endswith("liver")
    assert "--volume N" in text
    assert "Intensities" not in text


def test_a_chosen_volume_is_described(folder, tmp_path):
    report = facts(folder, "--volume", 2, "--picture", tmp_path / "a.png")
    assert [row["size"][2] for row in report["volumes"]] == [6, 5]
    assert report["facts"]["size"] == [24, 20, 5]
    assert report["picture"] == str(tmp_path / "a.png")
    assert facts(folder, "--series", 1)["facts"]["size"] == [14, 12, 6]


def test_a_picture_of_several_volumes_is_refused_with_the_list(folder, tmp_path):
    with pytest.raises(InputError, match="choose one with --volume"):
        info(folder, "--picture", tmp_path / "a.png")
    with pytest.raises(InputError, match="There is no volume 3"):
        info(folder, "--volume", 3)
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("options", [(), ("--volume", 1), ("--volume", 1, "--json")])
def test_nothing_names_the_patient(folder, tmp_path, options):
    told = info(folder, *options)
    for secret in ("Doe", "Jane", "12345678", "1950", ROOT):
        assert secret not in told


def test_slices_on_no_grid_are_listed_with_the_reason_and_the_way_out(tmp_path):
    folder = write_series(tmp_path / "gap", slices=[0, 1, 2, 5])
    text = info(folder)
    assert re.search("no regular grid: .* apart.*--resample", text)
    assert "Intensities" not in text
    assert facts(folder, "--resample")["facts"]["size"] == [14, 12, 6]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--slice", "2"), "give --picture"),
        (("--picture", "out.png", "--slice", "8"), "--slice 8 does not exist: give a slice from 0 to 7"),
        (("--picture", "out.tiff"), "end its name with .png"),
        (("--picture", "none/out.png"), "none"),
        (("--picture", "out.png", "--axis", "slanted"), "There is no axis slanted"),
    ],
)
def test_what_cannot_be_drawn_is_refused(oblique, tmp_path, monkeypatch, options, hint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=hint):
        info(oblique, *options)
    assert not (tmp_path / "out.png").exists()


def test_a_picture_that_exists_is_kept_without_leave(oblique, tmp_path):
    picture = tmp_path / "a.png"
    picture.write_text("mine")
    with pytest.raises(InputError, match="--overwrite"):
        info(oblique, "--picture", picture)
    assert picture.read_text() == "mine"
    info(oblique, "--picture", picture, "--axis", "Coronal", "--slice", 3, "--overwrite")
    assert SimpleITK.ReadImage(str(picture)).GetWidth() > 400


def test_a_picture_that_is_called_no_png_is_refused_as_a_picture(oblique, tmp_path):
    with pytest.raises(InputError, match=r"The picture b\.jpg would be a PNG"):
        info(oblique, "--picture", tmp_path / "b.jpg")
