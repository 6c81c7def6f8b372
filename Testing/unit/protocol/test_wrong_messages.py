"""Whatever is wrong with a message: the code, the id and the field's name tell."""

from dataclasses import MISSING, Field, fields, is_dataclass
from math import inf, nan
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgpack
import pytest

from medsam2.placed_mask import PlacedMask
from medsam2.protocol import VERSION, Propagate, ProtocolError, decode, encode
from medsam2.protocol.codec import TYPES
from medsam2.protocol.messages import FLAT, wire_name
from unit.protocol.examples import EXAMPLES

WRONG = {
    bool: [None, 0, 1, "true", []],
    int: [None, True, 1.0, "1", [1], 2**63],
    float: [None, True, "1", [1.0], nan, inf, -inf, 2**63],
    str: [None, 1, b"text", ["text"], "x" * 1001],
    bytes: [None, 1, "text", [1, 2]],
}
A_BOX = {"row": 1, "column": 2, "height": 3, "width": 5, "bits": b"\xaa\xaa"}
WRONG[PlacedMask] = [
    [],
    {},
    {key: value for key, value in A_BOX.items() if key != "bits"},
    A_BOX | {"depth": 1},
    *(A_BOX | {key: value} for key in ("row", "column", "height", "width") for value in WRONG[int]),
    *(A_BOX | {key: -1} for key in ("row", "column", "height", "width")),
    *(A_BOX | {"bits": value} for value in (*WRONG[bytes], b"", b"\0", b"\0\0\0")),
    A_BOX | {"height": 65_537, "width": 0, "bits": b""},
    A_BOX | {"height": 0, "width": 65_537, "bits": b""},
    A_BOX | {"height": 2**62, "width": 2**62},
]


def right(hint: Any) -> Any:
    """Some value on the wire that a field of this type takes."""
    if get_origin(hint) is tuple:
        return [right(each) for each in get_args(hint) if each is not Ellipsis]
    return {bool: True, int: 1, float: 1.0, str: "text"}[hint]


def wrong(hint: Any) -> list:
    """Values on the wire that a field of this type must not take."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in WRONG:
        return WRONG[hint]
    if origin is Literal:
        return [None, 2, True, "", "other", str(args[0]).encode(), [args[0]]]
    if origin in (Union, UnionType):
        return _wrong_for_all(args)
    if hasattr(hint, "_fields"):
        args = tuple(get_type_hints(hint).values())
    elif is_dataclass(hint):
        return _wrong_records(hint)
    if args[-1] is Ellipsis:
        return [None, 1, "text", {}, *([item] for item in wrong(args[0]))]
    return [None, 1, "text", {}, *_wrong_lists(args)]


def _wrong_for_all(hints: tuple) -> list:
    if NoneType not in hints:
        return [None, True, nan, 2**63, b"auto", "other", [], {}]  # a View
    (*others,) = (hint for hint in hints if hint is not NoneType)
    found = wrong(others[0]) if len(others) == 1 else _wrong_for_all(tuple(others))
    return [value for value in found if value is not None]


def _wrong_lists(hints: tuple) -> list:
    items = [right(hint) for hint in hints]
    replaced = [
        [*items[:place], value, *items[place + 1 :]]
        for place, hint in enumerate(hints)
        for value in wrong(hint)
    ]
    return [[], items[:-1], [*items, items[-1]], *replaced]


def _wrong_records(hint: type) -> list:
    hints = get_type_hints(hint)
    items = {name: right(each) for name, each in hints.items()}
    replaced = [items | {name: value} for name, each in hints.items() for value in wrong(each)]
    fewer = [{name: items[name] for name in items if name != left_out} for left_out in items]
    return [None, 1, [], {}, items | {"more": 1}, *fewer, *replaced]


def wire_fields(kind: type) -> dict[str, tuple[Field, Any]]:
    """By their names on the wire: the fields of a message, and their types."""
    hints, found = get_type_hints(kind), {}
    for item in fields(kind):
        if FLAT in item.metadata:
            found |= wire_fields(hints[item.name])
        elif item.name != "id":
            found[wire_name(item)] = item, hints[item.name]
    return found


BODIES = {type(message): msgpack.unpackb(encode(message)) for message in EXAMPLES}
FIELDS = [(kind, name, *each) for kind in TYPES.values() for name, each in wire_fields(kind).items()]
each_field = pytest.mark.parametrize(
    ("kind", "name", "item", "hint"), FIELDS, ids=[f"{kind.__name__}-{name}" for kind, name, *_ in FIELDS]
)


def refused(body: Any) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        decode(body if isinstance(body, bytes | str) else msgpack.packb(body))
    return caught.value


@each_field
def test_a_wrong_value_is_refused_by_the_field_s_name(kind, name, item, hint):
    for value in wrong(hint):
        error = refused(BODIES[kind] | {name: value})
        assert (error.code, error.id) == ("bad_message", BODIES[kind]["id"]), value
        assert f"'{name}'" in str(error) or f"'{name}." in str(error), value


@each_field
def test_a_missing_field_is_named_or_has_its_default(kind, name, item, hint):
    body = {key: value for key, value in BODIES[kind].items() if key != name}
    if item.default is MISSING:
        error = refused(body)
        assert (error.code, error.id) == ("bad_message", body["id"])
        assert f"'{name}' is missing" in str(error)
    else:
        message = decode(msgpack.packb(body))
        parts = [message, *(getattr(message, each.name) for each in fields(kind) if FLAT in each.metadata)]
        assert [getattr(p, item.name) for p in parts if hasattr(p, item.name)] == [item.default]


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("name", ["extra", "row", "x" * 1000, b"id"])
def test_a_field_too_many_is_named(kind, name):
    error = refused(BODIES[kind] | {name: 1})
    assert (error.code, error.id) == ("bad_message", BODIES[kind]["id"])
    assert str(name)[:40] in str(error)
    assert len(str(error)) < 200


@pytest.mark.parametrize("id", [None, True, -1, 1.0, "1", 2**63, [], {}])
def test_a_wrong_id_is_refused(id):
    error = refused({"v": VERSION, "type": "close", "id": id})
    assert (error.code, error.id) == ("bad_message", 0)
    assert "id" in str(error)


def test_a_message_without_id_is_refused():
    assert refused({"v": VERSION, "type": "close"}).code == "bad_message"


@pytest.mark.parametrize("version", [None, True, 0, 1, VERSION + 1, 2.0, "2", [2], {}])
def test_another_version_is_refused_and_says_which_one_is_spoken(version):
    error = refused({"v": version, "type": "something new", "id": 5})
    assert (error.code, error.id) == ("bad_version", 5)
    assert f"version {VERSION}" in str(error)


@pytest.mark.parametrize("name", [None, 1, "", "Close", "shown", b"close", ["close"], {}])
def test_an_unknown_type_is_refused(name):
    error = refused({"v": VERSION, "type": name, "id": 5})
    assert (error.code, error.id) == ("unknown_type", 5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x81",
        b"\x81\xa1",
        b"\x81\xa2id\xd9",
        b"\x81\xa1\xff\x01",
        encode(EXAMPLES[0]) + b"\x01",
        encode(EXAMPLES[0])[:-1],
        "text",
        msgpack.packb(None),
        msgpack.packb([1, 2]),
        msgpack.packb({1: 2, "v": VERSION, "type": "close", "id": 1}),
        msgpack.packb({"v": VERSION, "type": "close", "id": msgpack.ExtType(1, b"x")}),
        msgpack.packb({"v": VERSION, "type": "close", "id": msgpack.Timestamp(1)}),
    ],
)
def test_what_is_no_message_is_refused(data):
    error = refused(data)
    assert (error.code, error.id) == ("bad_message", 0)


def test_lists_and_texts_of_the_longest_length_are_taken_and_no_longer_ones():
    names = tuple(str(number) for number in range(1000))
    assert decode(encode(Propagate(1, "k", names))).objects == names
    assert refused(encode(Propagate(1, "k", (*names, "one more")))).code == "bad_message"
    assert decode(encode(Propagate(1, "k", ("x" * 1000,)))).objects == ("x" * 1000,)


def test_errors_do_not_repeat_what_was_sent():
    for value in (b"secret", ["secret"], {"secret": 1}, "secret" * 1000):
        assert "secret" not in str(refused(BODIES[TYPES["hello"]] | {"token": value}))
        assert "secret" not in str(refused(BODIES[TYPES["forget"]] | {"axis": value}))
