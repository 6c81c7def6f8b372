import sys
from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from medsam2.protocol import Chunk, OpenVolume, ProtocolError, Upload, chunks, compressions
from medsam2.protocol.upload import volume_bytes
from unit.protocol.memory import MIB, memory_within

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]
COMPRESSIONS = ["none", "zstd"]
VOXELS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=3, max_dims=3, max_side=6))
)
steady = settings(deadline=None, derandomize=True, max_examples=60)


def announced(voxels: np.ndarray, compression: str = "none") -> OpenVolume:
    dtype, spacing = voxels.dtype.name, (1.0, 1.0, 1.0)
    return OpenVolume(7, "name", voxels.shape, dtype, spacing, compression=compression)


def an_upload(voxels: np.ndarray, compression: str = "none", chunk_bytes: int = MIB) -> Upload:
    return Upload(announced(voxels, compression), chunk_bytes, 64 * MIB)


def some_voxels() -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6)).astype(np.int16)


def refused(upload: Upload, offset: int, data: bytes) -> str:
    """The code with which a chunk is refused; it leaves no trace."""
    received = upload.received
    with pytest.raises(ProtocolError) as caught:
        upload.add(Chunk(9, offset, data))
    assert caught.value.id == 9
    assert upload.received == received
    return caught.value.code


def send(upload: Upload, voxels: np.ndarray, size: int, compression: str) -> None:
    for chunk in chunks(7, voxels, size, compression, upload.received):
        assert not upload.complete
        assert chunk.offset == upload.received
        upload.add(chunk)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@steady
@given(VOXELS, st.integers(1, 300))
def test_a_volume_arrives_as_it_was(compression, voxels, size):
    upload = an_upload(voxels, compression, size)
    assert (upload.received, upload.total) == (0, voxels.nbytes)
    send(upload, voxels, size, compression)
    assert upload.complete
    assert upload.voxels().dtype == voxels.dtype
    assert upload.voxels().shape == voxels.shape
    assert upload.voxels().tobytes() == voxels.tobytes()


@pytest.mark.parametrize("compression", COMPRESSIONS)
@steady
@given(VOXELS, st.integers(1, 50), st.integers(1, 50), st.data())
def test_an_upload_goes_on_from_where_it_was_cut(compression, voxels, size, later_size, data):
    upload = an_upload(voxels, compression)
    sent = list(chunks(7, voxels, size, compression))
    for chunk in sent[: data.draw(st.integers(0, len(sent)))]:
        upload.add(chunk)
    send(upload, voxels, later_size, compression)
    assert upload.complete
    assert upload.voxels().tobytes() == voxels.tobytes()


@pytest.mark.parametrize("view", [np.s_[::-1, ::2, 1::3], np.s_[1:3, :, ::-1]])
def test_voxels_in_any_order_of_memory_are_sent_in_array_order(view):
    for voxels in (some_voxels()[view], np.asfortranarray(some_voxels())):
        upload = an_upload(voxels)
        send(upload, voxels, 32, "none")
        np.testing.assert_array_equal(upload.voxels(), voxels)


def test_chunks_are_of_the_size_asked_for_and_repeat_the_request():
    sent = list(chunks(7, some_voxels(), 100, "none", start=30))
    assert [chunk.offset for chunk in sent] == [30, 130, 230]
    assert [len(chunk.data) for chunk in sent] == [100, 100, 10]
    assert {chunk.id for chunk in sent} == {7}
    assert list(chunks(7, some_voxels(), 100, "none", start=240)) == []


def test_zstd_makes_an_even_volume_small():
    sent = list(chunks(7, np.zeros((4, 512, 512), np.int16), MIB, "zstd"))
    assert len(sent) == 2
    assert sum(len(chunk.data) for chunk in sent) < 1000


@pytest.mark.parametrize("offset", [-1, 0, 99, 101, 200, 2**62])
def test_a_chunk_that_does_not_follow_is_refused(offset):
    voxels = some_voxels()
    upload = an_upload(voxels)
    first, *_ = chunks(7, voxels, 100, "none")
    upload.add(first)
    assert refused(upload, offset, bytes(10)) == "bad_message"
    send(upload, voxels, 100, "none")
    np.testing.assert_array_equal(upload.voxels(), voxels)


def packed(data: bytes, compression: str) -> bytes:
    return data if compression == "none" else zstandard.compress(data)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_too_many_bytes_are_refused(compression):
    voxels = some_voxels()
    upload = an_upload(voxels, compression)
    assert refused(upload, 0, packed(bytes(voxels.nbytes + 1), compression)) == "bad_message"
    send(upload, voxels, 100, compression)
    assert refused(upload, voxels.nbytes, packed(b"\0", compression)) == "bad_message"
    np.testing.assert_array_equal(upload.voxels(), voxels)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_empty_chunk_is_refused(compression):
    assert refused(an_upload(some_voxels(), compression), 0, packed(b"", compression)) == "bad_message"
    assert refused(an_upload(some_voxels(), compression), 0, b"") == "bad_message"


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_chunk_holds_at_most_a_chunk_s_size(compression):
    upload = an_upload(some_voxels(), compression, chunk_bytes=100)
    assert refused(upload, 0, packed(bytes(101), compression)) == "too_large"
    upload.add(Chunk(7, 0, packed(bytes(100), compression)))
    assert upload.received == 100


def claiming(frame: bytes, size: int) -> bytes:
    """A zstd frame of 64 KiB or more of content that claims to hold ``size`` bytes."""
    honest = zstandard.frame_content_size(frame).to_bytes(4, "little")
    patched = frame.replace(honest, size.to_bytes(4, "little"), 1)
    assert zstandard.frame_content_size(patched) == size
    return patched


def zeros(size: int, **options) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(bytes(size))


def wide(size: int) -> bytes:
    """A frame that wants a window of 128 MiB."""
    options = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=options).compressobj()
    return packer.compress(bytes(size)) + packer.flush()


BOMBS = {
    "honest": (lambda: zeros(64 * MIB), "too_large"),
    "claims little": (lambda: claiming(zeros(64 * MIB), 10), "bad_message"),
    "claims less": (lambda: claiming(zeros(64 * MIB), MIB), "bad_message"),
    "claims more": (lambda: claiming(zeros(MIB // 2), MIB), "bad_message"),
    "claims much": (lambda: claiming(zeros(MIB), 2**32 - 1), "too_large"),
    "claims nothing": (lambda: zeros(64 * MIB, write_content_size=False), "bad_message"),
    "wide window": (lambda: wide(64 * MIB), "bad_message"),
    "second frame": (lambda: zeros(1) + zeros(64 * MIB), "bad_message"),
}


@pytest.mark.parametrize(("frame", "code"), BOMBS.values(), ids=BOMBS)
def test_a_frame_unpacks_to_no_more_than_a_chunk(frame, code):
    frame = frame()
    assert len(frame) < 10_000
    upload = an_upload(np.zeros((32, 1024, 1024), np.int8), "zstd")
    with memory_within(2 * MIB):
        assert refused(upload, 0, frame) == code


def test_a_frame_without_its_content_s_size_is_taken():
    voxels = some_voxels()
    upload = an_upload(voxels, "zstd")
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(voxels.tobytes())
    assert zstandard.frame_content_size(frame) == -1
    upload.add(Chunk(7, 0, frame))
    np.testing.assert_array_equal(upload.voxels(), voxels)


def test_a_damaged_frame_is_refused():
    voxels = some_voxels()
    frame = zstandard.compress(voxels.tobytes())
    upload = an_upload(voxels, "zstd")
    for length in range(len(frame)):
        assert refused(upload, 0, frame[:length]) == "bad_message"
    for damaged in (frame + b"\0", b"\0" + frame, frame + frame, voxels.tobytes(), b"\x28\xb5\x2f\xfd" * 9):
        assert refused(upload, 0, damaged) == "bad_message"
    send(upload, voxels, 100, "zstd")
    np.testing.assert_array_equal(upload.voxels(), voxels)


@settings(steady, max_examples=100)
@given(st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_never_does_more_than_change_voxels(place, flip):
    voxels = np.arange(60_000, dtype=np.int16).reshape(30, 40, 50) // 7
    frame = bytearray(zstandard.compress(voxels.tobytes()))
    frame[place % len(frame)] ^= flip
    upload = an_upload(voxels, "zstd")
    try:
        upload.add(Chunk(7, 0, bytes(frame)))
    except ProtocolError as error:
        assert error.code in ("bad_message", "too_large")  # noqa: PT017 - either may follow
        assert upload.received == 0
    else:
        assert 0 < upload.received <= upload.total


IMPOSSIBLE = [
    {"shape": (0, 5, 6)},
    {"shape": (4, 5, 0)},
    {"shape": (4, -5, 6)},
    {"shape": (-4, -5, 6)},
    *({"spacing": (1.0, 1.0, step)} for step in (0.0, -1.0, nan, inf)),
    *({"spacing": (1.0, step, 1.0)} for step in (0.0, -1.0, nan, inf)),
    *({"spacing": (step, 1.0, 1.0)} for step in (0.0, -1.0, nan, inf)),
]


@pytest.mark.parametrize("changes", IMPOSSIBLE, ids=str)
def test_an_impossible_volume_is_refused(changes):
    with pytest.raises(ProtocolError) as caught:
        Upload(replace(announced(some_voxels()), **changes), MIB, 64 * MIB)
    assert (caught.value.code, caught.value.id) == ("bad_message", 7)


@pytest.mark.parametrize("shape", [(2**62, 2**62, 2**62), (2**63 - 1, 1, 1), (4, 5, 7)])
def test_a_volume_beyond_the_limit_is_refused(shape):
    voxels = some_voxels()
    assert Upload(announced(voxels), MIB, voxels.nbytes).total == voxels.nbytes
    with pytest.raises(ProtocolError) as caught:
        Upload(replace(announced(voxels), shape=shape), MIB, voxels.nbytes)
    assert (caught.value.code, caught.value.id) == ("too_large", 7)


@pytest.mark.parametrize("shape", [(1, 8193, 8192), (8192, 1, 8193), (2**26 + 1, 1, 1)])
def test_a_slice_beyond_the_limit_is_refused(shape):
    volume = replace(announced(some_voxels()), shape=shape)
    with pytest.raises(ProtocolError, match="slice") as caught:
        volume_bytes(volume, 2**62)
    assert (caught.value.code, caught.value.id) == ("too_large", 7)
    assert volume_bytes(replace(volume, shape=(3, 2**13, 2**13)), 2**62) == 3 * 2**26 * 2


def test_zstd_is_offered_where_it_is_installed(monkeypatch):
    assert compressions() == ("none", "zstd")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert compressions() == ("none",)
    assert an_upload(some_voxels(), "none").received == 0
    with pytest.raises(ProtocolError) as caught:
        an_upload(some_voxels(), "zstd")
    assert (caught.value.code, caught.value.id) == ("bad_message", 7)
