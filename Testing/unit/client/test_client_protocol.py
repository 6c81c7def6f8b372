"""Requests, their order on the wire, and their answers."""

import numpy as np
import pytest

from medsam2.client import ClientError
from medsam2.client.client_protocol import ClientProtocol
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import Done, Error, Progress, Upload
from unit.client.spoken import (
    CHUNK_BYTES,
    SPACING,
    VOXELS,
    announced,
    answer,
    finish_upload,
    greet,
    kinds,
    mask,
    opened,
    ready,
    sent,
)


def test_nothing_but_the_hello_goes_out_before_the_server_is_ready():
    protocol = ClientProtocol("secret", "Slicer 5.10")
    protocol.open_volume(VOXELS, SPACING)
    (hello,) = sent(protocol)
    assert (hello.token, hello.client) == ("secret", "Slicer 5.10")
    assert protocol.ready is None
    (handed,) = answer(protocol, ready(hello.id))
    assert protocol.ready == handed
    assert kinds(sent(protocol)) == ["OpenVolume"]


def test_chunks_start_where_the_server_wants_them_and_rebuild_the_volume():
    protocol = ClientProtocol("secret")
    request = protocol.open_volume(VOXELS, SPACING, "CT", window=(-160, 240), memory="self-sorting")
    greet(protocol)
    (announced,) = sent(protocol)
    assert announced.id == request
    assert (announced.shape, announced.dtype, announced.spacing) == (VOXELS.shape, "int16", SPACING)
    assert (announced.modality, announced.window, announced.memory) == ("CT", (-160.0, 240.0), "self-sorting")
    upload = Upload(announced, CHUNK_BYTES, VOXELS.nbytes)
    answer(protocol, Progress(request, 0, upload.total))
    for chunk in sent(protocol):
        assert len(chunk.data) <= CHUNK_BYTES
        upload.add(chunk)
    assert upload.complete
    np.testing.assert_array_equal(upload.voxels(), VOXELS)


def test_an_upload_goes_on_from_what_the_server_holds():
    protocol, request = announced()
    answer(protocol, Progress(request, 300, VOXELS.nbytes))
    chunks = sent(protocol)
    assert [chunk.offset for chunk in chunks] == [300]
    assert b"".join(chunk.data for chunk in chunks) == VOXELS.tobytes()[300:]


def test_later_progress_does_not_send_chunks_again():
    protocol, request = announced()
    answer(protocol, Progress(request, 0, VOXELS.nbytes))
    sent(protocol)
    assert answer(protocol, Progress(request, 200, VOXELS.nbytes)) == [Progress(request, 200, VOXELS.nbytes)]
    assert sent(protocol) == []


def test_requests_wait_for_the_volume_and_then_keep_their_order():
    protocol = ClientProtocol("secret")
    protocol.open_volume(VOXELS, SPACING)
    first = protocol.prompt("liver", "k", Prompt(1, ((1, 2, True),)))
    second = protocol.propagate("k", ["liver"], PropagationOptions(absent_stop=None))
    third = protocol.forget("liver", "k", 1)
    greet(protocol)
    finish_upload(protocol)
    assert [message.id for message in sent(protocol)] == [first, second, third]


def test_a_prompt_travels_as_plain_numbers():
    protocol = opened()
    painted = np.zeros((6, 8), bool)
    painted[2:4, 3:6] = True
    points = ((np.float32(1.5), 2, np.True_),)
    protocol.prompt("a", "k", Prompt(np.int64(1), points, box=tuple(np.arange(4))), 40)
    protocol.prompt("a", "k", Prompt(1, mask=PlacedMask.cropped(painted)), "slice")
    clicked, whole = sent(protocol)
    assert clicked.prompt == Prompt(1, ((1.5, 2.0, True),), (0.0, 1.0, 2.0, 3.0))
    assert whole.prompt.mask == PlacedMask.packed(np.ones((2, 3), bool), 2, 3)
    assert (clicked.field_of_view, whole.field_of_view) == (40.0, "slice")


def test_answers_are_handed_out_and_end_their_request():
    protocol = opened()
    request = protocol.prompt("a", "k", Prompt(1, ((1, 2, True),)))
    sent(protocol)
    assert protocol.waiting
    assert kinds(answer(protocol, mask(request, "a", 1), Done(request))) == ["Mask", "Done"]
    assert not protocol.waiting


def test_a_cancel_overtakes_what_waits():
    protocol = opened()
    job = protocol.propagate("k")
    sent(protocol)
    protocol.prompt("a", "k", Prompt(1, ((1, 2, True),)))
    protocol.cancel(job)
    protocol.cancel(job)
    cancel, prompt = sent(protocol)
    assert (kinds([cancel, prompt]), cancel.job) == (["Cancel", "PromptRequest"], job)


def test_a_cancel_follows_a_request_that_the_server_does_not_know_yet():
    protocol = ClientProtocol("secret")
    protocol.open_volume(VOXELS, SPACING)
    job = protocol.propagate("k")
    protocol.cancel(job)
    greet(protocol)
    finish_upload(protocol)
    propagate, cancel = sent(protocol)
    assert (kinds([propagate, cancel]), cancel.job) == (["Propagate", "Cancel"], job)


def test_what_has_ended_is_not_cancelled():
    protocol = opened()
    job = protocol.propagate("k")
    sent(protocol)
    answer(protocol, Done(job))
    protocol.cancel(job)
    assert sent(protocol) == []


def test_a_cancelled_upload_sends_no_more_chunks():
    protocol, request = announced()
    answer(protocol, Progress(request, 0, VOXELS.nbytes))
    protocol.next_message()
    protocol.cancel(request)
    assert kinds(sent(protocol)) == ["Cancel"]
    answer(protocol, Done(request, "cancelled"))
    protocol.prompt("a", "k", Prompt(1, ((1, 2, True),)))
    assert kinds(sent(protocol)) == ["PromptRequest"]


def test_a_cancelled_upload_goes_on_under_its_name():
    protocol = ClientProtocol("secret")
    request = protocol.open_volume(VOXELS, SPACING)
    greet(protocol)
    (first,) = sent(protocol)
    protocol.cancel(request)
    sent(protocol)
    answer(protocol, Done(request, "cancelled"))
    protocol.open_volume(VOXELS, SPACING)
    assert sent(protocol)[0].upload == first.upload


def test_a_failed_upload_sends_no_more_chunks():
    protocol, request = announced()
    answer(protocol, Progress(request, 0, VOXELS.nbytes))
    protocol.next_message()
    answer(protocol, Error(request, "too_large", "The volume is too large."))
    assert sent(protocol) == []
    assert not protocol.waiting


def test_only_the_slice_shown_last_is_told_and_only_when_nothing_else_waits():
    protocol = opened()
    protocol.shown("k", 1)
    protocol.prompt("a", "k", Prompt(1, ((1, 2, True),)))
    protocol.shown("k", 2)
    prompt, shown = sent(protocol)
    assert (kinds([prompt, shown]), shown.slice_index) == (["PromptRequest", "SliceShown"], 2)


def test_the_same_array_is_not_uploaded_again():
    protocol = opened()
    protocol.open_volume(VOXELS, SPACING, memory="self-sorting")
    protocol.open_volume(VOXELS.copy(), SPACING)
    (again,) = sent(protocol)
    answer(protocol, Progress(again.id, VOXELS.nbytes, VOXELS.nbytes))
    assert sent(protocol) == []
    answer(protocol, Done(again.id))
    (other,) = sent(protocol)
    assert again.upload != other.upload
    protocol.restart()
    greet(protocol)
    assert sent(protocol)[0].upload == other.upload


@pytest.mark.parametrize(
    ("remote", "compressions", "packed"),
    [(True, ("none", "zstd"), True), (True, ("none",), False), (False, ("none", "zstd"), False)],
)
def test_chunks_are_packed_for_remote_servers_that_can_unpack(remote, compressions, packed):
    pytest.importorskip("zstandard")
    protocol = ClientProtocol("secret", remote=remote)
    protocol.open_volume(VOXELS, SPACING)
    greet(protocol, compressions=compressions)
    (announced,) = sent(protocol)
    upload = Upload(announced, CHUNK_BYTES, VOXELS.nbytes)
    answer(protocol, Progress(announced.id, 0, upload.total))
    for chunk in sent(protocol):
        upload.add(chunk)
    assert announced.compression == ("zstd" if packed else "none")
    np.testing.assert_array_equal(upload.voxels(), VOXELS)


def test_other_layouts_are_sent_in_array_order():
    protocol = ClientProtocol("secret")
    turned = VOXELS.astype(">i2").T
    protocol.open_volume(turned, SPACING)
    greet(protocol)
    (announced,) = sent(protocol)
    upload = Upload(announced, CHUNK_BYTES, VOXELS.nbytes)
    answer(protocol, Progress(announced.id, 0, upload.total))
    for chunk in sent(protocol):
        upload.add(chunk)
    np.testing.assert_array_equal(upload.voxels(), VOXELS.T)


@pytest.mark.parametrize(
    ("voxels", "word"),
    [
        (np.zeros((4, 4), np.int16), "array"),
        (np.zeros((0, 4, 4), np.int16), "voxels"),
        (np.zeros((2, 2, 2), np.int64), "int64"),
        (np.zeros((2, 2, 2), np.float16), "float16"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_once(voxels, word):
    protocol = ClientProtocol("secret")
    with pytest.raises(ClientError, match=word) as caught:
        protocol.open_volume(voxels, SPACING)
    assert caught.value.code == "bad_input"
    assert not protocol.waiting


def test_errors_of_the_connection_are_handed_out():
    protocol = opened()
    error = Error(0, "expired", "The protocol was not used for a while.")
    assert answer(protocol, error) == [error]
