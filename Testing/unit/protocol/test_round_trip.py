import msgpack
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.protocol import VERSION, FieldOfViewBox, Forget, Mask, OpenVolume, PromptRequest, decode, encode
from medsam2.protocol.codec import TYPES
from unit.protocol.examples import EXAMPLES
from unit.protocol.strategies import MASKS, exact, messages

steady = settings(deadline=None, derandomize=True, max_examples=40)


def a_mask(mask: np.ndarray) -> Mask:
    return Mask(1, "a", 2, PlacedMask.packed(mask, 3, 4), "k", 0.5, 1.0, FieldOfViewBox(0, 0, 8, 8))


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
@steady
@given(st.data())
def test_every_message_comes_back_as_it_was(kind, data):
    message = data.draw(messages(kind))
    assert exact(decode(encode(message))) == exact(message)


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_on_the_wire_is_a_map_that_says_what_it_is(message):
    body = msgpack.unpackb(encode(message))
    assert body["v"] == VERSION
    assert TYPES[body["type"]] is type(message)
    assert body["id"] == message.id


def test_every_type_has_an_example():
    assert {type(message) for message in EXAMPLES} == set(TYPES.values())


@steady
@given(MASKS)
@example(np.ones((0, 0), bool))
@example(np.ones((0, 7), bool))
@example(np.ones((1, 1), bool))
@example(np.ones((3, 8), bool))
@example(np.asfortranarray(np.arange(15).reshape(3, 5) < 7))
@example(np.arange(60).reshape(6, 10)[::2, ::3] % 2 == 0)
def test_masks_are_packed_row_by_row_into_the_fewest_bytes(mask):
    height, width = mask.shape
    expected = bytearray((height * width + 7) // 8)
    for place, covered in enumerate(mask.ravel().tolist()):
        expected[place // 8] |= covered << (7 - place % 8)
    box = {"row": 3, "column": 4, "height": height, "width": width, "bits": bytes(expected)}
    assert msgpack.unpackb(encode(a_mask(mask)))["mask"] == box
    prompt = PromptRequest(1, "a", "k", Prompt(2, mask=PlacedMask.packed(mask, 3, 4)))
    assert msgpack.unpackb(encode(prompt))["mask"] == box
    for message in (a_mask(mask), prompt):
        assert exact(decode(encode(message))) == exact(message)


def test_numpy_numbers_travel_as_plain_ones():
    points = ((np.float32(1.5), np.float64(2), np.bool_(True)),)
    message = decode(encode(PromptRequest(np.int64(1), "a", "k", Prompt(np.uint8(2), points))))
    assert exact(message) == exact(PromptRequest(1, "a", "k", Prompt(2, ((1.5, 2.0, True),))))


def test_a_decoded_mask_can_be_written_to():
    mask = decode(encode(a_mask(np.zeros((3, 5), bool)))).mask.voxels
    mask[1, 1] = True
    assert mask.sum() == 1


def test_whole_numbers_count_as_floats():
    body = {"v": VERSION, "type": "open_volume", "id": 1, "upload": "n", "shape": [1, 2, 3], "dtype": "uint8"}
    message = decode(msgpack.packb(body | {"spacing": [2, 1, 1], "window": [-160, 240]}))
    assert exact(message) == exact(
        OpenVolume(1, "n", (1, 2, 3), "uint8", (2.0, 1.0, 1.0), window=(-160.0, 240.0))
    )


def test_nil_and_a_missing_field_mean_the_same_where_nil_is_allowed():
    body = {"v": VERSION, "type": "forget", "id": 1, "object_id": "a"}
    assert decode(msgpack.packb(body)) == Forget(1, "a")
    assert decode(msgpack.packb(body | {"axis": None, "slice_index": None})) == Forget(1, "a")


def test_the_token_is_not_shown():
    assert "secret" not in repr(EXAMPLES[0])
