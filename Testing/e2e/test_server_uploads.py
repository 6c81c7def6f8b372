"""The real server and volumes on their way to it."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from e2e.server_process import ServerProcess, Talk, track, volume
from medsam2.protocol import Cancel, Done, OpenVolume, Progress, chunks


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ServerProcess]:
    """One for all tests here; volumes up to 32 MiB."""
    server = ServerProcess(tmp_path_factory.mktemp("server"), "--max-volume", 32)
    yield server
    server.kill()


@pytest.fixture
def talk(server) -> Iterator[Talk]:
    """A connection that is ready."""
    with server.welcomed() as talk:
        yield talk


def test_a_volume_above_the_limit_is_refused_and_a_smaller_one_is_not(talk):
    (error,) = talk.ask(OpenVolume(2, "x", (33, 1024, 1024), "uint8", (1.0, 1.0, 1.0)))
    assert error.code == "too_large"
    assert error.hint
    talk.open(volume(), id=3)


def test_a_volume_with_nan_is_refused(talk):
    voxels = np.full((2, 8, 8), np.nan, np.float32)
    with pytest.raises(AssertionError, match="NaN"):
        talk.open(voxels)
    talk.open(volume(), id=3)


def test_the_same_voxels_in_another_window_need_no_upload(talk):
    voxels = volume()
    talk.open(voxels, upload="name")
    talk.prompt()
    progress, done = talk.ask(
        OpenVolume(5, "name", voxels.shape, "int16", (2.0, 1.0, 1.0), window=(50.0, 90.0))
    )
    assert progress == Progress(5, voxels.nbytes, voxels.nbytes)
    assert done == Done(5, window=(50.0, 90.0))
    # The prompts belonged to the volume as it was.
    assert talk.ask(track(6))[-1].code == "bad_input"


def test_a_wrong_window_can_be_corrected_without_an_upload(talk):
    voxels = volume()
    with pytest.raises(AssertionError, match="bad_input"):
        talk.open(voxels, upload="name", window=(5.0, 5.0))
    talk.send(OpenVolume(5, "name", voxels.shape, "int16", (2.0, 1.0, 1.0)))
    assert [type(message) for message in talk.until_end(5)] == [Progress, Done]


def test_an_upload_that_was_cut_goes_on_where_it_was(server):
    voxels = volume(slices=64, side=64)
    pieces = list(chunks(2, voxels, 64 * 1024, "none"))
    half = len(pieces) // 2
    first = server.welcomed()
    first.send(OpenVolume(2, "cut", voxels.shape, "int16", (2.0, 1.0, 1.0)))
    first.receive()
    first.send(*pieces[:half])
    first.socket.socket.shutdown(socket.SHUT_RDWR)
    server.wait_until_alone()
    with server.welcomed("bert") as other:  # whose name for an upload is not anna's
        other.send(OpenVolume(3, "cut", voxels.shape, "int16", (2.0, 1.0, 1.0)))
        assert other.receive().done == 0
    with server.welcomed() as second:
        second.send(OpenVolume(5, "cut", voxels.shape, "int16", (2.0, 1.0, 1.0)))
        assert second.receive() == Progress(5, half * 64 * 1024, voxels.nbytes)
        second.send(*chunks(5, voxels, 64 * 1024, "none", half * 64 * 1024))
        assert isinstance(list(second.until_end(5))[-1], Done)
        second.prompt(points=((32.0, 32.0, True),))


def test_a_wrong_chunk_ends_its_upload_and_the_next_one_works(talk):
    voxels = volume()
    talk.send(OpenVolume(2, "x", voxels.shape, "int16", (2.0, 1.0, 1.0)))
    talk.receive()
    first, *_ = chunks(2, voxels, 1024, "none", start=1024)
    talk.send(first, first)
    (error,) = talk.until_end(2)
    assert (error.code, error.id) == ("bad_message", 2)
    talk.open(voxels, id=3)


def test_an_upload_can_be_cancelled(talk):
    voxels = volume()
    talk.send(OpenVolume(2, "x", voxels.shape, "int16", (2.0, 1.0, 1.0)), Cancel(3, 2))
    assert list(talk.until_end(2))[-1] == Done(2, "cancelled")
    talk.open(voxels, id=4)


def test_a_packed_volume_is_opened(talk):
    pytest.importorskip("zstandard")
    talk.open(volume(), piece=4096, compression="zstd")
