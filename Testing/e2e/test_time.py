"""``medsam2 segment --time``: one time point of an image, or all of them from prompts on one."""

import json
import signal
import sys

import numpy as np
import pytest
import SimpleITK

from e2e.conftest import said
from e2e.test_stopping import stopped
from medsam2.cli.phantom import dice
from medsam2.volume import read_segments, read_sequence, read_volume
from unit.volume.dicom.test_time import write_film

COUNT = 4
CLICK = ("--ijk", "--point", "21,24,5", "--prompt-time", "1")


def inside(time: int, radius: float = 10) -> np.ndarray:
    """A ball (k, j, i) that moves a slice with every second time point, and 2 and 1 voxels in it."""
    k, j, i = np.mgrid[:10, :48, :48]
    return ((k - 4 - time / 2) * 3) ** 2 + (j - 20 - 2 * time) ** 2 + (i - 20 - time) ** 2 < radius**2


@pytest.fixture
def beating(tmp_path):
    """The ball at four time points, a quarter of a second apart, bright in noise."""
    random = np.random.default_rng(0)
    images = []
    for time in range(COUNT):
        noise = random.normal(0, 8, (10, 48, 48))
        image = SimpleITK.GetImageFromArray((np.where(inside(time), 150, -20) + noise).astype(np.int16))
        image.SetSpacing((1.0, 1.0, 3.0))
        image.SetDirection((-1, 0, 0, 0, 1, 0, 0, 0, -1))
        images.append(image)
    path = tmp_path / "beating.nii.gz"
    SimpleITK.WriteImage(SimpleITK.JoinSeries(images, 0.0, 0.25), str(path))
    return path


def test_an_object_is_carried_to_all_time_points(segment, beating, tmp_path):
    run = segment(beating, *CLICK, "--time", "all", "-o", "out.seq.nrrd", "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert (report["prompted_time_point"], report["time_unit"]) == (1, "s")
    assert [point["time"] for point in report["time_points"]] == ["0", "0.25", "0.5", "0.75"]
    found, image = read_sequence(tmp_path / "out.seq.nrrd"), read_sequence(beating)
    assert found.times == image.times
    for time, point in enumerate(report["time_points"]):
        mask = found.volume(time)
        np.testing.assert_allclose(
            mask.geometry.ijk_to_ras, image.volume(time).geometry.ijk_to_ras, atol=1e-6
        )
        assert dice(mask.voxels > 0, inside(time)) > 0.95
        assert point["objects"][0]["voxels"] == np.count_nonzero(mask.voxels)
    assert json.loads((tmp_path / "out.seq.labels.json").read_text()) == {"1": "Segment_1"}


def test_one_time_point_is_segmented_as_if_it_were_alone(segment, beating, tmp_path):
    image = SimpleITK.ReadImage(str(beating))
    SimpleITK.WriteImage(image[:, :, :, 2], str(tmp_path / "alone.nii.gz"))
    click = CLICK[:3]
    one = segment(beating, *click, "--time", "2", "-o", "one.nii.gz", "--json")
    alone = segment("alone.nii.gz", *click, "-o", "alone.nrrd")
    assert one.returncode == alone.returncode == 0, one.stderr + alone.stderr
    assert json.loads(one.stdout)["time_point"] == 2
    one, alone = read_volume(tmp_path / "one.nii.gz"), read_volume(tmp_path / "alone.nrrd")
    np.testing.assert_array_equal(one.voxels, alone.voxels)
    assert dice(one.voxels > 0, inside(2)) > 0.95


def test_objects_that_overlap_are_kept_in_a_segmentation_of_each_time_point(segment, beating, tmp_path):
    box = [9, 9, 5, 33, 33, 5]
    objects = [{"name": name, "box": box} for name in ("ball", "again")]
    (tmp_path / "two.json").write_text(json.dumps({"space": "ijk", "objects": objects}))
    command = (beating, "--prompts", "two.json", "--time", "all", "--range", "4:6")
    run = segment(*command, "-o", "out.nii.gz")
    assert run.returncode == 2
    assert "share" in said(run.stderr)[-1]
    assert "out_{time}.seg.nrrd" in said(run.stderr)[-1]
    names = {f"out_{time}.seg.nrrd" for time in range(COUNT)}
    assert {path.name for path in tmp_path.glob("out*")} == names
    for time in range(COUNT):
        segments = read_segments(
            tmp_path / f"out_{time}.seg.nrrd", read_sequence(beating).volume(time).geometry
        )
        assert [segment.name for segment in segments] == ["ball", "again"]


def test_a_film_is_tracked_through_its_frames(segment, tmp_path):
    random = np.random.default_rng(0)
    truth = [inside(time, 11)[4 + time // 2] for time in range(COUNT)]
    frames = [np.clip(np.where(mask, 15, 90) * random.rayleigh(1, mask.shape), 0, 255) for mask in truth]
    colours = np.repeat(np.stack(frames).astype(np.uint8)[..., None], 3, axis=-1)
    film = write_film(tmp_path, colours, FrameTime="40")
    command = (film, "--ijk", "--point", "20,20", "--time", "all")
    run = segment(*command, "-o", "out_{time}.nrrd", "--json")
    assert run.returncode == 0, run.stderr
    for time, point in enumerate(json.loads(run.stdout)["time_points"]):
        mask = read_volume(tmp_path / f"out_{time}.nrrd")
        assert dice(mask.voxels[0] > 0, truth[time]) > 0.9
        (row,) = point["objects"]
        assert row["area_mm2"] == pytest.approx(row["voxels"] * 0.2 * 0.3, abs=1e-2)
        assert row["volume_ml"] is None


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("medsam2.through_time:film_of", "out.seq.nrrd"),
        ("medsam2.cli.time_tracking:track_in_time", "out_{time}.seg.nrrd"),
    ],
    ids=["on the way", "at the end"],
)
def test_who_stops_it_finds_nothing_half_written(tmp_path, beating, where, name):
    before = set(tmp_path.iterdir())
    command = ("segment", beating, *CLICK, "--time", "all", "--range", "4:6", "-o", name)
    code, line = stopped(tmp_path, where, signal.SIGINT, *command)
    assert (code, line) == (130, "Stopped: nothing was written.")
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "home"}
