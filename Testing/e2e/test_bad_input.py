"""Whatever people get wrong: one clear line, exit code 2, and no output left behind."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK

from e2e.conftest import said, write_image

CLICK = ("--ijk", "--point", "20,24,4")


def assert_refused(run, output, *words: str) -> None:
    assert run.returncode == 2, run.stdout + run.stderr
    lines = said(run.stderr.strip())
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("medsam2: ")
    for word in words:
        assert word in lines[0]
    assert not output.exists()
    if output.parent.is_dir():
        assert not [path for path in output.parent.iterdir() if "incomplete" in path.name]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.nrrd"


def test_missing_file(medsam2, tmp_path, output):
    assert_refused(medsam2("segment", tmp_path / "none.nrrd", *CLICK, "-o", output), output, "none.nrrd")


def test_what_a_name_would_do_to_the_terminal_is_not_done(here, tmp_path, output):
    run = here("segment", tmp_path / "none\x1b[2J\x9b1m\r.nrrd", *CLICK, "-o", output)
    assert_refused(run, output, "none[2J1m.nrrd")


def test_a_segmentation_in_place_of_the_scan(here, tmp_path, output):
    mask = write_image(tmp_path / "liver.seg.nrrd", np.zeros((8, 48, 48), np.uint8))
    assert_refused(here("segment", mask, *CLICK, "-o", output), output, "is a segmentation", "--mask")


def test_folder_with_two_series(here, tmp_path, output):
    folder = tmp_path / "dicom"
    folder.mkdir()
    for series in (1, 2):
        for index in range(3):
            image = SimpleITK.GetImageFromArray(np.zeros((1, 16, 16), np.int16))
            image.SetMetaData("0020|000e", f"1.2.3.{series}")
            image.SetMetaData("0020|0032", f"0\\0\\{index}")
            image.SetMetaData("0008|0060", "CT")
            writer = SimpleITK.ImageFileWriter()
            writer.KeepOriginalImageUIDOn()
            writer.SetFileName(str(folder / f"{series}-{index}.dcm"))
            writer.Execute(image)
    assert_refused(here("segment", folder, *CLICK, "-o", output), output, "series")


def test_flat_image_seen_from_the_side(here, tmp_path, output):
    image = write_image(tmp_path / "flat.nrrd", np.zeros((1, 48, 48), np.int16))
    run = here("segment", image, "--ijk", "--point", "20,24,0", "--axis", "i", "-o", output)
    assert_refused(run, output, "single slice", "k")


def test_a_row_of_voxels_shows_no_slice(here, tmp_path, output):
    image = write_image(tmp_path / "row.nrrd", np.zeros((1, 1, 48), np.int16))
    run = here("segment", image, "--ijk", "--point", "20,0,0", "-o", output)
    assert_refused(run, output, "single row")


def test_unknown_axis(here, ball, output):
    assert_refused(here("segment", ball, *CLICK, "--axis", "x", "-o", output), output, "axis")


def test_point_outside_the_volume(here, ball, output):
    run = here("segment", ball, "--ijk", "--point", "200,24,4", "-o", output)
    assert_refused(run, output, "outside")


def test_empty_mask(here, ball, tmp_path, output):
    image = SimpleITK.ReadImage(str(ball)) * 0
    SimpleITK.WriteImage(image, str(tmp_path / "empty.nrrd"))
    run = here("segment", ball, "--mask", tmp_path / "empty.nrrd", "-o", output)
    assert_refused(run, output, "empty")


def test_mask_on_another_grid(here, ball, tmp_path, output):
    other = write_image(tmp_path / "other.nrrd", np.ones((8, 48, 48), np.uint8))
    assert_refused(here("segment", ball, "--mask", other, "-o", output), output, "grid")


def test_voxels_that_are_no_numbers(here, tmp_path, output):
    voxels = np.zeros((8, 48, 48), np.float32)
    voxels[3, 3, 3] = np.nan
    image = write_image(tmp_path / "nan.nrrd", voxels)
    assert_refused(here("segment", image, *CLICK, "-o", output), output, "1 voxel")


def test_unknown_weights(here, ball, output):
    run = here("segment", ball, *CLICK, "--weights", "sam9", "-o", output)
    assert_refused(run, output, "sam9")


def test_truncated_checkpoint(medsam2, ball, tmp_path, output):
    checkpoint = tmp_path / "cut.safetensors"
    checkpoint.write_bytes(b'\x10\x00\x00\x00\x00\x00\x00\x00{"a":')
    run = medsam2("segment", ball, *CLICK, "--weights", checkpoint, "-o", output)
    assert_refused(run, output, "cut.safetensors")


def test_missing_output_folder(here, ball, tmp_path):
    output = tmp_path / "no" / "out.nrrd"
    assert_refused(here("segment", ball, *CLICK, "-o", output), output, "create it")


def test_unknown_output_format(here, ball, tmp_path):
    output = tmp_path / "out.dicom"
    assert_refused(here("segment", ball, *CLICK, "-o", output), output, ".seg.nrrd")


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="limits the size of files with prlimit")
def test_full_disk(medsam2, ball, tmp_path, output):
    # Below even the header of a compressed labelmap.
    limit = ("prlimit", "--fsize=64")
    run = medsam2("segment", ball, *CLICK, "-o", output, prefix=limit)
    assert_refused(run, output, "disk")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--point", "1,2"),
        ("--ijk", "--box", "1,2,3"),
        ("--ijk", "--box", "11,15,3,29,33,9"),
        ("--ijk", "--point", "20,24"),
        ("--ijk", "--point", "L20,P24,S4"),
        ("--ijk", "--point", "20,24,4", "--name", ""),
        ("--ijk", "--box", "11,15,1,29,33,3", "--range", "5:6"),
        ("--ijk", "--point", "20,24,4", "--view", "huge"),
        ("--ijk", "--point", "20,24,4", "--window", "red"),
        ("--ijk", "--point", "20,24,4", "--range", "5:2"),
        ("--ijk", "--point", "20,24,4", "--device", "abacus"),
        ("--ijk", "--point", "20,24,4", "--precision", "fp3"),
        ("--ijk", "--point", "20,24,4", "--preview", "sheet.txt"),
    ],
)
def test_options_that_make_no_sense(here, ball, output, options):
    assert_refused(here("segment", ball, *options, "-o", output), output)


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ("{", "JSON"),
        (json.dumps({"space": "ijk", "objects": []}), "objects"),
        (json.dumps({"space": "xyz", "objects": [{"name": "a", "points": [[1, 2, 3]]}]}), "space"),
        (json.dumps({"space": "ijk", "objects": [{"name": "a", "points": [[1, 2, "?"]]}]}), "points"),
        (json.dumps({"space": "ijk", "objects": [{"name": "a", "points": [[1, 2, 3]]}] * 2}), "same name"),
    ],
)
def test_wrong_prompt_files(here, ball, tmp_path, output, document, word):
    (tmp_path / "prompts.json").write_text(document)
    run = here("segment", ball, "--prompts", tmp_path / "prompts.json", "-o", output)
    assert_refused(run, output, word)
