"""Look into a file that ``torch.save`` wrote before torch reads it.

torch's own reader runs no code of a file, but it builds whatever the file asks for: gigabytes from a few
bytes, or nests so deep that Python crashes. So the file's instructions are read first without following
them, and it goes on to torch only where they make a table of tensors.
"""

import pickletools
import re
import zipfile
from pathlib import Path
from typing import IO, Any

from medsam2.errors import InputError

ZIP_START, PICKLE_START = b"PK", b"\x80"
LEGACY_PICKLES = 5
"""Before the numbers in a file of torch before 1.6: two marks, the machine, the table, its storages."""
INSTRUCTION_LIMIT = 500_000
"""The largest SAM 2 network takes 28,000, with its optimiser about three times as many."""
TUPLE_DEPTH_LIMIT = 20
"""A tensor's are 3 deep; Python's hash of deeper and deeper ones overflows the stack in the end."""
INSTRUCTIONS = re.compile(
    r"PROTO|MARK|STOP|GLOBAL|REDUCE|BUILD|BINPERSID|(LONG_)?BIN(PUT|GET)|NONE|NEW(TRUE|FALSE)|BININT[12]?|LONG1"
    r"|BINFLOAT|BINUNICODE|EMPTY_(LIST|DICT|TUPLE)|APPENDS?|SETITEMS?|TUPLE[123]?"
)
"""What torch itself writes for tensors, numbers, text, and tables of them."""
CALLABLE = re.compile(
    r"collections OrderedDict"
    r"|torch\._utils _rebuild_(tensor_v2|parameter)"
    r"|torch (\w+Storage|Size|device|b?float\d*|half|double|u?int\d*|long|bool)"
)
"""What a file may call: nothing that takes more memory than the file's own numbers."""


def check_archive(path: Path) -> bool:
    """Refuse a file that is more than a table of tensors; returns whether it is a zip, torch's newer format.

    Raises:
        InputError: it is no file of torch, is damaged or compressed, or holds other things than tensors.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        is_zip = start == ZIP_START
        if not is_zip and start[:1] != PICKLE_START:
            raise InputError(f"'{path.name}' is not a checkpoint; give a .pt, .pth or .safetensors file.")
        try:
            if is_zip:
                _check_zip(file, path)
            else:
                for _ in range(LEGACY_PICKLES):
                    _check_pickle(file, path)
        except InputError:
            raise
        except Exception as error:  # any exception at all may come out of foreign bytes
            raise damaged(path) from error
    return is_zip


def damaged(path: Path) -> InputError:
    """The error for a file that makes no sense."""
    return InputError(f"'{path.name}' is incomplete, damaged or no checkpoint; copy or download it again.")


def holds_objects(path: Path) -> InputError:
    """The error for a file with more in it than tensors."""
    return InputError(
        f"'{path.name}' holds Python objects besides tensors, which could run code, and is not read; "
        "ask its author for a safetensors file."
    )


def _check_zip(file: IO[bytes], path: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = [member.filename.partition("/")[2] for member in members]
        if "constants.pkl" in names:  # a TorchScript program, which older versions of torch would run
            raise holds_objects(path)
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise InputError(
                f"'{path.name}' is compressed, and torch never compresses: ask its author for the file as "
                "torch wrote it, or for a safetensors file."
            )
        if len(set(names)) < len(names) or "data.pkl" not in names:
            raise damaged(path)
        with archive.open(members[names.index("data.pkl")]) as table:
            _check_pickle(table, path)


def _check_pickle(file: IO[bytes], path: Path) -> None:
    """Read one pickle up to its end, without following it."""
    tuples = _Tuples()
    for count, (instruction, argument, _) in enumerate(pickletools.genops(file)):
        name = instruction.name
        if not INSTRUCTIONS.fullmatch(name) or (name == "GLOBAL" and not CALLABLE.fullmatch(str(argument))):
            raise holds_objects(path)
        tuples.follow(instruction, argument)
        if count > INSTRUCTION_LIMIT or tuples.deepest > TUPLE_DEPTH_LIMIT:
            raise InputError(
                f"'{path.name}' holds far more than the tensors of a network; give a checkpoint of a SAM 2 "
                "network."
            )


class _Tuples:
    """How deep tuples lie in tuples, were a pickle's instructions followed."""

    def __init__(self) -> None:
        self.deepest = 0
        self._stack: list[int | None] = []  # None is a mark
        self._memo: dict[int, int | None] = {}

    def follow(self, instruction: pickletools.OpcodeInfo, argument: Any) -> None:
        name = instruction.name
        if name.endswith("BINPUT"):
            self._memo[argument] = self._stack[-1]
        elif name.endswith("BINGET"):
            self._stack.append(self._memo[argument])
        elif name == "MARK":
            self._stack.append(None)
        else:
            depths = self._taken([part.name for part in instruction.stack_before])
            depth = 1 + max(depths, default=0) if name.startswith("TUPLE") else 0
            self.deepest = max(self.deepest, depth)
            self._stack += [depth] * len(instruction.stack_after)

    def _taken(self, parts: list[str]) -> list[int]:
        """Take from the stack what an instruction does: so many parts, or up to a mark and what is below."""
        depths: list[int] = []
        if "mark" in parts:
            while (depth := self._stack.pop()) is not None:
                depths.append(depth)
            parts = parts[: parts.index("mark")]
        return depths + [self._stack.pop() or 0 for _ in parts]
