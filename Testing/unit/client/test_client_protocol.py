"""Requests, their order on the wire, and their answers."""

import numpy as np
import pytest

from medsam2.client import ClientError
from medsam2.client.session import Session
from medsam2.protocol import Done, Error, MaskBox, Progress, Upload
from unit.client.spoken import (
    CHUNK_BYTES,
    SPACING,
    VOXELS,
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
    session = Session("secret", "Slicer 5.10")
    session.open_volume(VOXELS, SPACING)
    (hello,) = sent(session)
    assert (hello.token, hello.client) == ("secret", "Slicer 5.10")
    assert session.ready is None
    (handed,) = answer(session, ready(hello.id))
    assert session.ready == handed
    assert kinds(sent(session)) == ["OpenVolume"]


def test_chunks_start_where_the_server_wants_them_and_rebuild_the_volume():
    session = Session("secret")
    request = session.open_volume(VOXELS, SPACING, "CT", window=(-160, 240), memory="self-sorting")
    greet(session)
    (announced,) = sent(session)
    assert announced.id == request
    assert (announced.shape, announced.dtype, announced.spacing) == (VOXELS.shape, "int16", SPACING)
    assert (announced.modality, announced.window, announced.memory) == ("CT", (-160.0, 240.0), "self-sorting")
    upload = Upload(announced, CHUNK_BYTES, VOXELS.nbytes)
    answer(session, Progress(request, 0, upload.total))
    for chunk in sent(session):
        assert len(chunk.data) <= CHUNK_BYTES
        upload.add(chunk)
    assert upload.complete
    np.testing.assert_array_equal(upload.voxels(), VOXELS)


def test_an_upload_goes_on_from_what_the_server_holds():
    session = Session("secret")
    request = session.open_volume(VOXELS, SPACING)
    greet(session)
    sent(session)
    answer(session, Progress(request, 300, VOXELS.nbytes))
    chunks = sent(session)
    assert [chunk.offset for chunk in chunks] == [300]
    assert b"".join(chunk.data for chunk in chunks) == VOXELS.tobytes()[300:]


def test_later_progress_does_not_send_chunks_again():
    session = Session("secret")
    request = session.open_volume(VOXELS, SPACING)
    greet(session)
    sent(session)
    answer(session, Progress(request, 0, VOXELS.nbytes))
    sent(session)
    assert answer(session, Progress(request, 200, VOXELS.nbytes)) == [Progress(request, 200, VOXELS.nbytes)]
    assert sent(session) == []


def test_requests_wait_for_the_volume_and_then_keep_their_order():
    session = Session("secret")
    session.open_volume(VOXELS, SPACING)
    first = session.prompt("liver", "k", 1, [(1, 2, True)])
    second = session.propagate("k", ["liver"], absent_stop=None)
    third = session.forget("liver", "k", 1)
    greet(session)
    finish_upload(session)
    assert [message.id for message in sent(session)] == [first, second, third]


def test_a_prompt_travels_as_plain_numbers():
    session = opened()
    painted = np.zeros((6, 8), bool)
    painted[2:4, 3:6] = True
    session.prompt("a", "k", np.int64(1), [(np.float32(1.5), 2, np.True_)], box=np.arange(4), view=40)
    session.prompt("a", "k", 1, mask=painted)
    session.prompt("a", "k", 1, mask=MaskBox(0, 1, painted), view="slice")
    clicked, whole, part = sent(session)
    assert (clicked.points, clicked.box, clicked.view) == (((1.5, 2.0, True),), (0.0, 1.0, 2.0, 3.0), 40.0)
    assert (whole.mask.row, whole.mask.column, whole.mask.mask.shape) == (2, 3, (2, 3))
    assert (part.mask.row, part.mask.column, part.mask.mask.shape, part.view) == (0, 1, (6, 8), "slice")


def test_answers_are_handed_out_and_end_their_request():
    session = opened()
    request = session.prompt("a", "k", 1, [(1, 2, True)])
    sent(session)
    assert session.waiting
    assert kinds(answer(session, mask(request, "a", 1), Done(request))) == ["Mask", "Done"]
    assert not session.waiting


def test_a_cancel_overtakes_what_waits():
    session = opened()
    job = session.propagate("k")
    sent(session)
    session.prompt("a", "k", 1, [(1, 2, True)])
    session.cancel(job)
    session.cancel(job)
    cancel, prompt = sent(session)
    assert (kinds([cancel, prompt]), cancel.job) == (["Cancel", "Prompt"], job)


def test_a_cancel_follows_a_request_that_the_server_does_not_know_yet():
    session = Session("secret")
    session.open_volume(VOXELS, SPACING)
    job = session.propagate("k")
    session.cancel(job)
    greet(session)
    finish_upload(session)
    propagate, cancel = sent(session)
    assert (kinds([propagate, cancel]), cancel.job) == (["Propagate", "Cancel"], job)


def test_what_has_ended_is_not_cancelled():
    session = opened()
    job = session.propagate("k")
    sent(session)
    answer(session, Done(job))
    session.cancel(job)
    assert sent(session) == []


def test_a_cancelled_upload_sends_no_more_chunks():
    session = Session("secret")
    request = session.open_volume(VOXELS, SPACING)
    greet(session)
    sent(session)
    answer(session, Progress(request, 0, VOXELS.nbytes))
    session.next_message()
    session.cancel(request)
    assert kinds(sent(session)) == ["Cancel"]
    answer(session, Done(request, "cancelled"))
    session.prompt("a", "k", 1, [(1, 2, True)])
    assert kinds(sent(session)) == ["Prompt"]


def test_a_cancelled_upload_goes_on_under_its_name():
    session = Session("secret")
    request = session.open_volume(VOXELS, SPACING)
    greet(session)
    (first,) = sent(session)
    session.cancel(request)
    sent(session)
    answer(session, Done(request, "cancelled"))
    session.open_volume(VOXELS, SPACING)
    assert sent(session)[0].upload == first.upload


def test_a_failed_upload_sends_no_more_chunks():
    session = Session("secret")
    request = session.open_volume(VOXELS, SPACING)
    greet(session)
    sent(session)
    answer(session, Progress(request, 0, VOXELS.nbytes))
    session.next_message()
    answer(session, Error(request, "too_large", "The volume is too large."))
    assert sent(session) == []
    assert not session.waiting


def test_only_the_slice_shown_last_is_told_and_only_when_nothing_else_waits():
    session = opened()
    session.shown("k", 1)
    session.prompt("a", "k", 1, [(1, 2, True)])
    session.shown("k", 2)
    prompt, shown = sent(session)
    assert (kinds([prompt, shown]), shown.slice_index) == (["Prompt", "Shown"], 2)


def test_the_same_array_is_not_uploaded_again():
    session = opened()
    session.open_volume(VOXELS, SPACING, memory="self-sorting")
    session.open_volume(VOXELS.copy(), SPACING)
    (again,) = sent(session)
    answer(session, Progress(again.id, VOXELS.nbytes, VOXELS.nbytes))
    assert sent(session) == []
    answer(session, Done(again.id))
    (other,) = sent(session)
    assert again.upload != other.upload
    session.restart()
    greet(session)
    assert sent(session)[0].upload == other.upload


@pytest.mark.parametrize(
    ("remote", "compressions", "packed"),
    [(True, ("none", "zstd"), True), (True, ("none",), False), (False, ("none", "zstd"), False)],
)
def test_chunks_are_packed_for_remote_servers_that_can_unpack(remote, compressions, packed):
    pytest.importorskip("zstandard")
    session = Session("secret", remote=remote)
    session.open_volume(VOXELS, SPACING)
    greet(session, compressions=compressions)
    (announced,) = sent(session)
    upload = Upload(announced, CHUNK_BYTES, VOXELS.nbytes)
    answer(session, Progress(announced.id, 0, upload.total))
    for chunk in sent(session):
        upload.add(chunk)
    assert announced.compression == ("zstd" if packed else "none")
    np.testing.assert_array_equal(upload.voxels(), VOXELS)


def test_other_layouts_are_sent_in_array_order():
    session = Session("secret")
    turned = VOXELS.astype(">i2").T
    session.open_volume(turned, SPACING)
    greet(session)
    (announced,) = sent(session)
    upload = Upload(announced, CHUNK_BYTES, VOXELS.nbytes)
    answer(session, Progress(announced.id, 0, upload.total))
    for chunk in sent(session):
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
    session = Session("secret")
    with pytest.raises(ClientError, match=word) as caught:
        session.open_volume(voxels, SPACING)
    assert caught.value.code == "bad_input"
    assert not session.waiting


def test_errors_of_the_connection_are_handed_out():
    session = opened()
    error = Error(0, "expired", "The session was not used for a while.")
    assert answer(session, error) == [error]
