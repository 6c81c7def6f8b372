"""A folder of pictures is a volume."""

import warnings

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import read_volume


def save(path, pixels):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels, isVector=pixels.ndim == 3), str(path))


def numbered(number, shape=(5, 6), dtype=np.uint8):
    return np.full(shape, number, dtype)


@pytest.mark.parametrize(
    ("suffix", "dtype"), [("png", np.uint8), ("PNG", np.uint16), ("tif", np.uint16), ("bmp", np.uint8)]
)
def test_pictures_are_slices_in_natural_order(tmp_path, suffix, dtype):
    for number in (1, 2, 9, 10, 11, 100):
        save(tmp_path / f"slice{number}.{suffix}", numbered(number, dtype=dtype))
    (tmp_path / "notes.txt").write_text("not a slice")
    (tmp_path / f"._slice1.{suffix}").write_bytes(b"what a Mac leaves behind")
    with pytest.warns(
        VolumeWarning, match=rf"6 pictures .* from slice1.{suffix} to slice100.{suffix}.* 1 x 1 x 1 mm"
    ):
        volume = read_volume(tmp_path)
    assert volume.voxels[:, 2, 3].tolist() == [1, 2, 9, 10, 11, 100]
    assert volume.voxels.dtype == dtype
    np.testing.assert_array_equal(volume.geometry.ijk_to_ras, np.diag([-1, -1, 1, 1]))


def test_jpegs_are_slices(tmp_path):
    for number in (1, 2):
        save(tmp_path / f"{number}.jpg", numbered(100 * number, (16, 16)))
    with pytest.warns(VolumeWarning, match="2 pictures"):
        np.testing.assert_allclose(read_volume(tmp_path).voxels[:, 8, 8], [100, 200], atol=2)


def test_pictures_in_colour_become_grey(tmp_path):
    for number in (1, 2):
        pixels = np.zeros((5, 6, 3), np.uint8)
        pixels[..., 1] = 100 * number
        save(tmp_path / f"{number}.png", pixels)
    with pytest.warns(VolumeWarning) as notes:
        voxels = read_volume(tmp_path).voxels
    assert voxels[:, 0, 0].tolist() == [59, 117]
    assert len([each for each in notes if "in colour" in str(each.message)]) == 1


@pytest.mark.parametrize(
    "other", [numbered(2, (5, 7)), numbered(2, dtype=np.uint16), np.zeros((5, 6, 3), np.uint8)]
)
def test_pictures_that_differ_are_refused(tmp_path, other):
    save(tmp_path / "1.png", numbered(1))
    save(tmp_path / "2.png", other)
    with pytest.raises(InputError, match=r"2\.png is not a slice like 1\.png"):
        read_volume(tmp_path)


def test_a_damaged_picture_is_named(tmp_path):
    for number in (1, 2):
        save(tmp_path / f"{number}.png", np.random.default_rng(0).integers(0, 255, (50, 60), np.uint8))
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:-500])
    with pytest.raises(InputError, match=r"2\.png is incomplete"):
        read_volume(tmp_path)


def test_a_picture_beside_dicom_is_no_slice(tmp_path):
    image = SimpleITK.GetImageFromArray(np.zeros((1, 8, 8), np.int16))
    image.SetMetaData("0008|0060", "CT")
    SimpleITK.WriteImage(image, str(tmp_path / "a.dcm"))
    save(tmp_path / "screenshot.png", numbered(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VolumeWarning)
        assert read_volume(tmp_path).voxels.shape == (1, 8, 8)


def _pages(path, *pages):
    images = [Image.fromarray(page) for page in pages]
    images[0].save(path, save_all=True, append_images=images[1:])
    return path


def test_pages_of_different_kinds_are_refused(tmp_path, capfd):
    grey = np.zeros((4, 5), np.uint8)
    for other in (np.zeros((3, 5), np.uint8), np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.float32)):
        with pytest.raises(InputError, match="differ in size or kind"):
            read_volume(_pages(tmp_path / "a.tif", grey, other))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_transparency_beside_grey_is_refused(tmp_path, name):
    Image.fromarray(np.zeros((4, 5), np.uint8)).convert("LA").save(tmp_path / name)
    with pytest.raises(InputError, match="save it as plain grey"):
        read_volume(tmp_path / name)


def test_a_film_is_refused(tmp_path):
    frames = [np.full((4, 5), number, np.uint8) for number in range(3)]
    with pytest.raises(InputError, match="is a film"):
        read_volume(_pages(tmp_path / "a.png", *frames))
