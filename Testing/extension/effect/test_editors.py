"""One effect in each editor: two editors, an exchanged parameter node, no main window."""

import gc
import weakref

import numpy as np
import pytest
import slicer

from extension.effect.conftest import Bench
from fakes.qt_module import deleteWhatIsDue
from medsam2.cli.phantom import dice

AXIAL = (0.0, 0.0, 1.0)


@pytest.fixture
def anotherEditor(aBench):
    """An editor as another module has it, on the same segmentation with a parameter node of its own."""
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    editor.setMRMLScene(slicer.mrmlScene)
    editor.edit(aBench.segmentation, aBench.volume)
    yield editor
    editor.setActiveEffect(None)
    editor.destroy()


def test_keys_go_to_the_editor_that_was_used_last_and_then_back(aBench, anotherEditor):
    anotherEditor.setActiveEffectByName("MedSAM2")
    first, second = aBench.effect.options.message, anotherEditor.activeEffect().self().options.message
    for message in (first, second):
        message.show("")
    assert aBench.view("Red").press("G")
    assert (bool(first.label.text), bool(second.label.text)) == (False, True)
    anotherEditor.setActiveEffect(None)
    assert aBench.view("Red").press("G")
    assert first.label.text


def test_keys_stay_where_the_other_editor_is_left_first(aBench, anotherEditor):
    anotherEditor.setActiveEffectByName("MedSAM2")
    aBench.editor.setActiveEffect(None)
    message = anotherEditor.activeEffect().self().options.message
    message.show("")
    assert aBench.view("Red").press("G")
    assert message.label.text


def test_without_a_main_window_the_keys_are_heard_in_the_editors_window(aBench, anApplication, someShortcuts):
    aBench.editor.setActiveEffect(None)
    anApplication.hideMainWindow()
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert {"P", "N", "A", "G", "S", "Del"} <= set(someShortcuts())
    assert aBench.view("Red").press("G")
    assert "Click the object first" in aBench.message
    aBench.editor.setActiveEffect(None)
    assert "P" not in someShortcuts()


def exchangeNode(bench):
    """What a module does that has a parameter node for each of its cases."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetAndObserveSegmentationNode(bench.segmentation)
    node.SetAndObserveSourceVolumeNode(bench.volume)
    node.SetSelectedSegmentID(bench.segmentId("liver"))
    node.SetActiveEffectName("MedSAM2")
    old = bench.editor.mrmlSegmentEditorNode()
    bench.editor.setMRMLSegmentEditorNode(node)
    return old, node


def test_an_exchanged_parameter_node_is_watched_and_the_old_one_is_not(aBench, monkeypatch):
    old, new = exchangeNode(aBench)
    assert aBench.editor.activeEffect().name == "MedSAM2"
    redrawn = []
    monkeypatch.setattr(aBench.effect.active.views, "redraw", lambda: redrawn.append(True))
    old.Modified()
    assert redrawn == []
    new.SetSelectedSegmentID(aBench.segmentId("spleen"))
    assert redrawn


def test_an_exchanged_parameter_node_with_another_segmentation_ends_a_run(aBench, aSegmentation):
    aBench.click()
    aBench.startPropagation()
    logic = aBench.logic
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    other.SetAndObserveSegmentationNode(aSegmentation(aBench.volume, ("other",)))
    other.SetAndObserveSourceVolumeNode(aBench.volume)
    other.SetSelectedSegmentID("other")
    other.SetActiveEffectName("MedSAM2")
    aBench.editor.setMRMLSegmentEditorNode(other)
    before = aBench.mask()
    aBench.wait(lambda: not logic.running)
    assert (aBench.mask() == before).all()


def test_nothing_watches_a_node_after_the_effect_was_left(aBench):
    exchangeNode(aBench)
    observer = aBench.effect.active.observer
    aBench.editor.setActiveEffect(None)
    assert observer._observations == []


def test_nothing_is_left_of_the_effect_after_it_was_left(aBench, aBackend):
    active = aBench.effect.active
    parts = [weakref.ref(each) for each in (active, active.logic, active.views, active.actions)]
    del active
    aBench.editor.setActiveEffect(None)
    aBench.clock.advance(50)
    deleteWhatIsDue()
    gc.collect()
    assert aBackend._handlers == aBackend._observers == []
    assert [part() for part in parts] == [None] * len(parts)


@pytest.fixture
def anotherBench(aBench, anotherEditor, aVolumeNode, aSegmentation):
    """The effect in the other editor, on a volume without anything; its segments have the same IDs."""
    voxels, matrix = aBench.phantom.volume.voxels, aBench.phantom.volume.geometry.ijk_to_ras
    volume = aVolumeNode(np.zeros_like(voxels), matrix, "other")
    segmentation = aSegmentation(volume, ("liver", "spleen"))
    bench = Bench(anotherEditor, volume, segmentation, aBench.clock, aBench.phantom)
    bench.open()
    return bench


def clickLogic(bench):
    """Click the liver's place; views show one editor alone."""
    bench.logic.results.previews.clear()
    bench.logic.seeding.addPoint(tuple(bench.centre("liver")), AXIAL, True)


def test_each_editor_segments_its_own_volume(aBench, anotherBench):
    aBench.click()
    clickLogic(anotherBench)
    anotherBench.wait(lambda: anotherBench.logic.preview() is not None)
    aBench.propagate()
    assert dice(aBench.mask(), aBench.phantom.labels["liver"]) > 0.9
    assert not anotherBench.mask().any()


def test_an_editor_that_propagates_is_not_disturbed_by_another(aBench, anotherBench):
    aBench.click()
    aBench.startPropagation()
    clickLogic(anotherBench)
    assert "Another segment editor is propagating" in anotherBench.message
    aBench.wait(lambda: not aBench.logic.running)
    assert aBench.message.startswith("Propagated in")
    clickLogic(anotherBench)
    anotherBench.wait(lambda: anotherBench.logic.preview() is not None)


def test_an_editor_that_was_left_in_a_propagation_keeps_nobody_out(aBench, anotherBench):
    aBench.click()
    aBench.startPropagation()
    aBench.editor.setActiveEffect(None)
    clickLogic(anotherBench)
    anotherBench.wait(lambda: anotherBench.logic.preview() is not None)
