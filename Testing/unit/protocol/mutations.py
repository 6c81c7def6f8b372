"""Messages damaged at random, always in the same way for the same seed."""

from random import Random
from typing import Any

import msgpack

from medsam2.protocol import encode
from unit.protocol.examples import EXAMPLES

ODD_VALUES = [
    None, True, False, 0, 1, -1, 2**63, 2**64 - 1, -(2**63), 0.5, float("nan"), float("inf"), 1e308,
    "", "k", "auto", "none", "x" * 2000, b"", b"\xff" * 9, [], [[]], [1, 2, 3], [0.5] * 4, {}, {"row": 1},
    {"row": 0, "column": 0, "height": 0, "width": 0, "bits": b""}, msgpack.Timestamp(1),
    msgpack.ExtType(5, b"abc"),
]  # fmt: skip
# The headers of long lists, maps, texts, binaries and extensions, and bytes that mean nothing.
HUGE = [bytes([kind]) + b"\xff" * 4 for kind in (0xDD, 0xDF, 0xDB, 0xC6, 0xC9)] + [
    b"\xdd\x00\x01\x86\x9f",
    b"\xdf\x00\x01\x86\x9f",
    b"\xdc\x03\xe8",
    b"\xc1",
]


def mutated(random: Random) -> bytes:
    """A message with one to three faults in it, or now and then a sound one of another shape."""
    body = msgpack.unpackb(encode(random.choice(EXAMPLES)))
    for _ in range(random.randrange(3)):
        body = _exchanged(random, body)
    data = msgpack.packb(body)
    for _ in range(random.randrange(3)):
        data = random.choice(BYTE_FAULTS)(random, data)
    return data


def _exchanged(random: Random, value: Any) -> Any:
    """The value with one part of it exchanged for something odd, left out, doubled or nested."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        fault = random.random()
        if fault < 0.1:
            return {other: part for other, part in value.items() if other != key}
        if fault < 0.2:
            return value | {random.choice(["new", b"id", "", "mask"]): random.choice(ODD_VALUES)}
        return value | {key: _exchanged(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.6:
        place = random.randrange(len(value))
        items = random.choice([[], [value[place]] * 2, [_exchanged(random, value[place])]])
        return [*value[:place], *items, *value[place + 1 :]]
    return random.choice([*ODD_VALUES, [value], {"v": value}])


def _flipped(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(1, len(data) + 1)]


def _inserted(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.randbytes(random.randrange(1, 9)) + data[place:]


def _replaced(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + random.choice(HUGE) + data[place + random.randrange(9) :]


def _repeated(random: Random, data: bytes) -> bytes:
    start, stop = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return data[:stop] + data[start:stop] * random.randrange(1, 4) + data[stop:]


def _nested(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data))
    opening = random.choice([b"\x91", b"\x81\xa1a", b"\xdc\x03\xe8", b"\xdd\x00\x01\x86\x9f"])
    return data[:place] + opening * random.choice([5, 500, 1500]) + data[place:]


BYTE_FAULTS = [_flipped, _cut, _inserted, _replaced, _repeated, _nested]
