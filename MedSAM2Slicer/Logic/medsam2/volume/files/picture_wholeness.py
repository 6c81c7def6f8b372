"""Whether a picture is there to its end."""

import operator
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from medsam2.errors import InputError
from medsam2.volume.files.byte_source import incomplete, opened_as_it_is

if TYPE_CHECKING:
    from PIL import Image

# Bytes of a TIFF value by the number of its type, and how struct calls the whole ones.
_TIFF_BYTES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), start=1)) | dict.fromkeys(
    (16, 17, 18), 8
)
_TIFF_WHOLE = {1: "B", 3: "H", 4: "I", 16: "Q"}
_OFFSETS_AND_SIZES = ((273, 279), (324, 325))  # of strips, of tiles
_SUBFILE, _SAMPLES, _ORIENTATION = 254, 277, 274
_LAYOUT = (256, 257, 258, _SAMPLES, 339)  # columns, rows, bits, samples, format of the samples
_USED = {_SUBFILE, _ORIENTATION, *_LAYOUT, *sum(_OFFSETS_AND_SIZES, ())}
_GREY_AND_ALPHA = 2
_MOST_PAGES = 100_000


MOST_PIXELS = 89_478_485
"""Of one picture, as Pillow has it: a small file can promise any number of them."""


def check_picture(path: Path) -> None:
    """Refuse a PNG, JPEG or BMP that ends early, or that ITK cannot read."""
    with whole_picture(path) as picture:
        if picture.mode == "LA":
            raise _two_numbers(path)


@contextmanager
def whole_picture(path: Path) -> "Iterator[Image.Image]":
    """A picture of any kind that Pillow knows, read to its end; its size is looked at before its pixels.

    Raises:
        InputError: it ends early, is too large, or is a film, of which only the first frame would be read.
    """
    from PIL import Image

    with opened_as_it_is(path) as file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file) as picture:
                # Cameras put a small copy or a map of depths behind a photograph, which is called MPO then.
                if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
                    raise InputError(
                        f"{path} is a film: save its frames as pictures in a folder of their own."
                    )
                picture.load()
                yield picture
        except InputError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise too_large(path) from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow makes of damage
            raise incomplete(path) from error


def too_large(path: Path) -> InputError:
    """What to raise for a picture of more than ``MOST_PIXELS``."""
    return InputError(f"{path} is too large for a picture: cut out the part to segment.")


def _two_numbers(path: Path) -> InputError:
    return InputError(f"{path} holds two numbers per pixel, as for transparency: save it as plain grey.")


@dataclass(frozen=True)
class TiffLayout:
    """What a TIFF holds: how many full pages, rows and columns of each, and how the first lies (from 1)."""

    pages: int
    shape: tuple[int, int]
    orientation: int


def check_tiff(path: Path) -> TiffLayout:
    """Refuse a TIFF with pixels or tags beyond its end, or that ITK would read as something else."""
    size = path.stat().st_size
    with opened_as_it_is(path) as file:
        try:
            pages = list(_pages(file, size))
        except (struct.error, KeyError) as error:
            raise incomplete(path) from error
    if not pages or max(page.end for page in pages) > size:
        raise incomplete(path)
    # Bit 0: a smaller copy of another page.
    full = [page.tags for page in pages if not page.tags.get(_SUBFILE, (0,))[0] & 1]
    layouts = [[tags.get(tag) for tag in _LAYOUT] for tags in full]
    if any(layout != layouts[0] for layout in layouts):
        raise InputError(
            f"The pages of {path} differ in size or kind: save those of one volume as a file of their own."
        )
    if any(page.tags.get(_SAMPLES) == (_GREY_AND_ALPHA,) for page in pages):
        raise _two_numbers(path)
    first = (full or [pages[0].tags])[0]
    columns, rows, orientation = (
        first.get(tag, (default,))[0] for tag, default in ((256, 0), (257, 0), (_ORIENTATION, 1))
    )
    return TiffLayout(len(full), (rows, columns), orientation)


@dataclass(frozen=True)
class _Page:
    """The tags of one page that matter here, and where the last byte of the page lies."""

    tags: Mapping[int, tuple[int, ...]]
    end: int


def _pages(file: BinaryIO, size: int) -> Iterator[_Page]:
    """All that a TIFF consists of; nothing follows a page that goes beyond its end."""

    def numbers(form: str, start: int | None = None) -> tuple[int, ...]:
        form = order + form
        if start is not None:
            file.seek(start)
        return struct.unpack(form, file.read(struct.calcsize(form)))

    order = {b"II": "<", b"MM": ">"}[file.read(2)]
    is_big = numbers("H") == (43,)
    word, entry = ("Q", order + "HHQ8s") if is_big else ("I", order + "HHI4s")
    (directory,) = numbers(word, 8 if is_big else 4)
    for _ in range(_MOST_PAGES):
        if not directory:
            return
        (count,) = numbers("Q" if is_big else "H", directory)
        if count > size:
            raise struct.error
        entries = [struct.unpack(entry, file.read(struct.calcsize(entry))) for _ in range(count)]
        (directory,) = numbers(word)
        values: dict[int, tuple[int, ...]] = {}
        end = 0
        for tag, kind, many, field in entries:
            length = many * _TIFF_BYTES[kind]
            start, inside = struct.unpack(order + word, field)[0], length <= len(field)
            if not inside:
                end = max(end, start + length)
                if end > size:
                    yield _Page({}, end)
                    return
            if kind in _TIFF_WHOLE and tag in _USED:
                form = f"{many}{_TIFF_WHOLE[kind]}"
                values[tag] = struct.unpack(order + form, field[:length]) if inside else numbers(form, start)
        for offsets, sizes in _OFFSETS_AND_SIZES:
            ends = map(operator.add, values.get(offsets, ()), values.get(sizes, ()))
            end = max(end, *ends, 0)
        yield _Page(values, end)
