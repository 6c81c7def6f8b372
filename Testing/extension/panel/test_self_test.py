"""The self-test's report: over the real backend process, and over clients that fail."""

from types import SimpleNamespace

import pytest
import qt
from MedSAM2SlicerLib.panel.SelfTest import SHAPE, TIME_LIMIT_SECONDS, Report, SelfTest, syntheticBall

import medsam2
from medsam2.client import ClientError
from medsam2.placed_mask import PlacedMask
from medsam2.protocol import Done, Error, FieldOfViewBox, Limits, Mask, Ready

SECONDS = 300
READY = Ready(1, "medsam2/0.1.0", "cpu", "starter", 256, Limits(1, 1, 1), ("none",))


class Client:
    """Answers as it is told; knows what was asked of it."""

    def __init__(self, *answers):
        self.failure = None
        self.closed = False
        self._answers = list(answers)

    def start(self):
        pass

    def open_volume(self, *_):
        return 2

    def prompt(self, *_):
        return 3

    def propagate(self, *_):
        return 4

    def pump(self):
        return [self._answers.pop(0)] if self._answers else []

    gone = True

    def dismiss(self):
        self.closed = True

    def close(self, patience: float):
        pass


def masks(mask):
    for index, plane in enumerate(mask):
        yield Mask(
            id=4,
            object_id="ball",
            slice_index=index,
            mask=PlacedMask.packed(plane),
            axis="k",
            iou=0.9,
            object_score=5.0,
            field_of_view=FieldOfViewBox(0, 0, 96, 96),
        )


@pytest.fixture
def report(aSession, aClock):
    """Run a self-test over a client and return its report."""

    def run(client) -> Report:
        reports = []
        clock = SimpleNamespace(now=0.0)
        test = SelfTest(client, reports.append, clock=lambda: clock.now)
        test.start()
        while not reports:
            clock.now += 1
            aClock.advance(20)
        assert not test.running
        assert client.closed
        (only,) = reports
        return only

    return run


def test_the_ball_is_found_by_the_real_backend(aPanel, aClock, aJournal):
    section = aPanel.selfTest
    aPanel.selfTest._run.click()
    assert section._cancel.enabled
    aClock.advanceUntil(lambda: not section._test.running, SECONDS)
    text = section._report.toPlainText()
    assert text.startswith("MedSAM2 works on this computer.")
    for said in ("Device: cpu", "Weights: starter", "First mask:", "for 12 slices", "torch: 2.", "GB free"):
        assert said in text
    section._copy.click()
    assert qt.QApplication.clipboard().text() == text


def test_perfect_masks_are_good(report):
    _, ball = syntheticBall()
    found = report(Client(READY, Done(2), Done(3), *masks(ball), Done(4)))
    assert found.problem == ""
    assert found.lines["Overlap with the truth"] == "100%"
    assert found.lines["Tracking"].endswith(f"for {SHAPE[0]} slices")


def test_wrong_masks_are_told(report):
    _, ball = syntheticBall()
    assert "its masks are wrong" in report(Client(READY, Done(2), Done(3), *masks(~ball), Done(4))).problem


def test_an_error_is_told_in_the_backend_s_words(report):
    answers = (READY, Error(2, "out_of_memory", "There is no room.", "Close other programs."), Done(3))
    assert report(Client(*answers)).problem == "There is no room. Close other programs."


def test_a_backend_that_does_not_start_is_told(report):
    client = Client()
    client.failure = ClientError("not_started", "The backend cannot be started.")
    found = report(client)
    assert found.text.startswith("The backend cannot be started.")
    assert "Python" in found.lines
    assert found.lines["MedSAM2"] == medsam2.__version__


def test_silence_has_an_end(report):
    assert TIME_LIMIT_SECONDS < 600
    assert "did not answer in time" in report(Client(READY)).problem


def test_it_can_be_cancelled(aPanel, aManager, aClock, monkeypatch):
    client = Client(READY)
    monkeypatch.setattr(type(aManager), "newClient", lambda self: client)
    section = aPanel.selfTest
    section._run.click()
    section._cancel.click()
    assert client.closed
    aClock.advance(20)
    assert section._report.toPlainText() == "Cancelled."
    assert section._run.enabled
    assert aClock.waiting == 0


def test_a_wrong_server_address_is_told(aPanel, aManager):
    aManager.settings.serverUrl = "ws://elsewhere"
    aPanel.selfTest._run.click()
    assert "unencrypted to elsewhere" in aPanel.selfTest._report.toPlainText()
