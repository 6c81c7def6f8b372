"""Messages of every type, drawn from the type hints of their dataclasses."""

from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from medsam2.placed_mask import PlacedMask
from medsam2.protocol import Message

IDS = st.integers(0, 2**63 - 1)
PLACES = st.integers(0, 2**63 - 1)
MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=20))
PLAIN = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(max_size=30),
    bytes: st.binary(max_size=100),
    PlacedMask: st.builds(PlacedMask.packed, MASKS, PLACES, PLACES),
}


def values(hint: Any) -> st.SearchStrategy:
    """Any value that a field of this type takes."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, args))
    if origin is tuple and args[-1] is Ellipsis:
        return st.lists(values(args[0]), max_size=5).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, args))
    return st.builds(hint, **{name: values(each) for name, each in get_type_hints(hint).items()})


def messages(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Any message of a type."""
    options = {name: values(hint) for name, hint in get_type_hints(kind).items()}
    return st.builds(kind, **options | {"id": IDS})


def exact(value: Any) -> Any:
    """A value with all types in it, so that ``==`` tells 1 from True."""
    if is_dataclass(value):
        return type(value), [exact(getattr(value, item.name)) for item in fields(value)]
    if isinstance(value, tuple):
        return type(value), [exact(item) for item in value]
    return type(value), value
