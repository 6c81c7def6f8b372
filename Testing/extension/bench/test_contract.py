"""The fake adaptor knows what the real one knows: no more, no less."""

import sys

import pytest
import qSlicerSegmentationsEditorEffectsPythonQt as effects
import qt
import slicer
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect

from fakes import effect_adaptor
from fakes.stamp import SOURCE, takeCalls

# Read in Slicer's qSlicerSegmentEditorScriptedEffect.cxx, 5.10 to 5.13.
METHODS = [
    "icon",
    "helpText",
    "clone",
    "activate",
    "deactivate",
    "setupOptionsFrame",
    "createCursor",
    "processInteractionEvents",
    "processViewNodeEvents",
    "setMRMLDefaults",
    "referenceGeometryChanged",
    "sourceVolumeNodeChanged",
    "masterVolumeNodeChanged",
    "layoutChanged",
    "interactionNodeModified",
    "updateGUIFromMRML",
    "updateMRMLFromGUI",
    "cleanup",
]


def test_the_18_methods():
    assert len(METHODS) == 18
    assert sorted(effect_adaptor.METHODS) == sorted(METHODS)
    assert all(callable(getattr(slicer.qSlicerSegmentEditorScriptedEffect, name)) for name in METHODS)


def test_each_is_called_on_the_python_object(anEditor, aJournal, tmp_path):
    """An effect that has nothing but these methods, each of which notes its name."""
    folder = tmp_path / "NoterLib"
    folder.mkdir()
    body = "\n".join(f"    def {name}(self, *arguments): noted.append('{name}')" for name in METHODS)
    source = f"noted = []\nclass SegmentEditorEffect:\n    def __init__(self, adaptor): pass\n{body}\n"
    (folder / "SegmentEditorEffect.py").write_text(source)
    adaptor = slicer.qSlicerSegmentEditorScriptedEffect(None)
    adaptor.setPythonSource(str(folder / "SegmentEditorEffect.py"))
    adaptor._active = True
    view = anEditor.view("Red")
    arguments = {
        "createCursor": [view],
        "processInteractionEvents": [None, 0, view],
        "processViewNodeEvents": [None, 0, view],
        "interactionNodeModified": [None],
    }
    for name in METHODS:
        getattr(adaptor, name)(*arguments.get(name, []))
    assert set(sys.modules["NoterLib"].noted) == set(METHODS)
    # helpText, clone and processInteractionEvents gave None.
    assert len(aJournal.take("criticals")) == 3


def test_numbers_of_the_enumerations():
    kind = slicer.qSlicerSegmentEditorAbstractEffect
    modes = ("Set", "Add", "Remove", "RemoveAll")
    assert [getattr(kind, f"ModificationMode{mode}") for mode in modes] == [0, 1, 2, 3]
    assert (kind.NotConfirmed, kind.ConfirmedWithoutDialog, kind.ConfirmedWithDialog) == (0, 1, 2)


def test_the_source_names_module_and_class(aSession, tmp_path):
    """The folder is the module, the file the class, and ``slicer.<folder>`` the effect."""
    folder = tmp_path / "SomeLib"
    folder.mkdir()
    source = "class BrushEffect:\n    def __init__(self, scriptedEffect): scriptedEffect.name = 'Brush'\n"
    (folder / "Brush.py").write_text(source)
    adaptor = effects.qSlicerSegmentEditorScriptedEffect(None)
    assert adaptor.setPythonSource(str(folder / "Brush.py"))
    assert type(adaptor.self()) is sys.modules["SomeLib"].BrushEffect
    assert slicer.SomeLib is adaptor.self()
    assert adaptor.name == adaptor.title == "Brush"


def test_what_is_not_an_effect_is_refused(aJournal, tmp_path):
    adaptor = effects.qSlicerSegmentEditorScriptedEffect(None)
    assert not adaptor.setPythonSource("somewhere/Brush.txt")
    assert not adaptor.setPythonSource(str(tmp_path / "Missing.py"))
    assert isinstance(aJournal.take("exceptions")[0], FileNotFoundError)
    assert aJournal.take("criticals")


def test_each_editor_clones_the_prototype(anEditor, anEffect):
    prototype = anEffect(SOURCE)
    clone = anEditor.effectByName("Stamp")
    assert clone is not prototype
    assert isinstance(clone.self(), AbstractScriptedSegmentEditorEffect)
    assert clone.self() is not prototype.self()
    other = slicer.qMRMLSegmentEditorWidget()
    assert other.effectByName("Stamp") is not clone
    other.destroy()
    takeCalls()


def test_a_second_effect_of_the_same_name_is_refused(anEditor, anEffect):
    anEffect(SOURCE)
    anEffect(SOURCE)
    assert anEditor.availableEffectNames() == ("Stamp",)


def test_options_are_real_widgets(theStamp, anEditor):
    frame = anEditor.activeEffect().optionsFrame()
    assert frame.isVisibleTo(anEditor)
    assert [each.text for each in frame.findChildren(qt.QLabel)] == ["Radius:"]
    assert theStamp.radius.value == 1


@pytest.mark.parametrize("version", ["qMRMLSegmentEditorWidget", "qMRMLSliceWidget", "qMRMLWidget"])
def test_widgets_tell_their_class(anEditor, version):
    assert issubclass(getattr(slicer, version), qt.QWidget)
    assert anEditor.view("Red").className() == "qMRMLSliceWidget"
