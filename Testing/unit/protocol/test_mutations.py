"""Bytes from anyone: a message or a ProtocolError, never anything else, and little memory."""

from collections import Counter
from random import Random

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.protocol import VERSION, Chunk, PromptRequest, ProtocolError, decode, encode
from medsam2.protocol.codec import TYPES
from unit.protocol.memory import MIB, memory_within
from unit.protocol.mutations import mutated
from unit.protocol.strategies import exact

steady = settings(deadline=None, derandomize=True, max_examples=100)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=5,
)


def outcome(data: bytes) -> str:
    """The code with which bytes were refused, or "accepted"; what is accepted must survive a round trip."""
    try:
        message = decode(data)
    except ProtocolError as error:
        return error.code
    assert exact(decode(encode(message))) == exact(message)
    return "accepted"


@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_mutated_messages_each_get_an_answer_in_little_memory(seed):
    random = Random(seed)
    outcomes = Counter()
    outcome(mutated(random))  # fills caches
    with memory_within(12 * MIB):
        for _ in range(1000):
            outcomes[outcome(mutated(random))] += 1
    assert set(outcomes) == {"accepted", "bad_message", "bad_version", "unknown_type"}
    assert outcomes["accepted"] > 100
    assert outcomes["bad_message"] > 400


@steady
@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(data):
    outcome(data)


@steady
@given(st.sampled_from([*TYPES, "other"]), st.dictionaries(st.text(max_size=12), VALUES, max_size=5))
def test_any_map_gets_an_answer(name, body):
    outcome(msgpack.packb(body | {"v": VERSION, "type": name, "id": 1}))


def test_lists_that_claim_to_be_long_at_every_level_take_little_memory():
    for claim in (b"\xdd\x00\x01\x86\x9f", b"\xdd\x00\x00\x27\x10", b"\xdc\x03\xe8"):
        with memory_within(12 * MIB):
            assert outcome(claim * 1000 + bytes(200_000)) == "bad_message"


@pytest.mark.parametrize("item", [b"\x80", b"\x90", b"\xa2hi", b"\xcb" + b"\1" * 8, b"\xc4\x01a"])
def test_a_message_of_very_many_small_values_takes_little_memory(item):
    lists = b"\xdc\x03\xe8" + item * 1000
    data = b"\x81\xa1a\xdc\x03\xe8" + lists * 1000
    with memory_within(3 * MIB):
        assert outcome(data) == "bad_message"


def test_deep_nesting_is_refused():
    for depth in (10, 1000, 100_000):
        for opening in (b"\x91", b"\x81\xa1a"):
            assert outcome(opening * depth + b"\xc0") == "bad_message"


def test_a_mask_takes_no_more_than_its_bits():
    data = encode(PromptRequest(1, "a", "k", Prompt(2, mask=PlacedMask.packed(np.ones((4096, 4096), bool)))))
    with memory_within(2 * len(data) + MIB):
        decode(data)


def test_a_chunk_takes_no_more_than_its_size():
    data = encode(Chunk(1, 0, bytes(4 * MIB)))
    with memory_within(5 * MIB):
        decode(data)


def test_refused_messages_leave_no_memory_behind():
    broken = [
        encode(PromptRequest(1, "a", "k", Prompt(2, ((1.0, 2.0, True),) * 900)))[:-3],
        b"\xdc\x03\xe8" * 100,
    ]
    for data in broken:
        outcome(data)
    with memory_within(2 * MIB):
        for _ in range(20):
            for data in broken:
                outcome(data)
