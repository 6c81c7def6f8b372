"""Keys: the editor's own, an effect's, and those that two want."""

import pytest
import qt
import slicer
import vtk

from fakes.make_nodes import rasOf


@pytest.fixture
def view(theStamp, anEditor):
    return anEditor.view("Red")


def test_escape_ends_the_effect_and_space_brings_it_back(view, anEditor, theStamp):
    assert view.press("Esc")
    assert anEditor.activeEffect() is None
    view.press("Space")
    assert anEditor.activeEffect() is theStamp.scriptedEffect
    view.press("1")
    assert anEditor.activeEffect() is None


def test_the_next_segment(view, anEditor):
    view.press("w")
    assert anEditor.currentSegmentID() == "B"
    view.press("q")
    assert anEditor.currentSegmentID() == "A"


def test_a_free_key_reaches_the_effect(view, theStamp):
    heard = []

    def hear(interactor, _event, _view):
        heard.append(interactor.GetKeySym())
        return True

    theStamp.scriptedEffect._methods["processInteractionEvents"] = hear
    assert view.press("Delete")
    assert heard == ["Delete", "Delete"]
    view.press("+")
    assert heard[2:] == ["plus", "plus"]


def test_an_effects_shortcut(view):
    heard = []
    shortcut = qt.QShortcut(qt.QKeySequence("k"), slicer.util.mainWindow())
    shortcut.connect("activated()", lambda: heard.append("k"))
    assert view.press("K")
    shortcut.enabled = False
    assert not view.press("k")
    shortcut.enabled = True
    shortcut.setParent(None)
    shortcut.deleteLater()
    assert not view.press("k")
    assert heard == ["k"]


def test_two_on_one_key_are_ambiguous(view, aJournal, anEditor):
    mine = qt.QShortcut(qt.QKeySequence("Z"), slicer.util.mainWindow())
    heard = []
    mine.connect("activated()", lambda: heard.append("z"))
    view.press("z")
    assert heard == []
    assert "Ambiguous" in aJournal.take("criticals")[0]


def test_the_editors_keys_go_with_its_module(view, aSession, someShortcuts):
    assert {"Esc", "Space", "Z", "Ctrl+Z", "Y", "Q", "W", "I", "1", "Shift+0"} <= set(someShortcuts())
    aSession.editorModule.exit()
    assert someShortcuts() == []


def test_moving_entering_leaving(view, theStamp, aVolume):
    heard = []

    def hear(interactor, event, _view):
        heard.append(event)
        return False

    theStamp.scriptedEffect._methods["processInteractionEvents"] = hear
    view.enter()
    view.drag(rasOf(aVolume, (5, 5, 5)), rasOf(aVolume, (9, 5, 5)), steps=2)
    view.doubleClick(rasOf(aVolume, (5, 5, 5)))
    view.leave()
    names = [vtk.vtkCommand.GetStringFromEventId(each).removesuffix("Event") for each in heard]
    drag = ["MouseMove", "LeftButtonPress", "MouseMove", "MouseMove", "LeftButtonRelease"]
    double = [
        "MouseMove",
        "LeftButtonPress",
        "LeftButtonRelease",
        "LeftButtonDoubleClick",
        "LeftButtonRelease",
    ]
    assert names == ["Enter", *drag, *double, "Leave"]
