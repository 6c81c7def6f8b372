"""Images of every kind through the real command: equal voxels make equal masks, odd files one sentence."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from e2e.conftest import write_image
from e2e.test_bad_input import assert_refused

SHARED = Path(__file__).resolve().parents[3] / "shared"
INPUTS = SHARED / "cases" / "inputs"
needs_inputs = pytest.mark.skipif(not INPUTS.is_dir(), reason="needs ../shared/cases/inputs")
needs_data = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="needs ../shared/data")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pipes and such names are of POSIX")
ONE_SLICE = ("--ijk", "--point", "10,10,4", "--range", "4:4", "--view", "slice")


def values(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


@needs_inputs
def test_a_padded_ct_is_seen_through_the_soft_tissue_window(segment, tmp_path):
    click = ("--ijk", "--point", "23,31,1", "--range", "1:1")
    run = segment(INPUTS / "18_padded_ct.nii.gz", *click, "-o", tmp_path / "out.nrrd")
    assert run.returncode == 0, run.stderr
    found = values(tmp_path / "out.nrrd")[1] > 0
    y, x = np.indices((64, 64)) - 31.5
    organ = np.hypot(x + 8, y) < 10
    assert 2 * (found & organ).sum() / (found.sum() + organ.sum()) > 0.99


@needs_data
def test_the_same_voxels_give_the_same_masks_as_dicom_and_as_nifti(segment, tmp_path):
    """Several organs of the real CT; that other formats hand over the same is a test of reading."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(SHARED / "data" / "ct_dicom")))
    SimpleITK.WriteImage(reader.Execute(), str(tmp_path / "ct.nii.gz"), True)
    clicks = {"liver": [180, 230, 10], "spleen": [385, 330, 10], "aorta": [258, 300, 10]}
    objects = [{"name": name, "points": [point]} for name, point in clicks.items()]
    (tmp_path / "prompts.json").write_text(json.dumps({"space": "ijk", "objects": objects}))
    masks = []
    for source in (SHARED / "data" / "ct_dicom", tmp_path / "ct.nii.gz"):
        output = tmp_path / f"{source.name}.out.seg.nrrd"
        run = segment(source, "--prompts", tmp_path / "prompts.json", "--range", "9:11", "-o", output)
        assert run.returncode == 0, run.stderr
        masks.append(values(output))
    assert all((masks[0] == value).any() for value in (1, 2, 3))
    np.testing.assert_array_equal(*masks)


@posix_only
def test_no_path_has_to_be_utf8(medsam2, segment, ball, tmp_path):
    folder = tmp_path / os.fsdecode(b"d\xe9")
    folder.mkdir()

    def odd(name: str) -> Path:
        return folder / f"{os.fsdecode(bytes([0xE9]))}{name}"

    image = ball.rename(odd("ball.nrrd"))
    prompts = {"space": "ijk", "objects": [{"name": "ball", "points": [[20, 24, 4]]}]}
    odd("prompts.json").write_text(json.dumps(prompts))
    previewed = medsam2(
        "segment",
        image,
        "--prompts",
        odd("prompts.json"),
        "-o",
        odd("out.nii.gz"),
        "--preview",
        odd("sheet.png"),
    )
    assert previewed.returncode == 0, previewed.stderr
    masked = segment(image, "--mask", odd("out.nii.gz"), "-o", odd("again.seg.nrrd"), "--range", "4:4")
    assert masked.returncode == 0, masked.stderr
    assert all(odd(name).stat().st_size > 100 for name in ("out.nii.gz", "sheet.png", "again.seg.nrrd"))


@posix_only
@pytest.mark.parametrize("option", ["image", "--mask"])
def test_a_pipe_is_refused_at_once(here, ball, tmp_path, option):
    os.mkfifo(tmp_path / "pipe.nrrd")
    output = tmp_path / "out.nrrd"
    given = (
        (ball, "--mask", tmp_path / "pipe.nrrd")
        if option == "--mask"
        else (tmp_path / "pipe.nrrd", *ONE_SLICE)
    )
    assert_refused(here("segment", *given, "-o", output), output, "pipe")


@pytest.mark.parametrize("option", ["image", "--mask", "--prompts", "-o"])
def test_a_name_too_long_for_a_file_is_refused(here, ball, tmp_path, option):
    long = tmp_path / ("a" * 300 + (".json" if option == "--prompts" else ".nrrd"))
    given = {"image": (long, *ONE_SLICE), "-o": (ball, *ONE_SLICE)}.get(option, (ball, option, long))
    output = long if option == "-o" else tmp_path / "out.nrrd"
    run = here("segment", *given, "-o", output)
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("medsam2: ")
    assert "Traceback" not in run.stderr


@posix_only
def test_a_header_that_names_another_file_is_not_uploaded(here, tmp_path):
    """Refused before a server is looked for."""
    (tmp_path / "images").mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(48 * 48 * 2))
    image = write_image(tmp_path / "images" / "a.mhd", np.zeros((1, 48, 48), np.int16))
    image.write_text(image.read_text().replace("a.raw", "../secret.raw"))
    (tmp_path / "token").write_text("secret")
    server = ("--server", "wss://127.0.0.1:1/session", "--token-file", tmp_path / "token")
    output = tmp_path / "out.nrrd"
    run = here("segment", image, *ONE_SLICE, *server, "-o", output)
    assert_refused(run, output, "its own folder")
