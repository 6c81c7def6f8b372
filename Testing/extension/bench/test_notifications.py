"""The editor tells effects in Slicer's order."""

import pytest
import qt
import slicer

from fakes.stamp import SOURCE, takeCalls


def test_set_up_before_a_node_is_there(anEditor, anEffect):
    takeCalls()
    anEffect(SOURCE)
    assert takeCalls() == ["setMRMLDefaults", "setupOptionsFrame"]


def test_defaults_come_with_the_parameter_node(anEffect, aSession):
    takeCalls()
    anEffect(SOURCE)
    assert aSession.editorModule.editor.availableEffectNames() == ("Stamp",)
    assert takeCalls() == ["setupOptionsFrame", "setMRMLDefaults"]


def test_activation_updates_the_gui_first(theStamp, anEditor):
    anEditor.deactivate()
    assert takeCalls() == ["deactivate False"]
    anEditor.activate("Stamp")
    assert takeCalls() == ["updateGUIFromMRML", "activate True"]


def test_during_activate_the_editor_still_has_the_effect_before(theStamp, anEditor):
    assert anEditor.activeEffect() is theStamp.scriptedEffect


def test_another_volume(theStamp, anEditor, aVolumeNode, aVolume):
    anEditor.setSourceVolumeNode(aVolumeNode(slicer.util.arrayFromVolume(aVolume)))
    assert "sourceVolumeNodeChanged" in takeCalls()
    anEditor.setSourceVolumeNode(None)
    assert "sourceVolumeNodeChanged" in takeCalls()
    assert not anEditor.effectIsEnabled(theStamp.scriptedEffect)


def test_changed_voxels_are_not_told(theStamp, aVolume):
    slicer.util.arrayFromVolume(aVolume)[:] = 3
    slicer.util.arrayFromVolumeModified(aVolume)
    assert takeCalls() == []


def test_another_segmentation_ends_the_effect(theStamp, anEditor, aSegmentation, aVolume):
    other = aSegmentation(aVolume, ("C",))
    anEditor.setSegmentationNode(other)
    assert "deactivate False" in takeCalls()
    assert anEditor.activeEffect() is None
    assert anEditor.currentSegmentID() == "C"


def test_another_segment_does_not_end_it(theStamp, anEditor):
    anEditor.setCurrentSegmentID("B")
    assert anEditor.activeEffect() is theStamp.scriptedEffect
    assert takeCalls() == []


def test_the_last_segment_gone_ends_it(theStamp, anEditor):
    segmentation = anEditor.segmentationNode().GetSegmentation()
    segmentation.RemoveSegment("A")
    assert anEditor.currentSegmentID() == "B"
    assert anEditor.activeEffect() is theStamp.scriptedEffect
    segmentation.RemoveSegment("B")
    assert anEditor.currentSegmentID() == ""
    assert takeCalls()[-1] == "deactivate False"


def test_an_effect_may_work_without_segments(theStamp, anEditor):
    adaptor = theStamp.scriptedEffect
    anEditor.segmentationNode().GetSegmentation().RemoveAllSegments()
    assert not anEditor.effectIsEnabled(adaptor)
    adaptor.requireSegments = False
    assert anEditor.effectIsEnabled(adaptor)
    anEditor.setSourceVolumeNode(None)
    assert not anEditor.effectIsEnabled(adaptor)


def test_the_segmentation_removed_ends_it(theStamp, anEditor, aScene):
    aScene.RemoveNode(anEditor.segmentationNode())
    assert "deactivate False" in takeCalls()
    assert anEditor.segmentationNode() is None


def test_closing_the_scene(theStamp, anEditor, aScene):
    """The effect is still active while the nodes go, and ends after it has got its defaults anew."""
    aScene.Clear(0)
    assert takeCalls() == ["setMRMLDefaults", "deactivate False"]
    assert anEditor.activeEffect() is None
    assert theStamp.scriptedEffect.integerParameter("Radius") == 1


def test_placing_a_markup(theStamp, anEditor, aScene):
    interaction = aScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    interaction.SetCurrentInteractionMode(interaction.Place)
    assert "interactionNodeModified" in takeCalls()
    assert anEditor.activeEffect() is theStamp.scriptedEffect


def test_an_effect_without_that_method_ends(anEditor, aScene, theStamp):
    adaptor = theStamp.scriptedEffect
    del adaptor._methods["interactionNodeModified"]
    interaction = aScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    interaction.SetCurrentInteractionMode(interaction.Place)
    assert anEditor.activeEffect() is None


def test_scrolling_tells_of_the_view(theStamp, anEditor):
    anEditor.view("Yellow").scrollTo((3, 0, 0))
    assert set(takeCalls()) == {"view Yellow"}
    anEditor.deactivate()
    takeCalls()
    anEditor.view("Yellow").scrollTo((5, 0, 0))
    assert takeCalls() == []


def test_another_layout(theStamp, anApplication):
    anApplication.layoutManager().layoutChanged.emit(3)
    assert takeCalls()[-1] == "layoutChanged"


def test_no_slicer_from_5_10_on_tells_of_the_geometry(theStamp, anEditor, aVolume, aVolumeNode):
    other = aVolumeNode(slicer.util.arrayFromVolume(aVolume)[:5])
    anEditor.segmentationNode().SetReferenceImageGeometryParameterFromVolumeNode(other)
    theStamp.scriptedEffect.defaultModifierLabelmap()
    assert "referenceGeometryChanged" not in takeCalls()
    anEditor.deactivate()
    takeCalls()
    anEditor.notifyReferenceGeometryChanged()
    assert takeCalls() == ["referenceGeometryChanged"]


def test_leaving_the_module(theStamp, aSession):
    aSession.editorModule.exit()
    assert takeCalls() == ["deactivate False"]


def test_quitting_cleans_up(theStamp, aSession):
    aSession.editorModule.close()
    assert takeCalls() == ["deactivate False", "cleanup"]
    aSession._editorModule = None


@pytest.mark.parametrize("method", ["activate", "processInteractionEvents", "updateGUIFromMRML", "helpText"])
def test_what_an_effect_raises_is_printed_and_forgotten(anEditor, theStamp, aJournal, method):
    adaptor = theStamp.scriptedEffect
    anEditor.deactivate()

    def fail(*_):
        raise KeyError(method)

    adaptor._methods[method] = fail
    anEditor.activate("Stamp")
    assert anEditor.activeEffect() is adaptor
    kept = anEditor.view("Red").click((0, 0, 0))
    assert kept == (method != "processInteractionEvents")
    raised = aJournal.take("exceptions")
    assert raised
    assert all(str(each) == repr(method) for each in raised)
    takeCalls()


def test_a_cursor_is_asked_for_twice_in_each_view(theStamp, anEditor):
    asked = []
    adaptor = theStamp.scriptedEffect
    anEditor.deactivate()
    adaptor._methods["createCursor"] = lambda view: asked.append(view) or qt.QCursor(qt.Qt.CrossCursor)
    anEditor.activate("Stamp")
    assert len(asked) == 6
    assert anEditor.view("Red").sliceView().viewCursor.shape() == qt.Qt.CrossCursor
    anEditor.deactivate()
    assert anEditor.view("Red").sliceView().viewCursor.shape() == qt.Qt.ArrowCursor
