from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image, ImageOps

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.image_sets import thumbnails
from medsam2.image_sets.exports import prepare
from medsam2.image_sets.set_folder import SetFolder
from medsam2.image_sets.thumbnails import SIDE, make_thumbnails, write_turned
from unit.full_disk import full_disk


def test_every_readable_image_gets_a_small_picture_on_its_own_grid_once(tmp_path):
    wide = np.zeros((90, 900, 3), np.uint8)
    wide[:, :450] = (250, 120, 10)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(wide).save(tmp_path / "wide.jpg", exif=exif)
    Image.fromarray(wide[:20, :30]).save(tmp_path / "small.png")
    (tmp_path / "bad.png").write_text("none")
    folder = SetFolder(tmp_path / "set")
    with folder.review() as review:
        review.add(tmp_path / name for name in ("wide.jpg", "bad.png", "small.png"))
    assert list(make_thumbnails(folder)) == ["wide", "small"]
    assert list(make_thumbnails(folder)) == []
    with Image.open(folder.thumbnail("wide")) as picture:
        assert picture.size == (SIDE, SIDE // 10)
        assert ImageOps.exif_transpose(picture).size == (SIDE // 10, SIDE)
        assert np.abs(np.asarray(picture)[10, 20].astype(int) - (250, 120, 10)).max() < 12
    with Image.open(folder.thumbnail("small")) as picture:
        assert picture.size == (30, 20)


def test_a_run_that_begins_meanwhile_stops_no_other_thumbnails(tmp_path, monkeypatch):
    folder = SetFolder(tmp_path / "set")
    for name in ("a", "b"):
        Image.new("L", (30, 20)).save(tmp_path / f"{name}.png")
    with folder.review() as review:
        review.add([tmp_path / "a.png", tmp_path / "b.png"])

    @contextmanager
    def tidied(path):
        with complete_file(path) as unfinished:
            yield unfinished
            if path.stem == "a":
                prepare(folder)

    monkeypatch.setattr(thumbnails, "complete_file", tidied)
    assert list(make_thumbnails(folder)) == ["b"]


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_full_disk_is_told(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE), np.uint8)
    with full_disk(), pytest.raises(InputError, match="the disk is full"):
        write_turned(tmp_path / name, Image.fromarray(noise), 1)
    assert not list(tmp_path.iterdir())
