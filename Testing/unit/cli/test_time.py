"""``medsam2 segment --time``: what cannot be done is said before anything is computed."""

import json
import sys

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from medsam2.cli.app import app
from medsam2.cli.prompt_options import PromptedObject
from medsam2.cli.results import Outputs
from medsam2.cli.segmentation import Result
from medsam2.cli.time_results import TimeOutputs, write_time_results
from medsam2.cli.time_tracking import TimePointResult
from medsam2.errors import InputError
from medsam2.volume import Geometry, TimePoints, Volume, VolumeSlices
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
        ("--time all -o {time}.seq.nrrd", r"leave \{time\} out, or end it with \.nrrd"),
        ("--time all -o {time}/a.nrrd", r"is in a folder's name: put it into that of the file"),
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("name", ["a_{time}.nii", "a_{time}.seg.nrrd", "a.nii", "a.seq.nrrd"])
def test_a_full_disk_is_told_with_the_name_that_was_given_and_leaves_nothing(tmp_path, name):
    import resource

    voxels = np.random.default_rng(0).integers(0, 2, (9, 40, 40)).astype(bool)
    slices = VolumeSlices(Volume(voxels.astype(np.uint8), Geometry(voxels.shape, np.eye(4))))
    one = TimePointResult([PromptedObject("a", (1, 0, 0))], Result({"a": voxels}, 0.0, 0, {}, {}))
    outputs = TimeOutputs(Outputs(tmp_path / name), TimePoints(2))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(InputError) as refusal:
            write_time_results(outputs, [one, one], lambda time: slices, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(refusal.value).startswith(f"{tmp_path / name.replace('{time}', '0')} was not written")
    assert list(tmp_path.iterdir()) == []


def test_another_labelmap_of_the_name_keeps_its_table(tmp_path):
    (tmp_path / "a_0.mha").touch()
    (tmp_path / "a_0.labels.json").write_text("other")
    voxels = np.ones((1, 2, 2), bool)
    slices = VolumeSlices(Volume(voxels.astype(np.uint8), Geometry(voxels.shape, np.eye(4))))
    one = TimePointResult([PromptedObject("a", (1, 0, 0))], Result({"a": voxels}, 0.0, 0, {}, {}))
    outputs = TimeOutputs(Outputs(tmp_path / "a_{time}.nrrd"), TimePoints(2))
    write_time_results(outputs, [one, one], lambda time: slices, None)
    assert (tmp_path / "a_0.labels.json").read_text() == "other"
    assert json.loads((tmp_path / "a_0.nrrd.labels.json").read_text()) == {"1": "a"}


def test_names_have_as_many_digits_as_the_last_one(tmp_path):
    outputs = TimeOutputs(Outputs(tmp_path / "a_{time}.nrrd", tmp_path / "{time}.png"), TimePoints(12))
    names = [file.name for file in outputs.files]
    assert names[:3] == ["a_00.nrrd", "a_00.labels.json", "00.png"]
    assert (len(names), names[-1]) == (36, "11.png")


def test_one_file_has_one_table_and_a_picture_for_each_time_point(tmp_path):
    outputs = TimeOutputs(Outputs(tmp_path / "a.nii.gz", tmp_path / "p{time}.png"), TimePoints(2))
    assert [file.name for file in outputs.files] == ["a.nii.gz", "a.labels.json", "p0.png", "p1.png"]
