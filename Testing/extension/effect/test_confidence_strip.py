"""The strip shows, says and is told about each slice."""

import pytest
import qt
from MedSAM2SlicerLib.effect.ConfidenceStrip import BOTTOM, HEIGHT, TOP, ConfidenceStrip
from MedSAM2SlicerLib.effect.Theme import LIGHT
from MedSAM2SlicerLib.logic.SliceResults import Confidence, ReviewedSlice

WIDTH = 340
SURE, DOUBTFUL = 0.9, 0.4


@pytest.fixture
def aStrip(aSession):
    """A strip, and the slices that it was asked to go to."""
    asked: list[int] = []
    strip = ConfidenceStrip(asked.append)
    strip.resize(WIDTH, HEIGHT)
    palette = qt.QPalette(strip.palette)
    palette.setColor(qt.QPalette.Text, qt.QColor("#000000"))
    palette.setColor(qt.QPalette.Base, qt.QColor("#ffffff"))
    palette.setColor(qt.QPalette.Window, qt.QColor("#ffffff"))
    strip.setPalette(palette)
    return strip, asked


def confidence(slices: dict[int, ReviewedSlice]) -> Confidence:
    result = Confidence()
    result.slices = slices
    return result


def column(strip, x: float) -> list[str]:
    """Colours from the top down."""
    picture = strip.grab().toImage()
    return [picture.pixelColor(int(x), y).name() for y in range(HEIGHT)]


def mouse(strip, kind, x: float) -> None:
    """An event as Qt sends it."""
    here = qt.QPointF(x, HEIGHT / 2)
    button = qt.Qt.NoButton if kind == qt.QEvent.MouseMove else qt.Qt.LeftButton
    event = qt.QMouseEvent(kind, here, here, button, button, qt.Qt.NoModifier)
    qt.QApplication.sendEvent(strip, event)


def press(strip, key) -> None:
    qt.QApplication.sendEvent(strip, qt.QKeyEvent(qt.QEvent.KeyPress, key, qt.Qt.NoModifier))


def test_sure_and_doubtful_slices_differ_in_height_and_colour_and_accepted_ones_have_a_tick(aStrip):
    strip, _asked = aStrip
    slices = {0: ReviewedSlice(SURE, True), 1: ReviewedSlice(DOUBTFUL, True)}
    slices |= {2: ReviewedSlice(DOUBTFUL, True, accepted=True), 3: ReviewedSlice(0.0, False)}
    strip.show(confidence(slices), 4, None)
    middles = [(n + 0.5) * WIDTH / 4 for n in range(4)]
    sure, doubtful, accepted, absent = (column(strip, x) for x in middles)
    assert sure.count(LIGHT.sure) > 2 * doubtful.count(LIGHT.doubtful) > 0
    assert doubtful[:TOP] == ["#ffffff"] * TOP
    assert accepted[TOP:] == doubtful[TOP:]
    assert "#000000" in accepted[:TOP]
    assert not {LIGHT.sure, LIGHT.doubtful} & set(absent)
    assert absent[HEIGHT - BOTTOM - 1] != "#ffffff"


def test_where_many_slices_share_a_pixel_the_doubtful_one_is_seen(aStrip):
    strip, _asked = aStrip
    slices = {n: ReviewedSlice(SURE, True) for n in range(5 * WIDTH)}
    slices[702] = ReviewedSlice(DOUBTFUL, True)
    strip.show(confidence(slices), len(slices), None)
    shown = [LIGHT.doubtful in column(strip, x) for x in (139, 140, 141)]
    assert shown == [False, True, False]
    slices[702].accepted = True
    assert LIGHT.doubtful not in column(strip, 140)


def test_the_slice_shown_has_an_arrow_below_it(aStrip):
    strip, _asked = aStrip
    strip.show(confidence({}), 10, 4)
    bottom = [column(strip, (n + 0.5) * WIDTH / 10)[-3] for n in range(10)]
    assert [color == "#000000" for color in bottom] == [n == 4 for n in range(10)]


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        (None, "Slice 3: not propagated yet."),
        (ReviewedSlice(0.934, True), "Slice 3: sure (93 %)."),
        (ReviewedSlice(0.61, True), "Slice 3: doubtful (61 %)."),
        (ReviewedSlice(0.61, True, accepted=True), "Slice 3: doubtful (61 %). You accepted it."),
        (ReviewedSlice(0.0, False), "Slice 3: without the object."),
    ],
)
def test_the_slice_under_the_mouse_is_put_into_words(aStrip, mark, words):
    strip, _asked = aStrip
    slices = {} if mark is None else {3: mark}
    strip.show(confidence(slices), 10, 3)
    mouse(strip, qt.QEvent.MouseMove, 3.5 * WIDTH / 10)
    assert strip.toolTip.startswith(f"<b>{words}</b><br>")
    assert strip.accessibleDescription == words
    mouse(strip, qt.QEvent.MouseMove, 7.5 * WIDTH / 10)
    assert strip.toolTip.startswith("<b>Slice 7:")


def test_clicks_and_arrow_keys_go_to_slices_and_not_beyond_the_ends(aStrip):
    strip, asked = aStrip
    strip.show(confidence({}), 10, 8)
    mouse(strip, qt.QEvent.MouseButtonPress, 2.5 * WIDTH / 10)
    for key in (qt.Qt.Key_Left, qt.Qt.Key_Right, qt.Qt.Key_Home, qt.Qt.Key_End):
        press(strip, key)
    assert asked == [2, 7, 9, 0, 9]
    strip.show(confidence({}), 10, 9)
    press(strip, qt.Qt.Key_Right)
    press(strip, qt.Qt.Key_P)
    assert asked == [2, 7, 9, 0, 9]


def test_an_empty_strip_does_nothing(aStrip):
    strip, asked = aStrip
    mouse(strip, qt.QEvent.MouseMove, 10)
    mouse(strip, qt.QEvent.MouseButtonPress, 10)
    press(strip, qt.Qt.Key_Right)
    strip.grab()
    assert asked == []
