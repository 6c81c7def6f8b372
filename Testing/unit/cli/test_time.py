"""``medsam2 segment --time``: what cannot be done is said before anything is computed."""

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from medsam2.cli.app import app
from medsam2.cli.results import Outputs
from medsam2.cli.time_results import TimeOutputs
from medsam2.errors import InputError
from medsam2.volume import TimePoints
from unit.volume.dicom.test_time import write_film


def segment(image, *options) -> None:
    command = ["segment", str(image), "--ijk", "--point", "3,2,1", *map(str, options)]
    run = CliRunner().invoke(app, command)
    assert run.exception is not None
    raise run.exception


def write_times(path, count):
    image = SimpleITK.GetImageFromArray(np.zeros((3, 4, 5), np.int16))
    SimpleITK.WriteImage(image if count == 1 else SimpleITK.JoinSeries([image] * count), str(path))
    return path


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("", "has 4 time points: choose with --time, a number from 0 to 3, or all"),
        ("--time 4", "There is no time point 4: the image has time points 0 to 3"),
        ("--time all --prompt-time 7", "There is no time point 7"),
        ("--time first", "--time first is no time point: give its number from 0, or all"),
        ("--time -1", "--time -1 is no time point"),
        ("--time 2 --prompt-time 1", "--prompt-time goes with --time all"),
        ("--time all -o out.seg.nrrd", r"for a file for each, as in out_\{time\}\.seg\.nrrd"),
        ("--time all -o out.dcm", r"as in out_\{time\}\.dcm"),
        ("--time all --preview p.png", r"for a picture of each, as in p_\{time\}\.png"),
        ("--time 1 -o out.seq.nrrd", r"give --time all, or end it with \.nrrd"),
        ("--time 1 -o a_{time}.nrrd", "stands for all time points: give --time all"),
        ("--time all -o taken_{time}.nrrd", r"taken_3\.nrrd exists"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    image = write_times(tmp_path / "image.nii.gz", 4)
    (tmp_path / "taken_3.nrrd").touch()
    output = () if "-o" in options else ("-o", "out.nii.gz")
    with pytest.raises(InputError, match=sentence):
        segment(image, *options.split(), *output)
    assert {path.name for path in tmp_path.iterdir()} == {"image.nii.gz", "taken_3.nrrd"}


@pytest.mark.parametrize(
    ("time", "sentence"), [("all", "has no time points"), ("1", "the image has one time point, 0")]
)
def test_an_image_without_time_has_none_to_choose(tmp_path, time, sentence):
    image = write_times(tmp_path / "image.nii.gz", 1)
    with pytest.raises(InputError, match=sentence):
        segment(image, "--time", time, "-o", tmp_path / "out.nii.gz")


def test_dicom_cannot_refer_to_a_film(tmp_path):
    film = write_film(tmp_path)
    with pytest.raises(InputError, match="end the name with"):
        segment(film, "--time", 1, "-o", tmp_path / "out.dcm")


def test_names_have_as_many_digits_as_the_last_one(tmp_path):
    outputs = TimeOutputs(Outputs(tmp_path / "a_{time}.nrrd", tmp_path / "{time}.png"), TimePoints(12))
    names = [file.name for file in outputs.files]
    assert names[:3] == ["a_00.nrrd", "a_00.labels.json", "00.png"]
    assert (len(names), names[-1]) == (36, "11.png")


def test_one_file_has_one_table_and_a_picture_for_each_time_point(tmp_path):
    outputs = TimeOutputs(Outputs(tmp_path / "a.nii.gz", tmp_path / "p{time}.png"), TimePoints(2))
    assert [file.name for file in outputs.files] == ["a.nii.gz", "a.labels.json", "p0.png", "p1.png"]
