"""Volumes on their way in: one answer to each announcement, and memory promised as long as needed."""

from types import SimpleNamespace

import numpy as np
import pytest

from medsam2.backend.limits import MIB, MemoryBudget, ServerLimits
from medsam2.backend.parked_uploads import ParkedUploads
from medsam2.backend.uploading import Uploading
from medsam2.protocol import Chunk, Done, OpenVolume, Progress, ProtocolError, Upload
from unit.backend.examples import HandClock

VOXELS = np.arange(4 * 4 * 8, dtype=np.int16).reshape(4, 4, 8)
DATA = VOXELS.tobytes()


class Worker:
    """Writes down what it is asked to do."""

    def __init__(self):
        self.calls: list[str] = []

    def submit(self, client, job) -> None:
        self.calls.append(f"open {job.id}")

    def free(self, client) -> None:
        self.calls.append("free")

    def cancel(self, client) -> None:
        self.calls.append("cancel")


class Desk:
    """A service with room for two volumes, and one client's uploads."""

    def __init__(self, volumes: int = 2):
        self.limits = ServerLimits(
            memory_bytes=volumes * (len(DATA) + MIB), feature_bytes=MIB, volume_bytes=MIB
        )
        self.budget = MemoryBudget(self.limits)
        self.clock = HandClock()
        self.parked_uploads = ParkedUploads(self.budget.release, self.clock)
        self.others: list[Uploading] = []
        self.worker = Worker()
        self.sent: list = []
        self.uploading = self.of_another("anna")

    def of_another(self, owner: str) -> Uploading:
        workspace = SimpleNamespace(open=lambda announced, voxels: iter(()))
        uploading = Uploading(self, SimpleNamespace(workspace=workspace, send=self.sent.append), owner)
        self.others.append(uploading)
        return uploading

    def cut_upload(self, owner: str, announced: OpenVolume) -> Upload | None:
        upload = self.parked_uploads.take(owner, announced)
        for other in self.others:
            upload = upload or other.give_up(owner, announced)
        return upload

    def rooms_left(self) -> int:
        """How many more volumes there is memory for."""
        holders = []
        try:
            while True:
                holder = object()
                self.budget.reserve(holder, len(DATA), 0)
                holders.append(holder)
        except ProtocolError:
            return len(holders)
        finally:
            for holder in holders:
                self.budget.release(holder)


def announce(id: int, name: str = "one", **options) -> OpenVolume:
    return OpenVolume(id, name, options.pop("shape", VOXELS.shape), "int16", (1.0, 1.0, 1.0), **options)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def half(id: int, part: int = 0) -> Chunk:
    size = len(DATA) // 2
    return Chunk(id, part * size, DATA[part * size : (part + 1) * size])


def sent(desk: Desk, uploading: Uploading | None = None, id: int = 1) -> None:
    """Announce and send a whole volume."""
    uploading = uploading or desk.uploading
    uploading.open(announce(id))
    uploading.take(half(id))
    uploading.take(half(id, 1))


def test_a_volume_arrives_and_is_opened(desk):
    sent(desk)
    assert desk.sent == [Progress(1, 0, len(DATA)), Progress(1, len(DATA), len(DATA))]
    assert desk.worker.calls == ["cancel", "free", "open 1"]
    assert desk.rooms_left() == 1


def test_the_same_volume_with_other_options_needs_no_upload(desk):
    sent(desk)
    desk.uploading.open(announce(2, window=(0.0, 5.0)))
    assert desk.sent[-1] == Progress(2, len(DATA), len(DATA))
    assert desk.worker.calls[-2:] == ["cancel", "open 2"]
    assert desk.rooms_left() == 1


def test_another_volume_takes_the_place_of_the_one_before(desk):
    desk = Desk(volumes=1)
    sent(desk)
    desk.uploading.open(announce(2, "two"))
    assert desk.worker.calls[-2:] == ["cancel", "free"]
    assert desk.sent[-1] == Progress(2, 0, len(DATA))


def test_a_refused_volume_leaves_the_one_before(desk):
    sent(desk)
    with pytest.raises(ProtocolError) as problem:
        desk.uploading.open(announce(2, "two", shape=(1024, 1024, 1)))
    assert problem.value.code == "too_large"
    assert desk.worker.calls.count("free") == 1
    desk.uploading.open(announce(3))
    assert desk.sent[-1] == Progress(3, len(DATA), len(DATA))


def test_without_room_beside_others_it_is_busy():
    desk = Desk(volumes=1)
    sent(desk, desk.of_another("bert"))
    with pytest.raises(ProtocolError) as problem:
        desk.uploading.open(announce(2, "two"))
    assert (problem.value.code, problem.value.id) == ("busy", 2)


@pytest.mark.parametrize(
    "chunk", [Chunk(1, 8, DATA[8:16]), Chunk(1, 0, b""), Chunk(1, 0, bytes(len(DATA) + 1))]
)
def test_a_wrong_chunk_ends_the_upload_with_one_error(desk, chunk):
    desk.uploading.open(announce(1))
    with pytest.raises(ProtocolError) as problem:
        desk.uploading.take(chunk)
    assert problem.value.id == 1
    desk.uploading.take(half(1))  # was on its way
    assert desk.sent == [Progress(1, 0, len(DATA))]
    assert desk.rooms_left() == 2


def test_an_upload_that_is_cancelled_answers_and_can_go_on(desk):
    desk.uploading.open(announce(1))
    desk.uploading.take(half(1))
    desk.uploading.cancel(9)
    desk.uploading.cancel(1)
    desk.uploading.take(half(1, 1))  # was on its way
    assert desk.sent[1:] == [Done(1, "cancelled")]
    desk.uploading.open(announce(2))
    assert desk.sent[-1] == Progress(2, len(DATA) // 2, len(DATA))
    desk.uploading.take(half(2, 1))
    assert desk.worker.calls[-1] == "open 2"


def test_an_announcement_that_another_one_replaces_is_cancelled(desk):
    desk.uploading.open(announce(1))
    desk.uploading.open(announce(2, "two"))
    assert Done(1, "cancelled") in desk.sent
    assert desk.rooms_left() == 1


def test_a_cut_upload_goes_on_over_another_connection(desk):
    desk.uploading.open(announce(1))
    desk.uploading.take(half(1))
    desk.uploading.leave(keep=True)
    assert desk.rooms_left() == 1
    desk.of_another("anna").open(announce(5))
    assert desk.sent[-1] == Progress(5, len(DATA) // 2, len(DATA))
    assert desk.rooms_left() == 1


def test_it_goes_on_before_anyone_has_noticed_the_lost_connection(desk):
    desk.uploading.open(announce(1))
    desk.uploading.take(half(1))
    desk.of_another("anna").open(announce(5))
    assert desk.sent[-2:] == [Done(1, "cancelled"), Progress(5, len(DATA) // 2, len(DATA))]
    desk.uploading.leave(keep=True)
    assert desk.rooms_left() == 1


def test_another_owner_gets_nothing_of_it(desk):
    desk.uploading.open(announce(1))
    desk.uploading.take(half(1))
    desk.of_another("bert").open(announce(5))
    assert desk.sent[-1] == Progress(5, 0, len(DATA))


def test_a_whole_volume_is_not_handed_over(desk):
    sent(desk)
    desk.of_another("anna").open(announce(5))
    assert desk.sent[-1] == Progress(5, 0, len(DATA))


def test_memory_is_promised_until_a_cut_upload_is_dropped(desk):
    desk.uploading.open(announce(1))
    desk.uploading.leave(keep=True)
    assert desk.rooms_left() == 1
    desk.clock.advance(61)
    desk.parked_uploads.tidy()
    assert desk.rooms_left() == 2


@pytest.mark.parametrize("keep", [True, False])
def test_a_whole_volume_goes_with_its_session(desk, keep):
    sent(desk)
    desk.uploading.leave(keep=keep)
    assert desk.rooms_left() == 2


def test_who_has_closed_does_not_come_back(desk):
    desk.uploading.open(announce(1))
    desk.uploading.leave(keep=False)
    assert desk.rooms_left() == 2


def test_stopping_answers_an_upload_that_is_under_way(desk):
    desk.uploading.stop()
    desk.uploading.open(announce(1))
    desk.uploading.stop()
    assert desk.sent == [Progress(1, 0, len(DATA)), Done(1, "cancelled")]
