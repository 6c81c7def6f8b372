"""The bytes of an image file, packed or not, without trusting what it says about its size."""

import gzip
import io
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from medsam2.errors import InputError

ByteSource = io.BufferedReader | gzip.GzipFile
MOST_PACKED = 1100
"""Times that deflate can shrink data, at most (1032 by its design)."""
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_BEHIND = 64 << 20
"""Bytes behind the voxels that are read on the way to a checksum."""
_CHUNK = 1 << 20


def check_regular(path: Path) -> None:
    """Refuse what is neither a file nor a folder: reading a pipe or a device could wait for ever.

    Raises:
        InputError: likewise for a path at which there is nothing, or that cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} does not exist: check the path of the image.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path"
        raise InputError(f"{path} cannot be read ({reason}): check the path of the image.") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path} is a pipe or a device, not a file: save the image in a file first.")


def incomplete(path: Path) -> InputError:
    """What to raise for a file that ends early or contradicts itself."""
    return InputError(f"{path} is incomplete or damaged: copy or download it again.")


def is_gzip(path: Path) -> bool:
    """Whether the content is packed with gzip, whatever the name."""
    with opened_as_it_is(path) as file:
        return file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC


@contextmanager
def opened_as_it_is(path: Path) -> Iterator[io.BufferedReader]:
    """The file; InputError where the system refuses it."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check the file.") from error


@contextmanager
def opened(path: Path) -> Iterator[ByteSource]:
    """The content of a file, unpacked where it is packed with gzip.

    Raises:
        InputError: in the block something was read that is damaged, or that cannot be read.
    """
    packed = is_gzip(path)
    with opened_as_it_is(path) as file:
        if not packed:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise incomplete(path) from error


def read_exactly(path: Path, source: ByteSource, offset: int, count: int, more: int = 0) -> np.ndarray:
    """``count`` bytes from ``offset`` on, (count,) uint8; takes memory for them only if they can be there.

    A packed file is read to its end, where its checksum is.

    Raises:
        InputError: they are not there, or not followed by ``more`` bytes.
    """
    packed = isinstance(source, gzip.GzipFile)
    check_possible(path, offset + count + more, packed)
    source.seek(offset)
    content = np.empty(count, np.uint8)
    view, filled = content.data, 0
    while filled < count:
        got = source.readinto(view[filled : filled + _CHUNK])
        if not got:
            raise incomplete(path)
        filled += got
    behind = 0
    while packed and (chunk := source.read(_CHUNK)):
        behind += len(chunk)
        _check_behind(path, behind - more)
    if packed and behind < more:
        raise incomplete(path)
    return content


def check_possible(path: Path, count: int, packed: bool) -> None:
    """Refuse a file that is too small to hold ``count`` bytes, packed or as they are."""
    if count > path.stat().st_size * (MOST_PACKED if packed else 1):
        raise incomplete(path)


def check_packed(path: Path, offset: int, count: int) -> None:
    """Refuse what is packed with gzip or zlib from ``offset`` on, unless it unpacks to ``count`` bytes.

    Nothing of it is kept.
    """
    check_possible(path, count, packed=True)
    total = 0
    for chunk in unpacked(path, offset):
        total += len(chunk)
        _check_behind(path, total - count)
    if total < count:
        raise incomplete(path)


def unpacked(path: Path, offset: int) -> Iterator[bytes]:
    """What is packed with gzip or zlib from ``offset`` on, in pieces; InputError if it is damaged."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)  # finds out which of the two it is
    with opened_as_it_is(path) as file:
        file.seek(offset)
        try:
            while not unpacker.eof and (packed := unpacker.unconsumed_tail or file.read(_CHUNK)):
                yield unpacker.decompress(packed, _CHUNK)
        except zlib.error as error:
            raise incomplete(path) from error
    if not unpacker.eof:
        raise incomplete(path)


def check_text(path: Path, offset: int, numbers: int) -> None:
    """Refuse text from ``offset`` on with fewer than so many numbers, or one that may have lost its end."""
    found, in_word = 0, False
    with opened_as_it_is(path) as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            found += len(chunk.split()) - (in_word and not chunk[:1].isspace())
            in_word = not chunk[-1:].isspace()
    if found < numbers or in_word:
        raise incomplete(path)


def _check_behind(path: Path, behind: int) -> None:
    if behind > _MOST_BEHIND:
        raise InputError(
            f"{path} holds far more data than its header tells of: get it from its source again."
        )
