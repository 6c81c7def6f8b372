"""Read the tensors of a file that ``torch.save`` wrote, without torch's own reader and without running it.

torch's reader, even where it runs no code of a file, builds whatever the file asks for: gigabytes from a few
bytes, or nests so deep that Python crashes. And it refuses a file that holds an optimiser beside the tensors.
Here the file's pickle is followed without effect (``inert_pickle``), and only the tensors that are wanted are
made, as views of the file mapped into memory, after a check that the file has their numbers.
"""

import mmap
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from medsam2.errors import InputError
from medsam2.weights.inert_pickle import (
    Call,
    EndlessPickleError,
    ForeignPickleError,
    Name,
    Persistent,
    follow,
)

ZIP_START, PICKLE_START = b"PK", b"\x80"
LOCAL_HEADER_BYTES = 30
"""Of a zip's member, before its name and its extra field, whose lengths are the last two of its numbers."""
COUNT_BYTES = 8
"""Before each storage of the older format: how many numbers it has."""
DIMENSION_LIMIT = 16
Places = dict[str, tuple[int, int]]
"""The byte where the numbers of a storage begin, and how many bytes there are, by the storage's key."""
DTYPES = {
    f"torch.{name}Storage": dtype
    for name, dtype in {
        "Double": torch.float64,
        "Float": torch.float32,
        "Half": torch.float16,
        "BFloat16": torch.bfloat16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
        "Bool": torch.bool,
        "ComplexFloat": torch.complex64,
        "ComplexDouble": torch.complex128,
    }.items()
}


class DamagedArchiveError(Exception):
    """What the file says of itself makes no sense."""


@dataclass(frozen=True)
class TorchArchive:
    """A file's table as it was written, its tensors not made yet.

    Attributes:
        path: the file.
        table: plain values, with a :class:`Call` for each tensor and for each other object.
        places: of the numbers, by their storage's key.
    """

    path: Path
    table: Any
    places: Places

    def tensors(self, table: dict[str, Any]) -> dict[str, Any]:
        """The same table, with the tensors instead of the calls for them; other values stay as they are.

        Raises:
            InputError: the file does not have their numbers.
        """
        with self.path.open("rb") as file:
            storages = _Storages(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), self.places)
        try:
            return {name: _made(value, storages) for name, value in table.items()}
        except Exception as error:  # any exception at all may come out of foreign numbers
            raise damaged(self.path) from error


class _Storages:
    """The numbers of a file, each storage taken once."""

    def __init__(self, file: mmap.mmap, places: Places) -> None:
        self._file = file
        self._places = places
        self._taken: dict[str, Tensor] = {}

    def __call__(self, storage: Any) -> Tensor:
        """All numbers of a storage, one-dimensional."""
        key, dtype, count = _described(storage)
        if count * dtype.itemsize > self._places[key][1]:
            raise DamagedArchiveError
        if key not in self._taken:
            self._taken[key] = self._take(dtype, *self._places[key])
        if self._taken[key].dtype != dtype:
            raise DamagedArchiveError
        return self._taken[key][:count]

    def _take(self, dtype: torch.dtype, start: int, length: int) -> Tensor:
        count = length // dtype.itemsize
        if count == 0:
            return torch.empty(0, dtype=dtype)
        if start % dtype.itemsize == 0:
            return torch.frombuffer(self._file, dtype=dtype, count=count, offset=start)
        # The older format puts its numbers anywhere.
        return torch.frombuffer(bytearray(self._file[start : start + length]), dtype=dtype, count=count)


def _described(storage: Any) -> tuple[str, torch.dtype, int]:
    """Key, number format and count of numbers of a storage that the pickle refers to."""
    if not isinstance(storage, Persistent):
        raise DamagedArchiveError
    kind, named, key, _, count, *view = storage.reference
    if kind != "storage" or not isinstance(named, Name) or not isinstance(key, str):
        raise DamagedArchiveError
    if not _counts(count) or any(part is not None for part in view):
        raise DamagedArchiveError
    return key, DTYPES[named.path], count


def _made(value: Any, storages: _Storages) -> Any:
    """The tensor that a call asks for; another value as it is."""
    if isinstance(value, Call) and value.of("torch._utils._rebuild_parameter"):
        value = value.arguments[0]
    if not (isinstance(value, Call) and value.of("torch._utils._rebuild_tensor_v2")):
        return value
    storage, offset, shape, strides = value.arguments[:4]
    numbers = storages(storage)
    _check_view(numbers.numel(), offset, shape, strides)
    return numbers.as_strided(shape, strides, offset)


def _counts(*numbers: Any) -> bool:
    return all(type(number) is int and 0 <= number < 2**63 for number in numbers)


def _check_view(count: int, offset: Any, shape: Any, strides: Any) -> None:
    """Refuse a tensor that would reach beyond its storage of so many numbers."""
    if len(shape) != len(strides) or len(shape) > DIMENSION_LIMIT or not _counts(offset, *shape, *strides):
        raise DamagedArchiveError
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if 0 not in shape and last >= count:
        raise DamagedArchiveError


def open_archive(path: Path) -> TorchArchive:
    """Read a file's table, making none of its tensors.

    Raises:
        InputError: it is no file of torch, is damaged or compressed, or holds what no checkpoint needs.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        if start != ZIP_START and start[:1] != PICKLE_START:
            raise InputError(f"'{path.name}' is not a checkpoint; give a .pt, .pth or .safetensors file.")
        try:
            table, places = (_read_zip if start == ZIP_START else _read_older)(file, path)
        except InputError:
            raise
        except ForeignPickleError as error:
            raise holds_objects(path, str(error)) from error
        except EndlessPickleError as error:
            raise InputError(
                f"'{path.name}' holds far more than the tensors of a network; give a checkpoint of a known "
                "network."
            ) from error
        except Exception as error:  # any exception at all may come out of foreign bytes
            raise damaged(path) from error
    return TorchArchive(path, table, places)


def damaged(path: Path) -> InputError:
    """The error for a file that makes no sense."""
    return InputError(f"'{path.name}' is incomplete, damaged or no checkpoint; copy or download it again.")


def holds_objects(path: Path, found: str) -> InputError:
    """The error for a file with more in it than tensors and an optimiser."""
    shown = ascii(found[:60])[1:-1]  # a foreign file's words, which go to a terminal
    return InputError(
        f"'{path.name}' holds Python objects besides tensors ({shown}), which could run code, and is not "
        "read; ask its author for a safetensors file."
    )


def _read_zip(file: IO[bytes], path: Path) -> tuple[Any, Places]:
    """The format of torch since 1.6: the pickle and each storage are members, and none is compressed."""
    with zipfile.ZipFile(file) as archive:
        members = {member.filename.partition("/")[2]: member for member in archive.infolist()}
        if "constants.pkl" in members:  # a TorchScript program, which older versions of torch would run
            raise holds_objects(path, "a TorchScript program")
        if "data.pkl" not in members:
            raise InputError(
                f"'{path.name}' is a zip archive with other things than a checkpoint; unpack it, and give "
                "the .pt, .pth or .safetensors file if there is one in it."
            )
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise InputError(
                f"'{path.name}' is compressed, and torch never compresses: ask its author for the file as "
                "torch wrote it, or for a safetensors file."
            )
        if len(members) < len(archive.infolist()):  # two readers may disagree on which of two counts
            raise DamagedArchiveError
        if "byteorder" in members and archive.read(members["byteorder"]) != b"little":
            raise DamagedArchiveError
        with archive.open(members["data.pkl"]) as pickled:
            table = follow(pickled).value
        places = {
            name.removeprefix("data/"): (_start(file, member), member.file_size)
            for name, member in members.items()
            if name.startswith("data/")
        }
    return table, places


def _start(file: IO[bytes], member: zipfile.ZipInfo) -> int:
    """Where the bytes of a stored member begin."""
    file.seek(member.header_offset)
    header = file.read(LOCAL_HEADER_BYTES)
    lengths = (int.from_bytes(header[place : place + 2], "little") for place in (26, 28))
    return member.header_offset + LOCAL_HEADER_BYTES + sum(lengths)


def _read_older(file: IO[bytes], path: Path) -> tuple[Any, Places]:
    """The format before: pickles of two marks, the machine, the table and the keys; then each storage."""
    _, _, machine, table, keys = (follow(file) for _ in range(5))
    if machine.value["little_endian"] is not True:
        raise DamagedArchiveError
    sizes = {key: dtype.itemsize for key, dtype, _ in map(_described, table.references)}
    places = {}
    for key in keys.value:
        if not isinstance(key, str):
            raise DamagedArchiveError
        length = int.from_bytes(file.read(COUNT_BYTES), "little") * sizes[key]
        places[key] = (file.tell(), length)
        file.seek(length, os.SEEK_CUR)
    return table.value, places
