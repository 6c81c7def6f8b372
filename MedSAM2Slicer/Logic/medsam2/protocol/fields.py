"""Values of fields between Python and msgpack, checked by their type hints."""

import math
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from medsam2.placed_mask import PlacedMask

_LARGEST = 2**63
LONGEST_TEXT = 1000
_LARGEST_SIDE = 65_536
"""Voxels along one side of a mask."""


class FieldError(Exception):
    """A field's value is not what its type says."""


def to_wire(value: Any) -> Any:
    """A field's value as msgpack takes it."""
    if is_dataclass(value):
        return {item.name: to_wire(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [to_wire(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def to_field(hint: Any, value: Any, name: str) -> Any:
    """A value from msgpack as the field of that type.

    Raises:
        FieldError: it is of another type, too large, or not finite.
    """
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _one_of(get_args(hint), value, name)
    if origin is Literal:
        if not any(type(value) is type(one) and value == one for one in get_args(hint)):
            raise FieldError(f"'{name}' must be one of {', '.join(map(str, get_args(hint)))}")
        return value
    if origin is tuple:
        return _tuple(get_args(hint), value, name)
    if hint is PlacedMask:
        return _placed_mask(value, name)
    if is_dataclass(hint) or hasattr(hint, "_fields"):
        return _record(hint, value, name)
    return _plain(hint, value, name)


def _one_of(hints: tuple, value: Any, name: str) -> Any:
    if value is None and NoneType in hints:
        return None
    problems = []
    for hint in hints:
        if hint is not NoneType:
            try:
                return to_field(hint, value, name)
            except FieldError as error:
                problems.append(str(error))
    raise FieldError(" or ".join(problems))


def _tuple(hints: tuple, value: Any, name: str) -> tuple:
    if not isinstance(value, list):
        raise FieldError(f"'{name}' must be a list")
    if hints[-1] is Ellipsis:
        return tuple(to_field(hints[0], item, name) for item in value)
    if len(value) != len(hints):
        raise FieldError(f"'{name}' must have {len(hints)} items")
    return tuple(to_field(hint, item, name) for hint, item in zip(hints, value, strict=True))


def _record(hint: type, value: Any, name: str) -> Any:
    """A dataclass from a map, a named tuple from a list."""
    hints = get_type_hints(hint)
    if not is_dataclass(hint):
        return hint(*_tuple(tuple(hints.values()), value, name))
    if not isinstance(value, dict) or set(value) != set(hints):
        raise FieldError(f"'{name}' must be a map of {', '.join(hints)}")
    return hint(**{key: to_field(hints[key], item, f"{name}.{key}") for key, item in value.items()})


def _plain(hint: Any, value: Any, name: str) -> Any:
    if hint is float and type(value) is int:
        value = float(value) if abs(value) < _LARGEST else math.inf
    if type(value) is not hint:
        raise FieldError(f"'{name}' must be of type {hint.__name__}")
    if hint is float and not math.isfinite(value):
        raise FieldError(f"'{name}' must be a finite number")
    if hint is int and not -_LARGEST <= value < _LARGEST:
        raise FieldError(f"'{name}' is too large")
    if hint is str and len(value) > LONGEST_TEXT:
        raise FieldError(f"'{name}' is longer than {LONGEST_TEXT} characters")
    return value


def _placed_mask(value: Any, name: str) -> PlacedMask:
    sizes = ("row", "column", "height", "width")
    if not isinstance(value, dict) or set(value) != {*sizes, "bits"}:
        raise FieldError(f"'{name}' must be a map of {', '.join(sizes)}, bits")
    row, column, height, width = (to_field(int, value[key], f"{name}.{key}") for key in sizes)
    bits = to_field(bytes, value["bits"], f"{name}.bits")
    if row < 0 or column < 0:
        raise FieldError(f"'{name}' starts outside the slice")
    if not (0 <= height <= _LARGEST_SIDE and 0 <= width <= _LARGEST_SIDE):
        raise FieldError(f"'{name}' has a size of {height} x {width} voxels")
    if len(bits) != -(-height * width // 8):
        raise FieldError(f"'{name}.bits' must hold {height} x {width} voxels")
    return PlacedMask(row, column, height, width, bits)
