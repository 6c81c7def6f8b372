"""The options fit a narrow panel, in languages of longer words too, and can be used without eyes or mouse."""

import re
from itertools import pairwise

import pytest
import qt
from PySide6.QtTest import QTest

WIDTH = 380
"""Pixels of a narrow panel."""
LONGER = 1.4
"""What English takes in German or French."""
LONGEST_TIP = 60
"""Letters of one that Qt shows on a single line."""
ROW = 6
"""Pixels by which controls of one row may differ in height."""
CONTROLS = (qt.QAbstractButton, qt.QComboBox, qt.QAbstractSpinBox)


class Longer(qt.QTranslator):
    """A language whose sentences have more letters."""

    def isEmpty(self):
        return False

    def translate(self, _context, text, *_others):
        filler = "lang und länger wird es " * (1 + len(text) // 20)
        letters = len(re.sub(r"{[^}]*}|<[^>]*>", "", text))
        return f"{text} {filler[: round(letters * (LONGER - 1))].strip()}"


@pytest.fixture
def aLongLanguage(aSession):
    """Slicer speaks it."""
    translator = Longer()
    qt.QCoreApplication.installTranslator(translator)
    yield
    qt.QCoreApplication.removeTranslator(translator)


@pytest.fixture
def anOpenPanel(aBench):
    """The options, all of them shown, in the width of a narrow panel."""
    frame = aBench.editor.activeEffect().optionsFrame()
    aBench.editor.activeEffect().setParameter("Direction", "range")
    aBench.effect.updateGUIFromMRML()
    options = aBench.effect.options
    options.showTime(True)
    options.showRunning(True)
    options.showProgress(1234, 1234, 123.4)
    options.message.show(aBench.message, True, "a log")
    (advanced,) = (each for each in frame.findChildren(qt.QGroupBox) if each.isCheckable())
    advanced.collapsed = False
    aBench.editor.resize(2 * WIDTH, 3 * WIDTH)
    aBench.editor.show()
    frame.parentWidget().setFixedWidth(WIDTH)
    QTest.qWait(20)
    yield frame
    aBench.editor.hide()


def shown(frame) -> list:
    """What is seen, without the parts that Qt's own widgets consist of."""
    parts = (qt.QAbstractSpinBox, qt.QComboBox)
    inside = [each for each in frame.findChildren(qt.QWidget) if each.isVisible()]
    return [each for each in inside if not isinstance(each.parentWidget(), parts)]


def isCut(widget) -> bool:
    """Whether some of its text, or of the widget itself, is not seen."""
    if (
        isinstance(widget, qt.QProgressBar)
        and widget.fontMetrics().boundingRect(widget.text).width() > widget.width
    ):
        return True
    if isinstance(widget, qt.QLabel) and widget.wordWrap:
        return widget.height < widget.heightForWidth(widget.width)
    needed = widget.sizeHint if isinstance(widget, CONTROLS) else widget.minimumSizeHint
    parent = widget.parentWidget()
    return (
        widget.width < needed.width()
        or widget.height < widget.minimumSizeHint.height()
        or widget.x + widget.width > parent.width
        or widget.y + widget.height > parent.height
    )


def nameOf(widget) -> str:
    return f"{type(widget).__name__} {getattr(widget, 'text', '') or widget.accessibleName}"


def assertAllIsSeen(frame) -> None:
    inside = shown(frame)
    assert len(inside) > 20
    assert [nameOf(each) for each in inside if isCut(each)] == []
    assert frame.parentWidget().minimumSizeHint.width() <= WIDTH


def test_no_text_is_cut_in_a_narrow_panel(anOpenPanel):
    assertAllIsSeen(anOpenPanel)


def test_no_text_is_cut_in_a_language_of_longer_words(aLongLanguage, anOpenPanel):
    assertAllIsSeen(anOpenPanel)


def test_a_screen_reader_has_words_for_every_control(anOpenPanel):
    controls = [each for each in shown(anOpenPanel) if each.focusPolicy != qt.Qt.NoFocus]
    assert len(controls) > 12
    for control in controls:
        interface = qt.QAccessible.queryAccessibleInterface(control)
        name = interface.text(qt.QAccessible.Name)
        assert len(name.strip(" :")) > 1, nameOf(control)


def test_the_tab_key_goes_down_the_panel(anOpenPanel):
    order, control = [], anOpenPanel.nextInFocusChain()
    while control not in order:
        order.append(control)
        control = control.nextInFocusChain()
    seen = shown(anOpenPanel)
    reached = [each for each in order if each in seen and each.focusPolicy & qt.Qt.TabFocus]
    corners = [each.mapTo(anOpenPanel, each.rect.topLeft()) for each in reached]
    assert len(reached) > 12
    for before, after in pairwise(corners):
        isBelow = after.y() > before.y() + ROW
        isBeside = abs(after.y() - before.y()) <= ROW and after.x() > before.x()
        assert isBelow or isBeside


def test_a_problem_is_told_by_a_sign_as_well_as_by_colour(anOpenPanel, aBench):
    message = aBench.effect.options.message
    signs = [each for each in shown(anOpenPanel) if each.accessibleName == "A problem"]
    assert len(signs) == 1
    assert message.label.styleSheet
    message.clearProblem()
    assert not signs[0].isVisible()
    assert not message.label.styleSheet


def test_long_tips_wrap(anOpenPanel):
    tips = [each.toolTip for each in shown(anOpenPanel) if each.toolTip]
    assert len(tips) > 10
    assert [tip for tip in tips if len(tip) > LONGEST_TIP and not qt.Qt.mightBeRichText(tip)] == []
