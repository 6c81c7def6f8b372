"""Features on disk: the same bits come back, and no state of the disk is an error."""

import os

import pytest
import torch

from medsam2.model.segmentation_network import ImageFeatures
from medsam2.tracking import FieldOfView
from medsam2.tracking.spilled_features import SpilledFeatures, feature_bytes
from unit.full_disk import full_disk

CPU = torch.device("cpu")
FIELD_OF_VIEW = FieldOfView(0, 0, 32, 32)
LEVELS = {
    "three levels": lambda: ImageFeatures(*(torch.randn(1, 8, side, side) for side in (4, 8, 16))),
    "one level": lambda: ImageFeatures(torch.randn(1, 8, 16, 16)),
    "16 bits": lambda: ImageFeatures(*(torch.randn(1, 8, side, side).bfloat16() for side in (4, 8, 16))),
    "channels last": lambda: ImageFeatures(torch.randn(1, 16, 16, 8).permute(0, 3, 1, 2)),
    "with gaps": lambda: ImageFeatures(torch.randn(3, 8, 16, 32)[1:2, :, :, ::2]),
    "not a number": lambda: ImageFeatures(torch.tensor([[[[float("nan"), -0.0, float("inf"), 1e-42]]]])),
}


def key(index: int) -> tuple[int, FieldOfView]:
    return index, FIELD_OF_VIEW


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where files go."""
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr("medsam2.tracking.spilled_features.LARGE_FILES", tmp_path)
    return tmp_path


def some(count: int, levels: str = "three levels") -> list[ImageFeatures]:
    torch.manual_seed(count)
    return [LEVELS[levels]() for _ in range(count)]


def spilled(features: list[ImageFeatures], limit: int = 2**30) -> SpilledFeatures:
    store = SpilledFeatures(limit)
    for index, each in enumerate(features):
        store.put(key(index), each)
    return store


def kept(store: SpilledFeatures, count: int) -> list[int]:
    return [index for index in range(count) if store.get(key(index), CPU) is not None]


def check_same(store: SpilledFeatures, features: list[ImageFeatures], indices) -> None:
    for index in indices:
        for found, level in zip(store.get(key(index), CPU), features[index], strict=True):
            if level is None:
                assert found is None
            else:
                assert found.dtype == level.dtype
                assert torch.equal(_bits(found), _bits(level))


def _bits(level: torch.Tensor) -> torch.Tensor:
    return level.contiguous().view(torch.uint8)


def file_of(store: SpilledFeatures) -> int:
    return store._file._file.fileno()


@pytest.mark.parametrize("levels", LEVELS)
def test_the_same_bits_come_back_again_and_again(folder, levels):
    features = some(4, levels)
    store = spilled(features)
    for indices in ((2, 0, 3, 1), (1, 1, 2)):
        check_same(store, features, indices)


def test_axes_lie_in_memory_as_they_did():
    features = some(1, "channels last")
    assert spilled(features).get(key(0), CPU).s16.stride() == features[0].s16.stride()


def test_the_file_has_no_name_and_its_room_comes_back(folder):
    store = spilled(some(3))
    number = file_of(store)
    assert os.fstat(number).st_size == 3 * feature_bytes(some(1)[0])
    assert os.fstat(number).st_nlink == 0
    assert list(folder.iterdir()) == []
    store.clear()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(number)
    assert kept(store, 3) == []
    store.put(key(1), some(1)[0])
    assert kept(store, 3) == [1]


def test_the_file_goes_with_its_store(folder):
    store = spilled(some(1))
    number = file_of(store)
    del store
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(number)


def test_beyond_the_limit_the_least_recently_used_makes_room(folder):
    features = some(5)
    each = feature_bytes(features[0])
    store = spilled(features[:3], limit=4 * each - 1)
    store.get(key(0), CPU)
    store.put(key(1), features[1])
    for index in (3, 4):
        store.put(key(index), features[index])
        assert os.fstat(file_of(store)).st_size == 3 * each
    assert kept(store, 5) == [1, 3, 4]
    check_same(store, features, (1, 3, 4))


def test_no_more_is_taken_than_a_tenth_of_what_is_free(folder, monkeypatch):
    features = some(5)
    free = 25 * feature_bytes(features[0])
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert kept(spilled(features), 5) == [3, 4]


@pytest.mark.parametrize("limit", [0, 1])
def test_without_room_for_one_slice_nothing_is_kept(folder, limit):
    assert kept(spilled(some(2), limit), 2) == []


def test_on_a_full_disk_what_was_written_whole_is_kept_and_no_more(folder):
    features = some(6)
    with full_disk(int(2.5 * feature_bytes(features[0]))):
        store = spilled(features[:5])
    store.put(key(5), features[5])
    assert kept(store, 6) == [0, 1]
    check_same(store, features, (0, 1))


def test_a_disk_that_fills_in_the_middle_of_a_used_slot_loses_that_slice_only(folder):
    features = some(4)
    each = feature_bytes(features[0])
    store = spilled(features[:3], limit=3 * each)
    with full_disk(each // 2):
        store.put(key(3), features[3])
    assert kept(store, 4) == [1, 2]
    check_same(store, features, (1, 2))


@pytest.mark.parametrize("place", ["nowhere", "a file"])
def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path, monkeypatch, place):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("TMPDIR", str(tmp_path / place))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / place))
    assert kept(spilled(some(2)), 2) == []


def test_a_file_that_was_cut_gives_nothing_half(folder):
    features = some(3)
    store = spilled(features)
    os.ftruncate(file_of(store), int(2.5 * feature_bytes(features[0])))
    assert store.get(key(2), CPU) is None
    assert kept(store, 3) == [], "a disk that loses something is not asked again"


def test_a_disk_that_is_slower_than_encoding_is_given_up(folder):
    features = some(1)[0]
    store, quick = SpilledFeatures(), SpilledFeatures()
    store.encoding_took(1e-9)
    quick.encoding_took(60)
    quick.encoding_took(120)
    for index in range(20):
        store.put(key(index), features)
        quick.put(key(index), features)
    assert kept(store, 20) == []
    assert store._file is None
    assert kept(quick, 20) == list(range(20))
