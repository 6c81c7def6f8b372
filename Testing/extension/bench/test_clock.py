"""Timers run when a test turns the clock, and never otherwise."""

import pytest
import qt


@pytest.fixture
def said() -> list:
    return []


def test_nothing_runs_by_itself(aClock, said):
    qt.QTimer.singleShot(0, lambda: said.append("now"))
    assert said == []
    aClock.advance()
    assert said == ["now"]


def test_a_timer_repeats(aClock, said):
    timer = qt.QTimer()
    timer.interval = 100
    timer.connect("timeout()", lambda: said.append(aClock.milliseconds))
    timer.start()
    assert timer.active
    aClock.advance(250)
    assert said == [100, 200]
    assert timer.remainingTime == 50
    timer.stop()
    aClock.advance(500)
    assert said == [100, 200]
    assert aClock.waiting == 0


def test_a_single_shot(aClock, said):
    timer = qt.QTimer()
    timer.singleShot = True
    assert timer.singleShot is True
    timer.timeout.connect(lambda: said.append("shot"))
    timer.start(20)
    timer.start(40)
    aClock.advance(30)
    assert said == []
    aClock.advance(200)
    assert said == ["shot"]
    assert not timer.isActive()


def test_calls_come_in_order_of_time(aClock, said):
    for name, delay in (("c", 30), ("a", 10), ("b", 10)):
        qt.QTimer.singleShot(delay, lambda name=name: said.append(name))
    aClock.advance(30)
    assert said == ["a", "b", "c"]


def test_a_call_may_start_another(aClock, said):
    qt.QTimer.singleShot(5, lambda: qt.QTimer.singleShot(0, lambda: said.append(aClock.milliseconds)))
    aClock.advance(5)
    assert said == []
    aClock.advance(1)
    assert said == [6]


def test_a_timer_goes_with_its_parent(aClock, said):
    parent = qt.QWidget()
    timer = qt.QTimer(parent)
    timer.connect("timeout()", lambda: said.append("late"))
    timer.start(10)
    parent.deleteLater()
    aClock.advance(1)
    aClock.advance(100)
    assert said == []


def test_what_a_timer_raises_is_swallowed(aClock, aJournal):
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: 1 // 0)
    timer.start(10)
    qt.QTimer.singleShot(5, lambda: [][0])
    aClock.advance(10)
    assert [type(each) for each in aJournal.take("exceptions")] == [IndexError, ZeroDivisionError]


def test_it_says_how_long_calls_held_the_thread(aClock):
    qt.QTimer.singleShot(5, lambda: sum(range(100_000)))
    aClock.advance(5)
    assert len(aClock.durations) == 1
    assert aClock.durations[0] > 0


def test_waiting_for_something_real(aClock, said):
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: said.append(1))
    timer.start(10)
    aClock.advanceUntil(lambda: len(said) >= 3)
    with pytest.raises(AssertionError, match="not reached"):
        aClock.advanceUntil(lambda: False, seconds=0.05)


def test_a_timer_of_the_test_before_that_is_stopped_late_stops_no_other(aClock, said):
    late, timer = qt.QTimer(), qt.QTimer()
    late.start(100)
    aClock.reset()
    timer.connect("timeout()", lambda: said.append("timer"))
    timer.start(10)
    late.stop()
    aClock.advance(10)
    assert said == ["timer"]
