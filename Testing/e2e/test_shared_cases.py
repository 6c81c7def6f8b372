"""``medsam2 segment`` on every input of ../shared/cases, each against its right value.

The command as people type it, in this process and over one backend, to save the start of another for each.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from medsam2.cli.app import app
from medsam2.errors import InputError
from medsam2.volume import Volume

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "inputs"
CLICK = ("--ijk", "--point", "10,10,4", "--range", "4:4", "--view", "slice")
GRID = {"spacing": (0.7, 0.9, 2.5), "origin": (10, -20, 30), "size": (24, 20, 8)}
"""Of the volume that cases 01 to 17 show."""
ORDINARY = CASES / "15_image.nii.gz"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")


Segment = Callable[..., dict[str, Any]]


@pytest.fixture
def segment(server, tmp_path, monkeypatch) -> Segment:
    """Run the command; returns what --json prints. What it refuses raises InputError here."""
    monkeypatch.setenv("MEDSAM2_TOKEN", server.tokens["anna"])
    address = f"ws://127.0.0.1:{server.port}/session"

    def run(image: Path, *options: object, output: Path = tmp_path / "out.nii.gz") -> dict[str, Any]:
        words = ["segment", image, *options, "-o", output, "--server", address, "--json"]
        answer = CliRunner().invoke(
            app, [os.fspath(word) for word in map(word_of, words)], catch_exceptions=False
        )
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)

    return run


def word_of(word: object) -> str:
    return os.fspath(word) if isinstance(word, Path) else str(word)


def refused(segment: Segment, tmp_path: Path, image: Path, *options: object, words: str) -> None:
    """One sentence that says these words, and nothing is written."""
    with pytest.raises(InputError, match=words):
        segment(image, *(options or CLICK))
    assert not (tmp_path / "out.nii.gz").exists()


def reference() -> np.ndarray:
    """Intensities (k, j, i) of the volume that cases 01 to 17 show."""
    return nibabel.load(ORDINARY).get_fdata().transpose(2, 1, 0)


def has_grid(mask: Path) -> None:
    image = SimpleITK.ReadImage(str(mask))
    for name, values in GRID.items():
        assert getattr(image, f"Get{name.title()}")() == pytest.approx(values, abs=1e-4), name
    assert SimpleITK.GetArrayFromImage(image)[4, 10, 10] == 1


def test_01_frames_stored_out_of_order_are_sorted_by_position(segment, tmp_path):
    segment(CASES / "01_frames_interleaved.dcm", *CLICK)
    has_grid(tmp_path / "out.nii.gz")
    assert np.array_equal(Volume.read(CASES / "01_frames_interleaved.dcm").voxels, reference())


def test_02_two_time_points_are_told_apart(segment, tmp_path):
    image = CASES / "02_frames_two_time_points.dcm"
    refused(
        segment, tmp_path, image, words=r"2 time points: choose with --time, a number from 0 to 1, or all"
    )
    for choice in (("--volume", 2), ("--time", 1)):
        segment(image, *CLICK, *choice, "--overwrite")
        has_grid(tmp_path / "out.nii.gz")


def test_03_a_scout_in_the_series_is_left_out_and_said(segment, tmp_path):
    report = segment(CASES / "03_scout_in_series", *CLICK)
    has_grid(tmp_path / "out.nii.gz")
    assert any("sagittal" in note for note in report["notes"])


def test_04_a_tilted_gantry_keeps_every_slice_in_its_place(segment, tmp_path):
    segment(CASES / "04_gantry_tilt", *CLICK)
    shift = 2.5 * np.tan(np.radians(15))
    right = np.array([[-0.7, 0, 0, -10], [0, -0.9, -shift, 20], [0, 0, 2.5, 30], [0, 0, 0, 1]])
    assert nibabel.load(tmp_path / "out.nii.gz").affine == pytest.approx(right, abs=1e-4)


def test_05_slices_of_different_rescale_have_the_right_intensities(segment, tmp_path):
    segment(CASES / "05_rescale_differs", *CLICK)
    has_grid(tmp_path / "out.nii.gz")
    voxels = Volume.read(CASES / "05_rescale_differs").voxels
    assert np.array_equal(voxels[1:], reference()[1:])
    assert np.array_equal(voxels[0], np.abs(reference()[0]))


def test_06_a_damaged_file_is_named(segment, tmp_path):
    folder = CASES / "06_last_file_cut"
    refused(segment, tmp_path, folder, words=r"s07\.dcm is damaged.*--skip-damaged")
    report = segment(folder, *CLICK, "--skip-damaged")
    assert SimpleITK.ReadImage(str(tmp_path / "out.nii.gz")).GetSize() == (24, 20, 7)
    assert any("s07.dcm" in note for note in report["notes"])


def test_07_two_blocks_are_no_volume(segment, tmp_path):
    refused(segment, tmp_path, CASES / "07_two_blocks", words=r"no regular grid.*302\.5 mm")


def test_08_a_single_slice_is_as_thick_as_it_says(segment, tmp_path):
    report = segment(
        CASES / "08_single_slice_6mm", "--ijk", "--point", "10,10,0", "--range", "0:0", "--view", "slice"
    )
    image = SimpleITK.ReadImage(str(tmp_path / "out.nii.gz"))
    assert image.GetSpacing() == pytest.approx((0.7, 0.9, 6.0))
    (found,) = report["objects"]
    assert found["volume_ml"] == pytest.approx(found["voxels"] * 0.7 * 0.9 * 6 / 1000, abs=0.006)


def test_09_an_unknown_pixel_spacing_is_said(segment):
    report = segment(CASES / "09_no_pixel_spacing", *CLICK)
    assert any("Pixel Spacing" in note for note in report["notes"])


def test_10_voxels_that_are_no_numbers_are_refused_or_given_a_value(segment, tmp_path):
    image = CASES / "10_not_a_number.nii.gz"
    refused(segment, tmp_path, image, words="480 voxels that are not a number.*--nan")
    segment(image, *CLICK, "--nan", -1000)
    has_grid(tmp_path / "out.nii.gz")


def test_11_half_a_file_is_refused_however_its_name_is_spelt(segment, tmp_path):
    refused(segment, tmp_path, CASES / "11_CUT.NII.GZ", words="incomplete or damaged")


def test_12_whole_numbers_of_64_bits_are_read(segment, tmp_path):
    segment(CASES / "12_int64.nii.gz", *CLICK)
    has_grid(tmp_path / "out.nii.gz")
    assert np.array_equal(Volume.read(CASES / "12_int64.nii.gz").voxels, reference())


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_13_sheared_axes_stay_as_they_are(segment, tmp_path, suffix):
    out = tmp_path / f"sheared{suffix}"
    segment(CASES / "13_sheared.nrrd", *CLICK, output=out)
    right = np.array([[0.7, 0, 0], [0, 0.9, 0.67], [0, 0, 2.5]])  # to the left, back and top
    if suffix == ".nii.gz":
        found = np.diag([-1, -1, 1]) @ nibabel.load(out).affine[:3, :3]
    else:
        header = out.read_bytes().split(b"\n\n", 1)[0].decode()
        line = next(line for line in header.splitlines() if line.startswith("space directions:"))
        columns = [part.strip("()").split(",") for part in line.split(":")[1].split()]
        found = np.array(columns, float).T
    assert found == pytest.approx(right, abs=1e-4)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8 are Linux's")
def test_14_a_name_that_is_not_utf8_is_read_or_refused_first(medsam2, tmp_path):
    odd = os.fsdecode(b"caf\xe9")
    image = tmp_path / f"{odd}.nii.gz"
    shutil.copy(ORDINARY, image)
    for source, output in ((image, "plain.nii.gz"), (ORDINARY, f"{odd}_mask.nii.gz")):
        run = medsam2("segment", source, *CLICK, "-o", tmp_path / output)
        assert run.returncode in (0, 2), run.stderr
        assert "Traceback" not in run.stderr
        assert (tmp_path / output).exists() == (run.returncode == 0)


def test_15_labels_keep_their_values(segment, tmp_path):
    report = segment(ORDINARY, "--mask", CASES / "15_labels_5_and_2.nii.gz", "--range", "4:4")
    given = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(CASES / "15_labels_5_and_2.nii.gz")))
    found = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "out.nii.gz")))
    assert np.array_equal(found, given)
    assert {entry["label"] for entry in report["objects"]} == {5, 2}


def test_15_the_scan_is_never_written_over(segment, tmp_path):
    scan = tmp_path / "scan.nii.gz"
    shutil.copy(ORDINARY, scan)
    with pytest.raises(InputError, match="would replace"):
        segment(scan, *CLICK, "--overwrite", output=scan)
    assert scan.read_bytes() == ORDINARY.read_bytes()


def test_16_a_prompt_file_with_a_byte_order_mark_is_read(segment, tmp_path):
    prompts = CASES / "16_prompts_with_bom.json"
    segment(ORDINARY, "--prompts", prompts, "--range", "4:4", "--view", "slice")
    has_grid(tmp_path / "out.nii.gz")


def test_17_a_row_of_voxels_is_refused_without_contradiction(segment, tmp_path):
    with pytest.raises(InputError) as caught:
        segment(CASES / "17_one_row.nrrd", "--ijk", "--point", "3,0,0", output=tmp_path / "out.nrrd")
    assert "choose its own" not in str(caught.value)
    assert not (tmp_path / "out.nrrd").exists()


def test_18_padding_does_not_hide_that_it_is_a_ct(segment, tmp_path):
    segment(CASES / "18_padded_ct.nii.gz", "--ijk", "--point", "23,31,1", "--range", "1:1")
    y, x = np.indices((64, 64)) - 31.5
    organ = np.hypot(x + 8, y) < 10
    found = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "out.nii.gz")))[1] > 0
    assert 2 * (found & organ).sum() / (found.sum() + organ.sum()) > 0.95
