"""Small pictures of the images of a set."""

import numpy as np
import pytest
import SimpleITK

from medsam2.image_sets.set_folder import SetFolder
from medsam2.image_sets.thumbnails import SIDE, make_thumbnails


@pytest.fixture
def folder(tmp_path):
    return SetFolder(tmp_path / "set")


def write(path, pixels):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels, isVector=pixels.ndim == 3), str(path))
    return path


def test_each_image_gets_one_of_its_shape_and_colour_and_bad_ones_none(folder, tmp_path):
    colour = np.zeros((900, 1300, 3), np.uint8)
    colour[:, 650:] = (200, 100, 20)
    deep = np.linspace(0, 60000, 40 * 30).reshape(40, 30).astype(np.uint16)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with folder.review() as review:
        paths = [
            write(tmp_path / "colour.png", colour),
            tmp_path / "bad.png",
            write(tmp_path / "deep.png", deep),
        ]
        review.add(paths)
    assert list(make_thumbnails(folder)) == ["colour", "deep"]
    small = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder.thumbnail("colour"))))
    assert SIDE * 0.7 < max(small.shape) < SIDE * 1.5
    assert small.shape[0] / small.shape[1] == pytest.approx(900 / 1300, abs=0.02)
    assert np.abs(small[10, -10].astype(int) - (200, 100, 20)).max() < 8
    grey = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder.thumbnail("deep"))))
    assert grey.shape == (40, 30)
    assert grey[0, 0] < 10 < 245 < grey[-1, -1]


def test_those_that_are_there_are_not_made_again(folder, tmp_path):
    with folder.review() as review:
        review.add([write(tmp_path / "a.png", np.zeros((9, 9), np.uint8))])
    assert list(make_thumbnails(folder)) == ["a"]
    written = folder.thumbnail("a").stat().st_mtime_ns
    assert list(make_thumbnails(folder)) == []
    assert folder.thumbnail("a").stat().st_mtime_ns == written
