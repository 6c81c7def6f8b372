"""Messages to bytes and back: msgpack maps, every field checked by its type."""

from dataclasses import MISSING, fields
from typing import Any, NamedTuple, get_type_hints

import msgpack

from medsam2.protocol import messages
from medsam2.protocol.fields import FieldError, to_field, to_wire
from medsam2.protocol.messages import FLAT, ErrorCode, Message, wire_name

VERSION = 2

TYPES: dict[str, type[Message]] = {
    "hello": messages.Hello,
    "open_volume": messages.OpenVolume,
    "chunk": messages.Chunk,
    "prompt": messages.PromptRequest,
    "propagate": messages.Propagate,
    "view": messages.SliceShown,
    "cancel": messages.Cancel,
    "forget": messages.Forget,
    "close": messages.Close,
    "ready": messages.Ready,
    "mask": messages.Mask,
    "progress": messages.Progress,
    "done": messages.Done,
    "error": messages.Error,
}
NAMES = {kind: name for name, kind in TYPES.items()}

_MOST_ITEMS = 1000
"""Of any list or map in a message: msgpack makes room for what a list claims before it reads the items."""
_MOST_VALUES = 10_000
"""In all lists and maps of a message: one of empty maps only would take sixty times its own size."""


class ProtocolError(Exception):
    """Bytes that are no message.

    Attributes:
        code: what to answer.
        id: of the message where it could be read, else 0.
    """

    def __init__(self, code: ErrorCode, message: str, id: int = 0):
        super().__init__(message)
        self.code = code
        self.id = id


def encode(message: Message) -> bytes:
    """The bytes of one WebSocket message."""
    body: dict[str, Any] = {"v": VERSION, "type": NAMES[type(message)]}
    for item in fields(message):
        value = to_wire(getattr(message, item.name))
        body |= value if FLAT in item.metadata else {wire_name(item): value}
    return msgpack.packb(body)


def decode(data: bytes) -> Message:
    """The message that the bytes hold.

    Raises:
        ProtocolError: they hold none, one of another version, of an unknown type, or with wrong fields.
    """
    body = _unpack(data)
    id = body.pop("id", None)
    if type(id) is not int or not 0 <= id < 2**63:
        raise ProtocolError("bad_message", "The message has no id: a whole number from 0.")
    version, name = body.pop("v", None), body.pop("type", None)
    if type(version) is not int or version != VERSION:
        raise ProtocolError("bad_version", f"This end speaks version {VERSION} of the protocol only.", id)
    if not isinstance(name, str) or name not in TYPES:
        raise ProtocolError("unknown_type", "There is no message of this type.", id)
    kind = TYPES[name]
    try:
        return kind(id, **_fields(kind, body))
    except FieldError as error:
        raise ProtocolError("bad_message", f"The message '{name}' is wrong: {error}.", id) from error


def _unpack(data: bytes) -> dict:
    limits = {"max_array_len": _MOST_ITEMS, "max_map_len": _MOST_ITEMS, "max_ext_len": 0}
    left = _MOST_VALUES

    def counted(items: list | dict) -> list | dict:
        nonlocal left
        left -= 1 + len(items)
        if left < 0:
            raise ValueError("too many values")
        return items

    try:
        body = msgpack.unpackb(data, list_hook=counted, object_hook=counted, **limits)
    # Whatever msgpack raises for broken bytes: several of its own, ValueError, even UnicodeDecodeError.
    except Exception as error:
        raise ProtocolError(
            "bad_message",
            f"The message is no msgpack, or holds more than {_MOST_ITEMS} items in a list "
            f"or {_MOST_VALUES} in all.",
        ) from error
    if not isinstance(body, dict):
        raise ProtocolError("bad_message", "The message is no msgpack map.")
    return body


def _fields(kind: type[Message], body: dict) -> dict[str, Any]:
    known = _WIRE_FIELDS[kind]
    unknown = [str(key) for key in body if key not in known]
    if unknown:
        raise FieldError(f"it has no field '{unknown[0][:40]}'")
    missing = [key for key, one in known.items() if one.is_needed and key not in body]
    if missing:
        raise FieldError(f"the field '{missing[0]}' is missing")
    values = {known[key].name: to_field(known[key].hint, value, key) for key, value in body.items()}
    for name, within in _FLAT_FIELDS[kind].items():
        parts = {part.name: values.pop(part.name) for part in fields(within) if part.name in values}
        values[name] = within(**parts)
    return values


class _WireField(NamedTuple):
    name: str
    hint: Any
    is_needed: bool


def _wire_fields(kind: type) -> dict[str, _WireField]:
    """The fields by their keys on the wire; ``id`` left out."""
    hints = get_type_hints(kind)
    known: dict[str, _WireField] = {}
    for item in fields(kind):
        if FLAT in item.metadata:
            known |= _wire_fields(hints[item.name])
        elif item.name != "id":
            known[wire_name(item)] = _WireField(item.name, hints[item.name], item.default is MISSING)
    return known


_WIRE_FIELDS = {kind: _wire_fields(kind) for kind in NAMES}
_FLAT_FIELDS = {
    kind: {item.name: get_type_hints(kind)[item.name] for item in fields(kind) if FLAT in item.metadata}
    for kind in NAMES
}
