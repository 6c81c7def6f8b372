"""What happens before and right after a click, so that its outline comes soon."""

import numpy as np
import pytest
from MedSAM2SlicerLib.effect.Pointing import REST_MILLISECONDS


@pytest.fixture
def told(aBench, monkeypatch):
    """Where the backend is told that the user points: (axis, slice, row and column)."""
    aBench.click()
    points = []
    client = aBench.logic._requests._client
    monkeypatch.setattr(client, "shown", lambda *where: points.append(where) if where[2] else None)
    return points


def test_the_backend_is_told_where_the_mouse_rests_and_where_its_button_goes_down(aBench, told):
    red, at = aBench.view("Red"), aBench.centre("liver") + np.array([0, 0, 12.0])
    red.scrollTo(at)
    for step in range(5):
        red.moveTo(at + np.array([step, 0, 0]))
        aBench.clock.advance(REST_MILLISECONDS // 2)
    assert told == [], "the mouse still moves"
    red.moveTo(at)
    aBench.clock.advance(REST_MILLISECONDS)
    red.pressButton()
    k, j, i = aBench.logic.editor.grid().indices(at)
    assert [where[:2] for where in told] == [("k", round(k))] * 2
    for _axis, _slice, point in told:
        np.testing.assert_allclose(point, (j, i), atol=1)
    red.moveTo(at)
    red.leave()
    aBench.clock.advance(10 * REST_MILLISECONDS)
    assert len(told) == 2, "the mouse has left the view"


def test_where_there_is_an_outline_further_clicks_need_no_more(aBench, told):
    aBench.view("Red").moveTo(aBench.centre("liver"))
    aBench.clock.advance(REST_MILLISECONDS)
    assert told == []


def test_the_outline_is_faint_from_a_click_to_its_answer(aBench):
    def opacity() -> float:
        return aBench.effect.active.views.latest._layers["preview"].actor.GetProperty().GetOpacity()

    aBench.click()
    assert opacity() == 1.0
    assert aBench.view("Red").click(aBench.centre("liver") + np.array([12.0, 0, 0]))
    assert opacity() < 0.5, "at once"
    aBench.wait(lambda: not aBench.logic.awaitsPreview)
    assert opacity() == 1.0


@pytest.mark.parametrize("key", ["X", "D", "L"])
def test_where_a_box_or_line_is_drawn_nothing_is_prepared_for_a_click(aBench, told, key):
    red, at = aBench.view("Red"), aBench.centre("liver") + np.array([0, 0, 12.0])
    red.press(key)
    red.moveTo(at)
    aBench.clock.advance(REST_MILLISECONDS)
    red.beginToDraw([at, at + np.array([20.0, 0, 0])])
    aBench.clock.advance(REST_MILLISECONDS)
    assert told == []


def test_a_mouse_that_rests_while_something_is_dragged_is_no_click(aBench, told):
    red, at = aBench.view("Red"), aBench.centre("liver") + np.array([0, 0, 12.0])
    red.beginToDraw([at, at + np.array([20.0, 20.0, 0])])
    assert len(told) == 1, "at the press, as it might have been one"
    aBench.clock.advance(REST_MILLISECONDS)
    assert len(told) == 1
