"""``medsam2 segment`` from prompts to files."""

import json

import numpy as np
import pytest
import SimpleITK

CLICK = ("--ijk", "--point", "20,24,4")


def read(path) -> tuple[np.ndarray, SimpleITK.Image]:
    image = SimpleITK.ReadImage(str(path))
    return SimpleITK.GetArrayFromImage(image), image


def same_grid(one: SimpleITK.Image, other: SimpleITK.Image) -> bool:
    return all(
        np.allclose(getattr(one, name)(), getattr(other, name)(), atol=1e-4)
        for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection")
    )


@pytest.mark.parametrize("suffix", [".seg.nrrd", ".nii.gz", ".nrrd", ".mha"])
def test_output_lies_on_the_grid_of_the_input(segment, ball, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    run = segment(ball, *CLICK, "-o", out)
    assert run.returncode == 0, run.stderr
    mask, image = read(out)
    assert same_grid(image, SimpleITK.ReadImage(str(ball)))
    truth = read(ball)[0] > 100
    assert mask[4, 24, 20] == 1
    assert 2 * (truth & (mask > 0)).sum() / (truth.sum() + (mask > 0).sum()) > 0.7


def test_millimetres_and_voxel_indices_give_the_same_mask(medsam2, ball, tmp_path):
    _, image = read(ball)
    left, posterior, superior = image.TransformIndexToPhysicalPoint((20, 24, 4))
    by_index = medsam2("segment", ball, *CLICK, "-o", tmp_path / "ijk.nrrd")
    ras = f"{-left},{-posterior},{superior}"
    by_millimetres = medsam2("segment", ball, f"--point={ras}", "-o", tmp_path / "ras.nrrd")
    assert by_index.returncode == by_millimetres.returncode == 0, by_millimetres.stderr
    assert np.array_equal(read(tmp_path / "ijk.nrrd")[0], read(tmp_path / "ras.nrrd")[0])


@pytest.mark.parametrize("axis", ["j", "i"])
def test_other_axes_segment_the_same_ball(segment, ball, tmp_path, axis):
    run = segment(ball, *CLICK, "--axis", axis, "-o", tmp_path / "out.nrrd")
    assert run.returncode == 0, run.stderr
    assert read(tmp_path / "out.nrrd")[0][4, 24, 20] == 1


def test_several_objects_from_a_prompt_file_keep_names_and_colours(segment, ball, tmp_path):
    prompts = {
        "space": "ijk",
        "objects": [
            {"name": "ball", "color": [1, 0, 0], "points": [[20, 24, 4], [2, 2, 4, "-"]]},
            {"name": "boxed", "box": [11, 15, 4, 29, 33, 4]},
        ],
    }
    (tmp_path / "prompts.json").write_text(json.dumps(prompts))
    out = tmp_path / "out.seg.nrrd"
    run = segment(ball, "--prompts", tmp_path / "prompts.json", "-o", out, "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert [entry["name"] for entry in report["objects"]] == ["ball", "boxed"]
    _, image = read(out)
    assert image.GetMetaData("Segment0_Name") == "ball"
    assert image.GetMetaData("Segment0_Color") == "1 0 0"
    assert image.GetMetaData("Segment1_Name") == "boxed"


def test_a_mask_on_one_slice_is_kept_and_tracked(segment, ball, tmp_path):
    voxels, image = read(ball)
    given = np.zeros_like(voxels, np.uint8)
    given[4] = voxels[4] > 100
    painted = SimpleITK.GetImageFromArray(given)
    painted.CopyInformation(image)
    SimpleITK.WriteImage(painted, str(tmp_path / "mask.nrrd"))
    run = segment(ball, "--mask", tmp_path / "mask.nrrd", "-o", tmp_path / "out.nrrd")
    assert run.returncode == 0, run.stderr
    mask = read(tmp_path / "out.nrrd")[0]
    assert np.array_equal(mask[4] > 0, given[4] > 0)
    assert mask[3].any()
    assert mask[5].any()


def test_a_range_limits_the_slices(segment, ball, tmp_path):
    run = segment(ball, *CLICK, "--range", "4:5", "-o", tmp_path / "out.nrrd")
    assert run.returncode == 0, run.stderr
    slices = np.flatnonzero(read(tmp_path / "out.nrrd")[0].any(axis=(1, 2)))
    assert set(slices) <= {4, 5}


def test_preview_is_a_picture(segment, ball, tmp_path):
    preview = tmp_path / "sheet.png"
    run = segment(ball, *CLICK, "-o", tmp_path / "out.nrrd", "--preview", preview)
    assert run.returncode == 0, run.stderr
    width, height = SimpleITK.ReadImage(str(preview)).GetSize()
    assert width > 400
    assert height > 200


@pytest.mark.parametrize("memory", ["neighbours", "self-sorting"])
def test_both_memories_run_and_repeat(segment, ball, tmp_path, memory):
    for name in ("one", "two"):
        run = segment(ball, *CLICK, "--memory", memory, "-o", tmp_path / f"{name}.nrrd")
        assert run.returncode == 0, run.stderr
    assert np.array_equal(read(tmp_path / "one.nrrd")[0], read(tmp_path / "two.nrrd")[0])


def halves_of_the_ball(tmp_path, ball) -> np.ndarray:
    """A labelmap of the ball's upper and lower half on one slice, as labels 5 and 2."""
    voxels, image = read(ball)
    given = np.zeros_like(voxels, np.uint8)
    given[4] = (voxels[4] > 100) * 5
    given[4, 24:] = np.minimum(given[4, 24:], 2)
    painted = SimpleITK.GetImageFromArray(given)
    painted.CopyInformation(image)
    SimpleITK.WriteImage(painted, str(tmp_path / "mask.nii.gz"))
    (tmp_path / "mask.labels.json").write_text('{"5": "upper", "2": "lower"}')
    return given


def test_labels_and_names_of_a_mask_go_from_labelmap_to_labelmap(segment, ball, tmp_path):
    given = halves_of_the_ball(tmp_path, ball)
    options = ("--mask", tmp_path / "mask.nii.gz", "--range", "4:4", "--json")
    run = segment(ball, *options, "-o", tmp_path / "out.nii.gz")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["output"] == str(tmp_path / "out.nii.gz")
    assert [(row["name"], row["label"]) for row in report["objects"]] == [("lower", 2), ("upper", 5)]
    assert np.array_equal(read(tmp_path / "out.nii.gz")[0], given)
    assert json.loads((tmp_path / "out.labels.json").read_text()) == {"5": "upper", "2": "lower"}


def test_objects_that_overlap_are_refused_in_a_labelmap_and_kept_beside_it(segment, ball, tmp_path):
    prompts = {"space": "ijk", "objects": [{"name": name, "points": [[20, 24, 4]]} for name in ("a", "b")]}
    (tmp_path / "prompts.json").write_text(json.dumps(prompts), encoding="utf-8-sig")
    options = ("--prompts", tmp_path / "prompts.json", "--range", "4:4", "--json")
    run = segment(ball, *options, "-o", tmp_path / "out.nrrd")
    assert run.returncode == 2
    assert "a and b share" in json.loads(run.stdout)["error"]
    assert not (tmp_path / "out.nrrd").exists()
    kept = read(tmp_path / "out.seg.nrrd")[0]
    assert kept.shape[-1] == 2
    assert np.array_equal(kept[..., 0] > 0, kept[..., 1] > 0)


def test_a_box_through_the_ball_finds_it_and_no_slice_beyond(segment, ball, tmp_path):
    box = ("--ijk", "--box", "11,15,2,29,33,6", "--name", "ball")
    run = segment(ball, *box, "-o", tmp_path / "out.nrrd", "--json")
    assert run.returncode == 0, run.stderr
    (row,) = json.loads(run.stdout)["objects"]
    assert row["name"] == "ball"
    mask, truth = read(tmp_path / "out.nrrd")[0] > 0, read(ball)[0] > 100
    assert set(np.flatnonzero(mask.any(axis=(1, 2)))) <= {2, 3, 4, 5, 6}
    assert 2 * (truth & mask).sum() / (truth.sum() + mask.sum()) > 0.7


def test_a_2d_image_takes_two_numbers(medsam2, ball, tmp_path):
    flat = read(ball)[0][4]
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(flat), str(tmp_path / "flat.mha"))
    run = medsam2("segment", tmp_path / "flat.mha", "--ijk", "--point", "20,24", "-o", tmp_path / "out.mha")
    assert run.returncode == 0, run.stderr
    mask = read(tmp_path / "out.mha")[0].reshape(flat.shape) > 0
    assert 2 * ((flat > 100) & mask).sum() / ((flat > 100).sum() + mask.sum()) > 0.7


def test_nothing_is_written_over_without_being_asked(medsam2, ball, tmp_path):
    scan = ball.read_bytes()
    run = medsam2("segment", ball, *CLICK, "-o", tmp_path / ".." / tmp_path.name / "ball.nrrd", "--overwrite")
    assert run.returncode == 2
    (tmp_path / "out.nrrd").write_text("older")
    run = medsam2("segment", ball, *CLICK, "-o", tmp_path / "out.nrrd")
    assert "--overwrite" in run.stderr
    assert run.returncode == 2
    assert ball.read_bytes() == scan
    assert (tmp_path / "out.nrrd").read_text() == "older"
    run = medsam2("segment", ball, *CLICK, "--range", "4:4", "-o", tmp_path / "out.nrrd", "--overwrite")
    assert run.returncode == 0, run.stderr
    assert read(tmp_path / "out.nrrd")[0][4, 24, 20] == 1
