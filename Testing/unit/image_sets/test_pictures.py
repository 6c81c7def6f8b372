"""Pictures of every usual kind, and files that are none."""

import struct
import zlib

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from medsam2.errors import InputError
from medsam2.image_sets.finding import find_images
from medsam2.image_sets.pictures import read_picture
from unit.volume.dicom.examples import a_dataset, set_pixels

RAMP = np.linspace(0, 255, 12 * 16).round().astype(np.uint8).reshape(12, 16)
COLOURS = np.stack([RAMP, RAMP[::-1], np.full_like(RAMP, 77)], axis=2)


def saved(path, values, **how):
    Image.fromarray(values).save(path, **how)
    return path


def write_dicom(path, values, photometric, modality):
    """A file with one image, grey or in colour; with several where ``values`` are several in colour."""
    ds = a_dataset(1, Modality=modality)
    if values.ndim == 4:
        ds.NumberOfFrames = len(values)
    set_pixels(ds, values)
    ds.PhotometricInterpretation = photometric
    ds.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp", "a.gif"])
def test_eight_bits_are_shown_as_they_are(tmp_path, name):
    how = {"lossless": True} if name == "a.webp" else {}
    pixels = read_picture(saved(tmp_path / name, RAMP, **how)).pixels
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels if pixels.ndim == 2 else pixels[..., 0], RAMP / 255, atol=1e-6)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_colours_stay_colours(tmp_path, name):
    picture = read_picture(saved(tmp_path / name, COLOURS))
    assert picture.shape == (12, 16)
    np.testing.assert_allclose(picture.pixels, COLOURS / 255, atol=1e-6)


def test_a_jpeg_is_read_in_colour_and_grey(tmp_path):
    smooth = np.repeat(np.linspace(0, 255, 64), 64).round().astype(np.uint8).reshape(64, 64)
    grey = read_picture(saved(tmp_path / "grey.jpg", smooth, quality=95)).pixels
    np.testing.assert_allclose(grey, smooth / 255, atol=0.02)
    flat = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    Image.fromarray(flat).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    for path in (saved(tmp_path / "colour.jpg", flat, quality=95), tmp_path / "print.jpg"):
        np.testing.assert_allclose(read_picture(path).pixels, flat / 255, atol=0.02)


def test_palettes_transparency_and_single_bits_are_understood(tmp_path):
    picture = Image.fromarray(COLOURS)
    picture.quantize(256).save(tmp_path / "palette.png")
    picture.putalpha(Image.fromarray(RAMP))
    picture.save(tmp_path / "alpha.png")
    Image.merge("LA", [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())]).save(tmp_path / "la.png")
    Image.fromarray(RAMP > 100).save(tmp_path / "bits.png")
    np.testing.assert_allclose(read_picture(tmp_path / "palette.png").pixels, COLOURS / 255, atol=0.1)
    np.testing.assert_allclose(read_picture(tmp_path / "alpha.png").pixels, COLOURS / 255, atol=1e-6)
    np.testing.assert_allclose(read_picture(tmp_path / "la.png").pixels, RAMP / 255, atol=1e-6)
    np.testing.assert_array_equal(read_picture(tmp_path / "bits.png").pixels, RAMP > 100)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("colours", [False, True])
def test_sixteen_bits_go_through_a_window(tmp_path, name, colours):
    values = (COLOURS if colours else RAMP).astype(np.uint16) * 16  # twelve bits, as cameras have
    image = SimpleITK.GetImageFromArray(values, isVector=colours)
    SimpleITK.WriteImage(image, str(tmp_path / name))
    pixels = read_picture(tmp_path / name).pixels
    assert pixels.shape == values.shape
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert np.abs(pixels - values / (255 * 16)).max() < 0.03
    assert len(np.unique(pixels)) > 100


def test_numbers_with_a_point_go_through_a_window_unless_some_are_none(tmp_path):
    values = RAMP.astype(np.float32) / 7 - 3
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert np.abs(read_picture(tmp_path / "a.tif").pixels - RAMP / 255).max() < 0.03
    values[3, 3] = np.nan
    Image.fromarray(values).save(tmp_path / "b.tif")
    with pytest.raises(InputError, match="not a number"):
        read_picture(tmp_path / "b.tif")


def test_a_turned_photograph_keeps_the_grid_of_its_file(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read_picture(saved(tmp_path / "a.jpg", RAMP, exif=exif))
    assert (picture.shape, picture.orientation) == ((12, 16), 6)
    assert read_picture(saved(tmp_path / "b.jpg", RAMP)).orientation == 1
    saved(tmp_path / "c.tif", RAMP, tiffinfo={274: 3})
    with pytest.raises(InputError, match="stored turned"):
        read_picture(tmp_path / "c.tif")


def test_dicom_is_read_in_grey_and_colour(tmp_path):
    grey = read_picture(write_dicom(tmp_path / "grey.dcm", RAMP.astype(np.uint16) * 16, "MONOCHROME2", "DX"))
    assert np.abs(grey.pixels - RAMP / 255).max() < 0.03
    dark = read_picture(write_dicom(tmp_path / "dark.dcm", RAMP.astype(np.uint16) * 16, "MONOCHROME1", "DX"))
    assert np.abs(dark.pixels - (1 - RAMP / 255)).max() < 0.03
    colour = read_picture(write_dicom(tmp_path / "colour", COLOURS, "RGB", "US"))
    np.testing.assert_allclose(colour.pixels, COLOURS / 255, atol=1e-6)
    film = np.stack([COLOURS, COLOURS])
    with pytest.raises(InputError, match="holds 2 images"):
        read_picture(write_dicom(tmp_path / "film.dcm", film, "RGB", "US"))


def promised_png(path, side):
    """A small file that promises a picture of so many pixels along each side."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    )


def bad_files(folder):
    """Files by their names, with what is said of each."""
    whole = saved(
        folder / "whole.png", np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    ).read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    saved(folder / "whole.jpg", COLOURS.repeat(8, 0).repeat(8, 1))
    (folder / "truncated.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:-400])
    saved(folder / "whole.tif", COLOURS)
    (folder / "truncated.tif").write_bytes((folder / "whole.tif").read_bytes()[:-100])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("not an image at all")
    frames = [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())]
    for name in ("animated.gif", "animated.png", "pages.tif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    promised_png(folder / "huge.png", 20_000)
    Image.new("1", (20_000, 20_000)).save(folder / "huge.tif", compression="group4")
    (folder / "folder.png").mkdir()
    return {
        "truncated.png": "incomplete or damaged",
        "truncated.jpg": "incomplete or damaged",
        "truncated.tif": "incomplete or damaged",
        "empty.png": "is empty",
        "text.png": "is no picture",
        "animated.gif": "is a film",
        "animated.png": "is a film",
        "pages.tif": "holds 2 pages",
        "huge.png": "too large",
        "huge.tif": "too large",
        "folder.png": "is a folder",
        "missing.png": "does not exist",
    }


def test_what_is_no_usable_picture_is_refused_in_a_sentence(tmp_path):
    for name, reason in bad_files(tmp_path).items():
        with pytest.raises(InputError, match=reason) as refusal:
            read_picture(tmp_path / name)
        assert str(refusal.value).count(name) >= 1


def test_images_are_found_in_folders_patterns_and_lists(tmp_path):
    for name in ("10.png", "2.png", ".hidden.png", "notes.txt", "sub/3.JPG", "set/masks/2.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "list.txt").write_text("sub/3.JPG\n\n10.png\nnotes.txt\n")

    def found(*given, list_file=None):
        paths = find_images([str(tmp_path / each) for each in given], list_file, tmp_path / "set")
        return [path.relative_to(tmp_path).as_posix() for path in paths]

    assert found("") == ["2.png", "10.png"]
    assert found("sub", "2.png", "") == ["sub/3.JPG", "2.png", "10.png"]
    assert found("**/*.png") == ["2.png", "10.png"]
    assert found("notes.txt") == ["notes.txt"]  # named: it will be told why it is none
    assert found(list_file=tmp_path / "list.txt") == ["sub/3.JPG", "10.png", "notes.txt"]
    for given in ("nothing*.png", "typo.png", "set"):
        with pytest.raises(InputError, match=r"No pictures lie|There is no image"):
            found(given)
    (tmp_path / "list.txt").write_text("10.png\n\nnone.png\n")
    with pytest.raises(InputError, match=r"no image .*none\.png, which line 3 of .*list\.txt names: correct"):
        found("2.png", list_file=tmp_path / "list.txt")
