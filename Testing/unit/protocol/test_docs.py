"""``docs/protocol.md`` says what the code does: no message, field, default or error code more or less."""

import json
import re
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgpack
import numpy as np
import pytest

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.protocol import VERSION, Close, ErrorCode, PromptRequest, codec, decode, encode, upload
from medsam2.protocol import fields as field_limits
from medsam2.protocol.codec import TYPES
from medsam2.protocol.messages import FLAT, wire_name

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8")
PLAIN = {
    NoneType: "nil",
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bin",
    PlacedMask: "mask box",
}


def section(title: str) -> str:
    """Text from a heading to the next one of any level."""
    found = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, title
    return found[0]


def table(title: str) -> dict[str, list[str]]:
    """First cell of each row, without backticks, and the other cells of the section's one table."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines[2:]]
    names = [row[0].strip("`") for row in rows]
    assert len(set(names)) == len(names)
    return {name: row[1:] for name, row in zip(names, rows, strict=True)}


def block(kind: str) -> list[str]:
    """Lines of the one code block of a kind."""
    (text,) = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return text.splitlines()


def notation(hint: Any) -> str:
    """A type as the page writes it."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if origin is Literal:
        return " or ".join(map(json.dumps, args))
    if origin in (Union, UnionType):
        return " or ".join(map(notation, args))
    if origin is tuple and args[-1] is Ellipsis:
        return f"[{notation(args[0])} …]"
    if origin is tuple:
        return f"[{', '.join(map(notation, args))}]"
    parts = {name: notation(each) for name, each in get_type_hints(hint).items()}
    if issubclass(hint, tuple):
        return f"[{', '.join(parts.values())}]"
    return "{" + ", ".join(f"{name}: {each}" for name, each in parts.items()) + "}"


def described(kind: type) -> dict[str, list[str]]:
    """Type and default of every field of a message on the wire, as the page writes them."""
    hints, rows = get_type_hints(kind), {}
    for item in fields(kind):
        if FLAT in item.metadata:
            rows |= described(hints[item.name])
        elif item.name != "id":
            rows[wire_name(item)] = [f"`{notation(hints[item.name])}`", default(item.default)]
    return rows


def default(value: Any) -> str:
    if value is MISSING:
        return "required"
    return "`nil`" if value is None else f"`{json.dumps(value)}`"


def test_every_message_is_listed_and_has_its_section_and_no_other():
    assert set(table("Messages")) == set(TYPES)
    headings = re.findall(r"^### `(.*)`$", PAGE, re.MULTILINE)
    assert sorted(headings) == sorted(TYPES)
    assert {row[0] for row in table("Messages").values()} == {"client", "server"}


@pytest.mark.parametrize("name", TYPES)
def test_fields_types_and_defaults_are_those_of_the_code(name):
    rows = table(f"`{name}`")
    assert {field: row[:2] for field, row in rows.items()} == described(TYPES[name])
    assert all(len(row) == 3 and row[2] for row in rows.values())


def test_the_envelope_is_that_of_the_code():
    assert set(table("Envelope")) == set(msgpack.unpackb(encode(Close(1))))
    assert re.findall(r"Version (\d+)\.", PAGE) == [str(VERSION)]
    assert table("Envelope")["v"][1] == f"version of the protocol, {VERSION}"


def on_the_wire(mask: np.ndarray) -> dict[str, Any]:
    prompt = Prompt(2, mask=PlacedMask.packed(mask))
    return msgpack.unpackb(encode(PromptRequest(1, "a", "k", prompt)))["mask"]


def test_the_mask_box_is_that_of_the_code():
    box = on_the_wire(np.ones((2, 3), bool))
    types = {int: "`int`", bytes: "`bin`"}
    assert {name: row[0] for name, row in table("Masks").items()} == {
        name: types[type(value)] for name, value in box.items()
    }


def test_every_error_code_is_explained_and_no_other():
    rows = table("Errors")
    assert set(rows) == set(get_args(ErrorCode))
    assert all(len(row) == 2 and all(row) for row in rows.values())


def test_limits_are_those_of_the_code():
    assert {name: int(row[0].replace(",", "")) for name, row in table("Limits").items()} == {
        "items of one list or map": codec._MOST_ITEMS,
        "values in all lists and maps of a message": codec._MOST_VALUES,
        "characters of a text": field_limits.LONGEST_TEXT,
        "rows or columns of a mask box": field_limits._LARGEST_SIDE,
        "voxels of a slice along any axis": upload.MOST_SLICE_VOXELS,
    }


def test_the_example_of_a_message_is_one():
    data = bytes.fromhex("".join(block("hex")))
    assert decode(data) == Close(7)
    assert encode(Close(7)) == data


def test_the_example_of_a_mask_is_packed_as_it_says():
    *rows, bits, data = block("mask")
    mask = np.array([[voxel == "#" for voxel in row] for row in rows])
    packed = on_the_wire(mask)["bits"]
    assert packed.hex(" ") == data
    assert " ".join(f"{byte:08b}" for byte in packed) == bits
    assert f"{mask.shape[0]} rows of {mask.shape[1]} voxels" in section("Masks")
