import json
import time
from dataclasses import replace

import pytest

from benchmarks.machine import in_fresh_process
from kept_speed import SPEED
from medsam2.model.config import PRESETS
from medsam2.weights import measuring, speed
from medsam2.weights.speed import Pace, Work, kept_speed, pace
from medsam2_lab.network_work import work_table


@pytest.fixture
def measurements(monkeypatch) -> list[str]:
    """Devices that were measured, which takes no time here."""
    asked: list[str] = []
    monkeypatch.setattr(measuring, "measured_speed", lambda device: asked.append(device) or SPEED)
    return asked


def test_the_work_of_every_network_is_known_and_is_what_counting_it_again_gives():
    rows = json.loads(speed.WORK_FILE.read_text("utf-8"))
    assert rows.keys() == PRESETS.keys(), "run medsam2-lab network-work"
    presets = ("starter", "mobile_sam")  # one that tracks, one that does not
    for name, work in in_fresh_process(work_table, presets).items():
        assert vars(work) == pytest.approx(rows[name], rel=0.01), "run medsam2-lab network-work"


def test_the_computer_is_measured_once_and_anew_when_it_changes(measurements, monkeypatch):
    said: list[str] = []
    assert kept_speed() is None
    assert speed.speed("auto", lambda: said.append("measuring")) == SPEED
    assert speed.speed("auto", lambda: said.append("measuring")) == kept_speed() == SPEED
    assert (measurements, said) == (["auto"], ["measuring"])
    speed.speed("cpu")
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    assert kept_speed() is None
    speed.speed()
    assert measurements == ["auto", "cpu", "auto"]


def test_what_was_measured_beside_other_programs_is_not_kept(monkeypatch):
    monkeypatch.setattr(measuring, "measured_speed", lambda device: replace(SPEED, is_at_rest=False))
    assert speed.speed() == replace(SPEED, is_at_rest=False)
    assert kept_speed() is None


@pytest.mark.parametrize(("share", "is_at_rest"), [(0.95, True), (0.5, False)])
def test_other_programs_are_told_by_the_time_that_they_take(share, is_at_rest, monkeypatch):
    monkeypatch.setattr(time, "thread_time", lambda: share * time.perf_counter())
    assert measuring.measured_speed("cpu").is_at_rest is is_at_rest


@pytest.mark.parametrize("content", ["{", "[]", '{"auto": []}', '{"auto": {}}'])
def test_a_damaged_record_is_measured_anew(measurements, home, content):
    home.mkdir()
    (home / "speed.json").write_text(content)
    assert speed.speed() == SPEED
    assert kept_speed() == SPEED


def test_nothing_is_lost_where_the_cache_folder_cannot_be_made(measurements, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDSAM2_HOME", str(tmp_path / "file"))
    assert speed.speed() == SPEED


def test_a_measurement_of_this_computer_puts_the_networks_in_their_order():
    here = measuring.measured_speed("cpu")
    seconds = [here.seconds_per_slice(name) for name in ("starter", "tiny_512", "tiny", "large")]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert here.seconds_per_slice("unheard of") is None


def test_an_estimate_adds_up_what_each_kind_of_computation_takes(monkeypatch):
    monkeypatch.setattr(speed, "_network_work", lambda: {"some": Work(3e11, 1.5e11, 3e10, 2e5)})
    assert SPEED.seconds_per_slice("some") == pytest.approx(2 + 1 + 3 + 2)


def test_up_to_a_second_is_quick_and_beyond_five_too_slow():
    assert [pace(seconds) for seconds in (1, 1.01, 5, 5.01)] == [
        Pace.QUICK,
        Pace.SLOW,
        Pace.SLOW,
        Pace.TOO_SLOW,
    ]
