"""The field of view follows the object. The network is never wrong: what is wrong is the tracker's."""

import numpy as np
import pytest

from medsam2.tracking import FieldOfView, Tracker
from unit.tracking.examples import a_tracker, ball, click, collected, dice, disc, volume_slices
from unit.tracking.oracle_network import OracleNetwork

SHAPE = (24, 48, 48)
BALL = ball(SHAPE, (12, 20, 22), 8)
SMALL = ball(SHAPE, (12, 40, 8), 5)


def test_thick_slices_are_seen_in_millimetres():
    spacing = (3.0, 1.0, 1.0)
    k, j, i = np.ogrid[:20, :60, :60]
    truth = (3.0 * (k - 10)) ** 2 + (j - 30) ** 2 + (i - 30) ** 2 <= 15**2
    tracker = Tracker(OracleNetwork(), volume_slices(truth, "j", spacing))
    answer = tracker.prompt("a", click(30, 10, 30))
    assert answer.field_of_view.rows * 3 == pytest.approx(answer.field_of_view.columns, abs=3)
    assert dice(collected(tracker, tracker.propagate()), truth) > 0.9


@pytest.mark.parametrize("direction", [1, -1])
def test_an_object_that_drifts_out_of_the_first_field_of_view_is_followed(direction):
    shape = (40, 64, 180)
    truth = np.stack([disc(shape[1:], (30, 89 + direction * 1.5 * (2 * k - 39)), 10) for k in range(40)])
    tracker = a_tracker(truth, field_of_view=50.0)
    first = tracker.prompt("a", click(0, 30, 89 - direction * 58.5)).field_of_view
    assert not first.contains(30, 89 + direction * 58.5)
    masks = list(tracker.propagate())
    assert dice(collected(tracker, masks), truth) > 0.9
    assert {mask.field_of_view.rows for mask in masks} == {50}
    assert len({mask.field_of_view for mask in masks}) < 20, (
        "the view stays as long as the object is well inside"
    )


def test_an_object_larger_than_the_first_field_of_view_widens_it():
    shape = (14, 120, 120)
    truth = np.broadcast_to(disc(shape[1:], (60, 60), 35), shape)
    tracker = a_tracker(truth, field_of_view=30.0)
    assert dice(tracker.prompt("a", click(0, 60, 60)).mask.full(shape[1:]), truth[0]) < 0.6
    masks = list(tracker.propagate())
    sides = [mask.field_of_view.rows for mask in masks]
    assert sides[0] == 30
    assert 70 < sides[-1] <= 120
    assert dice(collected(tracker, masks)[4:], truth[4:]) > 0.9


def test_an_object_that_shrinks_narrows_the_field_of_view():
    shape = (24, 200, 200)
    truth = np.stack([disc(shape[1:], (60, 140), 40 - 1.5 * k) for k in range(24)])
    tracker = a_tracker(truth, field_of_view="auto")
    first = tracker.prompt("a", click(0, 60, 140), field_of_view=190.0).field_of_view
    masks = list(tracker.propagate())
    assert masks[-1].field_of_view.rows < 0.6 * first.rows
    assert dice(collected(tracker, masks), truth) > 0.9


@pytest.mark.parametrize("corner", [(0, 0), (0, 99), (99, 0), (99, 99)])
@pytest.mark.parametrize("field_of_view", ["auto", 40.0])
def test_a_prompt_at_the_volumes_corner(corner, field_of_view):
    truth = ball((8, 100, 100), (0, *corner), 12)
    tracker = a_tracker(truth, field_of_view=field_of_view)
    rim = tuple(place + (0.5 if place else -0.5) for place in corner)
    tracker.prompt("a", click(0, *rim))
    mask = collected(tracker, tracker.propagate())
    assert dice(mask[:6], truth[:6]) > 0.9


def test_a_correction_keeps_the_view_as_long_as_it_shows_the_click():
    tracker = a_tracker(BALL | SMALL, field_of_view=28.0)
    first = tracker.prompt("a", click(12, 20, 22)).field_of_view
    assert tracker.prompt("a", click(12, 24, 22)).field_of_view == first
    assert not first.contains(40, 8)
    moved = tracker.prompt("a", click(12, 40, 8)).field_of_view
    assert moved.contains(40, 8)
    assert tracker.prompt("a", click(12, 20, 23), field_of_view="slice").field_of_view == FieldOfView(
        0, 0, 48, 48
    )


def test_a_second_network_may_choose_the_field_of_view():
    network, chooser = OracleNetwork(), OracleNetwork(64)
    tracker = a_tracker(BALL, network=network, field_of_view_network=chooser)
    tracker.prompt("a", click(12, 20, 22))
    assert network.encoded == 1
    assert chooser.encoded > 1
