"""NRRD and MetaImage headers: where the voxels lie that they describe.

Both formats let a header name other files. Only files inside the header's own folder count here: an
image that somebody sends must not make us read, and send to a server, what else is on the computer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medsam2.errors import InputError
from medsam2.volume.files.byte_source import (
    check_packed,
    check_possible,
    check_regular,
    check_text,
    opened_as_it_is,
)

_MOST_HEADER, _MOST_LINES = 8 << 20, 20_000
_MOST_FILES = 100_000
_COUNTER = re.compile(r"%(0?[1-9]?)d")
_META_TRUE = ("true", "t", "1")
_META_LINE = re.compile(r"[A-Za-z]\w*\s*=\s*\S.*")


@dataclass(frozen=True)
class Pieces:
    """Where the voxels of an image lie.

    Attributes:
        files: that hold them, in order; the header's own file if they follow the header.
        offset: bytes in front of the voxels in each of the files.
        packed: whether they are packed with gzip or zlib.
        is_text: whether they are written as decimal numbers.
        is_big_endian: whether numbers of several bytes begin with the highest.
    """

    files: tuple[Path, ...]
    offset: int
    packed: bool
    is_text: bool
    is_big_endian: bool

    def check(self, numbers: int, size: int) -> None:
        """Refuse files that do not hold so many numbers of ``size`` bytes together."""
        each = -(-numbers // len(self.files))
        for path in self.files:
            if self.is_text:
                check_text(path, self.offset, each)
            elif self.packed:
                check_packed(path, self.offset, each * size)
            else:
                check_possible(path, self.offset + each * size, packed=False)


def nrrd_pieces(path: Path) -> Pieces:
    """Where the voxels of a .nrrd or .nhdr file lie; InputError if not beside it, or the header is odd."""
    return _nrrd(path)[0]


def nrrd_fields(path: Path) -> dict[str, str]:
    """The fields of a header, by name in lower case without spaces; raises InputError likewise."""
    return _nrrd(path)[1]


def _nrrd(path: Path) -> tuple[Pieces, dict[str, str]]:
    lines, end = _header_lines(path, b"\n\n", b"\r\n\r\n")
    fields: dict[str, str] = {}
    listed: list[str] = []
    for number, line in enumerate(lines):
        name, colon, value = line.partition(":")
        if line.startswith("#") or not colon or value.startswith("="):
            continue
        name, value = name.strip().lower().replace(" ", ""), value.strip()
        if name in fields:
            raise _odd(path)
        fields[name] = value
        if name == "datafile" and value.split()[:1] == ["LIST"]:
            listed = [text.strip() for text in lines[number + 1 :] if text.strip()]
            break
    encoding = fields.get("encoding", "raw").lower()
    if encoding in ("bz2", "bzip2"):
        raise InputError(
            f"{path} is packed with bzip2, which is not read here: save it with gzip, or as raw."
        )
    attached = "datafile" not in fields
    files = (path,) if attached else _files_beside(path, fields["datafile"], listed)
    skip = fields.get("byteskip", "0")
    offset = int(skip) if skip.isdigit() and encoding == "raw" else 0
    pieces = Pieces(
        files,
        offset + (end if attached else 0),
        packed=encoding in ("gz", "gzip"),
        is_text=encoding in ("ascii", "text", "txt"),
        is_big_endian=fields.get("endian", "").lower() == "big",
    )
    return pieces, fields


def meta_pieces(path: Path) -> Pieces:
    """Where the voxels of a .mha or .mhd file lie; raises InputError likewise."""
    return _meta(path)[0]


def meta_fields(path: Path) -> dict[str, str]:
    """The fields of a header, by name in lower case; raises InputError likewise."""
    return _meta(path)[1]


def _meta(path: Path) -> tuple[Pieces, dict[str, str]]:
    lines, _ = _header_lines(path)
    fields: dict[str, str] = {}
    size = 0
    for number, line in enumerate(lines):
        size += len(line) + 1
        name, _, value = (part.strip() for part in line.partition("="))
        if not _META_LINE.fullmatch(line.rstrip("\r")) or name.lower() in fields:
            raise _odd(path)
        fields[name.lower()] = value
        if name == "ElementDataFile":
            listed = [text.strip() for text in lines[number + 1 :] if text.strip()]
            break
    else:
        raise _odd(path)
    where = fields["elementdatafile"]
    attached = where.upper() == "LOCAL"
    files = (path,) if attached else _files_beside(path, where, listed)
    skip = fields.get("headersize", "0")
    orders = (fields.get(f"{data}byteordermsb", "") for data in ("binarydata", "element"))
    pieces = Pieces(
        files,
        size if attached else int(skip) if skip.isdigit() else 0,
        packed=fields.get("compresseddata", "False").lower() in _META_TRUE,
        is_text=fields.get("binarydata", "True").lower() in ("false", "f", "0"),
        is_big_endian=any(order.lower() in _META_TRUE for order in orders),
    )
    return pieces, fields


def _header_lines(path: Path, *ends: bytes) -> tuple[list[str], int]:
    """The lines of a header, Latin-1 so that each byte is a character, and where the header ends."""
    with opened_as_it_is(path) as file:
        block = file.read(_MOST_HEADER)
    end = min((start + len(mark) for mark in ends if (start := block.find(mark)) >= 0), default=len(block))
    if ends and (end == _MOST_HEADER or block.count(b"\n", 0, end) > _MOST_LINES):
        raise InputError(f"{path} has a header of over {_MOST_LINES} lines: save the image without them.")
    return block[:end].decode("latin-1").split("\n"), end


def _odd(path: Path) -> InputError:
    return InputError(f"{path} has a header that can be read in two ways: save the image anew.")


def _files_beside(header: Path, where: str, listed: list[str]) -> tuple[Path, ...]:
    """The files that a header names: one, a list, or a pattern with first number, last number and step."""
    words = where.split()
    if words[:1] == ["LIST"]:
        names = listed
    elif "%" in where:
        names = list(_counted(header, words))
    else:
        names = [where]
    if not 0 < len(names) <= _MOST_FILES:
        raise InputError(f"{header} names no file, or too many, for its voxels: save the image anew.")
    return tuple(_file_beside(header, name) for name in names)


def _counted(header: Path, words: list[str]) -> Iterator[str]:
    pattern, *numbers = words
    safe = len(_COUNTER.findall(pattern)) == 1 == pattern.count("%")
    if not safe or len(numbers) < 2 or not all(number.isdigit() and len(number) < 10 for number in numbers):
        raise InputError(
            f"{header} names the files of its voxels in a way that is not safe to read: one %d or %03d with "
            "the first number, the last and the step is."
        )
    first, last, step = (*map(int, numbers[:3]), 1)[:3]
    for number in range(first, min(last, first + _MOST_FILES * step) + 1, max(step, 1)):
        yield pattern % number


def _file_beside(header: Path, name: str) -> Path:
    relative = Path(name.encode("latin-1").decode("utf-8", "surrogateescape"))
    path = header.parent / relative
    outside = relative.is_absolute() or ".." in relative.parts or name == "-" or "\0" in name
    if outside or not path.resolve().is_relative_to(header.parent.resolve()):
        raise InputError(
            f"{header} names {name[:200]!r} as the file of its voxels, which does not lie in its own folder: "
            "put both into one folder, and correct the name in the header."
        )
    check_regular(path)
    if not path.is_file():
        raise InputError(f"{path}, which {header} names as the file of its voxels, is a folder.")
    return path
