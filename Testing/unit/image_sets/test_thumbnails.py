import numpy as np
from PIL import Image, ImageOps

from medsam2.image_sets.set_folder import SetFolder
from medsam2.image_sets.thumbnails import SIDE, make_thumbnails


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
