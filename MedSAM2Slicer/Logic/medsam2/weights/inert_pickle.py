"""Follow the instructions of a pickle that torch wrote, doing nothing of what they say.

A pickle is a program. Here it only moves plain values about on a stack: what it names is never imported,
what it calls is never called, and both are left as a record of what was asked (:class:`Call`). So the table
of tensors of a training checkpoint can be read, whatever optimiser lies beside it. The work and the memory
are bounded by the size of the file, as nothing is ever repeated, copied, compared or walked through.
"""

import pickletools
import re
from dataclasses import dataclass
from typing import IO, Any

INSTRUCTION_LIMIT = 500_000
"""The largest SAM 2 network takes 28,000, with its optimiser about three times as many."""
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
NUMBERS_AND_TEXTS = re.compile(r"BININT[12]?|LONG1|BINFLOAT|BINUNICODE")
NAMED = re.compile(
    # What makes tensors, and the words that describe them.
    r"collections\.OrderedDict"
    r"|torch\._utils\._rebuild_(tensor_v2|parameter)"
    r"|torch\.(\w+Storage|Size|device|b?float\d*|half|double|u?int\d*|long|bool)"
    # An optimiser beside the tensors, as SAM-Med2D's file has one.
    r"|collections\.defaultdict|(__builtin__|builtins)\.dict|torch\.optim(\.\w+)+"
)
"""What a file may name. More could do no harm, but a file that does is not what it is said to be."""


@dataclass(frozen=True, eq=False)
class Name:
    """Something that a pickle asks to import: ``"torch.FloatStorage"``."""

    path: str


@dataclass(frozen=True, eq=False)
class Call:
    """Something that a pickle asks to call, with what; never done."""

    function: Any
    arguments: Any

    def of(self, path: str) -> bool:
        """Whether this is a call of what has that name."""
        return isinstance(self.function, Name) and self.function.path == path


@dataclass(frozen=True, eq=False)
class Persistent:
    """A reference to what lies outside the pickle: a storage of numbers."""

    reference: Any


@dataclass(frozen=True, eq=False)
class Key:
    """A key of a dictionary that is no text."""

    value: Any


class ForeignPickleError(Exception):
    """The pickle does, or names, what torch needs for no table of tensors; its text says what."""


class EndlessPickleError(Exception):
    """The pickle has more instructions than any network needs."""


@dataclass(frozen=True)
class Followed:
    """What a pickle makes, and all that it refers to outside."""

    value: Any
    references: list[Persistent]


def follow(file: IO[bytes]) -> Followed:
    """Follow one pickle, which ends where the file is left.

    Raises:
        ForeignPickleError: it holds other things than torch writes for tensors.
        EndlessPickleError: it is far too long.
        Exception: any at all, where the bytes are no pickle.
    """
    machine = _Machine()
    for count, (instruction, argument, _) in enumerate(pickletools.genops(file)):
        if count > INSTRUCTION_LIMIT:
            raise EndlessPickleError
        machine.step(instruction.name, argument)
    return Followed(machine.stack.pop(), machine.references)


class _Mark:
    """Where a group of values on the stack begins."""


class _Machine:
    """A pickle's stack and memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.references: list[Persistent] = []

    def step(self, name: str, argument: Any) -> None:
        """Follow one instruction."""
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif NUMBERS_AND_TEXTS.fullmatch(name):
            self.stack.append(argument)
        elif name.endswith("BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name.endswith("BINGET"):
            self.stack.append(self.memo[argument])
        elif action := getattr(self, f"_{name.lower()}", None):
            action(argument)
        else:
            raise ForeignPickleError(f"{name} {argument}" if isinstance(argument, str) else name)

    def _proto(self, version: int) -> None:
        pass

    def _stop(self, _: None) -> None:
        pass

    def _mark(self, _: None) -> None:
        self.stack.append(_Mark)

    def _global(self, words: str) -> None:
        path = words.replace(" ", ".")
        if not NAMED.fullmatch(path):
            raise ForeignPickleError(path)
        self.stack.append(Name(path))

    def _binpersid(self, _: None) -> None:
        self.references.append(Persistent(self.stack.pop()))
        self.stack.append(self.references[-1])

    def _reduce(self, _: None) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        call = Call(function, arguments)
        self.stack.append({} if call.of("collections.OrderedDict") else call)

    _newobj = _reduce

    def _build(self, _: None) -> None:
        self.stack.pop()  # the attributes of what stays below

    def _empty_dict(self, _: None) -> None:
        self.stack.append({})

    def _empty_list(self, _: None) -> None:
        self.stack.append([])

    def _empty_tuple(self, _: None) -> None:
        self.stack.append(())

    def _tuple(self, _: None) -> None:
        self.stack.append(tuple(self._group()))

    def _tuple1(self, _: None) -> None:
        self.stack.append(tuple(self._top(1)))

    def _tuple2(self, _: None) -> None:
        self.stack.append(tuple(self._top(2)))

    def _tuple3(self, _: None) -> None:
        self.stack.append(tuple(self._top(3)))

    def _append(self, _: None) -> None:
        self._extend(self._top(1))

    def _appends(self, _: None) -> None:
        self._extend(self._group())

    def _setitem(self, _: None) -> None:
        self._update(self._top(2))

    def _setitems(self, _: None) -> None:
        self._update(self._group())

    def _top(self, count: int) -> list[Any]:
        values = [self.stack.pop() for _ in range(count)]
        return values[::-1]

    def _group(self) -> list[Any]:
        """What lies above the last mark, which goes too."""
        values = []
        while (value := self.stack.pop()) is not _Mark:
            values.append(value)
        return values[::-1]

    def _extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def _update(self, values: list[Any]) -> None:
        """Keys that are no text stand for themselves: to hash tuples in tuples could overflow the stack."""
        table = self.stack[-1]
        if isinstance(table, dict):
            keys = (key if isinstance(key, str) else Key(key) for key in values[::2])
            table.update(zip(keys, values[1::2], strict=True))
