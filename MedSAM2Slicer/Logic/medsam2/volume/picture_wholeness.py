"""Whether a picture is there to its end."""

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from medsam2.errors import InputError
from medsam2.volume.byte_source import incomplete, opened_as_it_is

# Bytes of a TIFF value by the number of its type, and how struct calls the whole ones.
_TIFF_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_TIFF_WHOLE = {1: "B", 3: "H", 4: "I", 16: "Q"}
_PLACES_AND_SIZES = ((273, 279), (324, 325))  # of strips, of tiles
_MOST_PAGES = 100_000


def check_picture(path: Path) -> None:
    """Refuse a PNG, JPEG or BMP that ends early, by reading it with Pillow."""
    from PIL import Image

    with opened_as_it_is(path) as file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file) as picture:
                picture.load()
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise InputError(f"{path} is too large for a picture: cut out the part to segment.") from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow makes of damage
            raise incomplete(path) from error


def check_tiff(path: Path) -> None:
    """Refuse a TIFF, of one page or many, that tells of pixels or tags beyond its end."""
    size = path.stat().st_size
    with opened_as_it_is(path) as file:
        try:
            ends = [start + count for start, count in _parts(file, size)]
        except (struct.error, KeyError) as error:
            raise incomplete(path) from error
    if not ends or max(ends) > size:
        raise incomplete(path)


def _parts(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Start and length in bytes of all that a TIFF consists of."""

    def numbers(form: str, start: int | None = None) -> tuple[int, ...]:
        form = order + form
        if start is not None:
            file.seek(start)
        return struct.unpack(form, file.read(struct.calcsize(form)))

    order = {b"II": "<", b"MM": ">"}[file.read(2)]
    is_big = numbers("H") == (43,)
    word, entry = ("Q", "HHQ8s") if is_big else ("I", "HHI4s")
    (directory,) = numbers(word, 8 if is_big else 4)
    for _ in range(_MOST_PAGES):
        if not directory:
            return
        (count,) = numbers("Q" if is_big else "H", directory)
        if count > size:
            raise struct.error
        entries = [numbers(entry) for _ in range(count)]
        (directory,) = numbers(word)
        values = {}
        for tag, kind, many, field in entries:
            length = many * _TIFF_BYTES[kind]
            start, inside = struct.unpack(order + word, field)[0], length <= len(field)
            if not inside:
                yield start, length
                if start + length > size:
                    return
            if kind in _TIFF_WHOLE and tag in sum(_PLACES_AND_SIZES, ()):
                form = f"{many}{_TIFF_WHOLE[kind]}"
                values[tag] = struct.unpack(order + form, field[:length]) if inside else numbers(form, start)
        for places, sizes in _PLACES_AND_SIZES:
            yield from zip(values.get(places, ()), values.get(sizes, ()), strict=False)
