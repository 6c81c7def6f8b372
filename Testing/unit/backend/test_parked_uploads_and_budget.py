"""Memory that is promised, and uploads that are kept for a while."""

import numpy as np
import pytest

from medsam2.backend.limits import MIB, MemoryBudget, ServerLimits
from medsam2.backend.parked_uploads import KEPT_SECONDS, ParkedUploads
from medsam2.protocol import Chunk, OpenVolume, ProtocolError, Upload
from unit.backend.examples import HandClock

LIMITS = ServerLimits(memory_bytes=100 * MIB, feature_bytes=10 * MIB)


def announcement(name: str = "one", **options) -> OpenVolume:
    return OpenVolume(1, name, (2, 4, 8), "int16", (1.0, 1.0, 1.0), **options)


def started(name: str = "one", **options) -> Upload:
    """An upload with its first quarter."""
    upload = Upload(announcement(name, **options), MIB, MIB)
    upload.add(Chunk(1, 0, bytes(32)))
    return upload


class Kept:
    """A parked_uploads, its clock, and what it dropped."""

    def __init__(self):
        self.dropped: list[Upload] = []
        self.clock = HandClock()
        self.parked_uploads = ParkedUploads(self.dropped.append, self.clock)


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_a_cut_upload_goes_on_where_it_was(kept):
    upload = started()
    kept.parked_uploads.put("anna", upload)
    assert kept.parked_uploads.take("anna", announcement()) is upload
    assert kept.parked_uploads.take("anna", announcement()) is None
    assert not kept.dropped


def test_it_goes_on_with_other_options(kept):
    upload = started(modality="CT")
    kept.parked_uploads.put("anna", upload)
    other = announcement(window=(0.0, 3.0), memory="self-sorting", modality="MR")
    assert kept.parked_uploads.take("anna", other) is upload


def test_an_upload_belongs_to_its_owner(kept):
    kept.parked_uploads.put("anna", started())
    assert kept.parked_uploads.take("bert", announcement()) is None
    assert kept.parked_uploads.take("anna", announcement("other")) is None
    assert not kept.dropped


@pytest.mark.parametrize("change", [{"shape": (4, 4, 4)}, {"dtype": "uint16"}, {"compression": "zstd"}])
def test_other_voxels_under_the_same_name_drop_it(kept, change):
    upload = started()
    kept.parked_uploads.put("anna", upload)
    values = {"shape": (2, 4, 8), "dtype": "int16", **change}
    assert kept.parked_uploads.take("anna", OpenVolume(1, "one", spacing=(1.0, 1.0, 1.0), **values)) is None
    assert kept.dropped == [upload]


def test_it_is_kept_for_a_minute(kept):
    early, late = started("early"), started("late")
    kept.parked_uploads.put("anna", early)
    kept.clock.advance(KEPT_SECONDS / 2)
    kept.parked_uploads.put("anna", late)
    kept.clock.advance(KEPT_SECONDS / 2 - 0.1)
    kept.parked_uploads.tidy()
    assert not kept.dropped
    kept.clock.advance(0.2)
    kept.parked_uploads.tidy()
    assert kept.dropped == [early]
    assert kept.parked_uploads.take("anna", announcement("late")) is late


def test_it_is_not_given_out_after_its_time(kept):
    upload = started()
    kept.parked_uploads.put("anna", upload)
    kept.clock.advance(KEPT_SECONDS + 1)
    assert kept.parked_uploads.take("anna", announcement()) is None
    assert kept.dropped == [upload]


def test_a_second_one_of_the_same_name_takes_its_place(kept):
    first, second = started(), started()
    kept.parked_uploads.put("anna", first)
    kept.parked_uploads.put("anna", second)
    assert kept.dropped == [first]
    assert kept.parked_uploads.take("anna", announcement()) is second


def test_what_does_not_fit_beside_others_is_refused_until_they_are_gone():
    budget = MemoryBudget(LIMITS)
    budget.reserve("a", 50 * MIB, 1)
    with pytest.raises(ProtocolError) as problem:
        budget.reserve("b", 50 * MIB, 7)
    assert (problem.value.code, problem.value.id) == ("busy", 7)
    budget.release("a")
    budget.reserve("b", 50 * MIB, 1)


def test_what_never_fits_is_too_large():
    with pytest.raises(ProtocolError) as problem:
        MemoryBudget(LIMITS).reserve("a", 91 * MIB, 7)
    assert (problem.value.code, problem.value.id) == ("too_large", 7)


def test_one_volume_can_take_the_place_of_another():
    budget = MemoryBudget(LIMITS)
    budget.reserve("old", 80 * MIB, 1)
    budget.reserve("new", 85 * MIB, 1, instead_of="old")
    budget.release("old")
    with pytest.raises(ProtocolError, match="Other users"):
        budget.reserve("third", 1, 1)


def test_a_refusal_leaves_what_was_promised():
    budget = MemoryBudget(LIMITS)
    budget.reserve("old", 20 * MIB, 1)
    budget.reserve("other", 40 * MIB, 1)
    with pytest.raises(ProtocolError):
        budget.reserve("new", 45 * MIB, 1, instead_of="old")
    with pytest.raises(ProtocolError):
        budget.reserve("third", 15 * MIB, 1)


def test_releasing_what_was_not_promised_is_harmless():
    MemoryBudget(LIMITS).release(object())


def test_without_a_limit_three_quarters_of_the_memory_are_promised(monkeypatch):
    memory = type("Memory", (), {"total": 1000 * MIB})
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    budget = MemoryBudget(ServerLimits(feature_bytes=0))
    budget.reserve("a", 750 * MIB, 1)
    with pytest.raises(ProtocolError):
        budget.reserve("b", 1, 1)


def test_uploads_themselves_hold_promises():
    """They compare by identity, so that two of equal size are two."""
    budget = MemoryBudget(LIMITS)
    uploads = [started(), started()]
    for upload in uploads:
        budget.reserve(upload, 30 * MIB, 1)
    with pytest.raises(ProtocolError):
        budget.reserve("third", 30 * MIB, 1)
    np.testing.assert_array_equal(uploads[0].received, uploads[1].received)
