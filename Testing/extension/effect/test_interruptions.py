"""Whatever ends a propagation ends it cleanly, and the reason stays where the user looks."""

import numpy as np
import pytest
import slicer

from extension.effect.backends import localBackends
from medsam2.propagation_options import PropagationOptions


def settle(bench) -> None:
    """Let what is under way come to its end."""
    bench.wait(lambda: not bench.logic.running)
    for _ in range(20):
        bench.clock.advance(20)


def test_esc_ends_it_and_writes_nothing_more(aBench):
    aBench.click()
    aBench.startPropagation()
    aBench.view("Red").press("Esc")
    assert aBench.editor.activeEffect() is None
    before = aBench.mask()
    for _ in range(50):
        aBench.clock.advance(20)
    assert (aBench.mask() == before).all()


def test_closing_the_scene(aBench):
    aBench.click()
    aBench.startPropagation()
    slicer.mrmlScene.Clear(0)
    for _ in range(50):
        aBench.clock.advance(20)
    assert aBench.editor.activeEffect() is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


@pytest.mark.parametrize("node", ["volume", "segmentation"])
def test_deleting_a_node(aBench, node):
    aBench.click()
    aBench.startPropagation()
    logic = aBench.logic
    slicer.mrmlScene.RemoveNode(getattr(aBench, node))
    aBench.wait(lambda: not logic.running)


def test_another_volume_during_a_propagation(aBench, aVolumeNode):
    aBench.click()
    aBench.startPropagation()
    geometry = aBench.phantom.volume.geometry
    aBench.editor.setSourceVolumeNode(aVolumeNode(aBench.phantom.volume.voxels // 2, geometry.ijk_to_ras))
    before = aBench.mask()
    settle(aBench)
    assert "changed under the seeds" in aBench.message, "the end of the job must not hide why"
    assert (aBench.mask() == before).all()
    aBench.propagate()
    assert "Propagated in" in aBench.message


def test_other_voxels_during_a_propagation(aBench):
    aBench.click()
    aBench.startPropagation()
    slicer.util.arrayFromVolume(aBench.volume)[:5] = 0
    slicer.util.arrayFromVolumeModified(aBench.volume)
    settle(aBench)
    assert "changed under the seeds" in aBench.message
    aBench.view("Red").click(aBench.centre("liver") + np.array([20, 0, 0]))
    assert "changed" not in aBench.message, "the user goes on"


def test_another_geometry_during_a_propagation(aBench, aVolumeNode):
    aBench.click()
    aBench.startPropagation()
    coarse = aVolumeNode(np.zeros((32, 80, 80), np.int16), np.diag([4.0, 4, 3, 1]), "coarse")
    aBench.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(coarse)
    settle(aBench)
    assert "grid has changed" in aBench.message


def test_another_geometry_takes_the_outline_away_and_says_so(aBench, aVolumeNode):
    aBench.click()
    coarse = aVolumeNode(np.zeros((32, 80, 80), np.int16), np.diag([4.0, 4, 3, 1]), "coarse")
    aBench.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(coarse)
    layer = aBench.effect.active.views.pipeline(aBench.view("Red"))._layers["preview"]
    assert not layer.actor.GetVisibility()
    assert "its grid has changed" in aBench.message


def test_a_segment_that_is_removed_is_not_waited_for(aBench):
    aBench.view("Red").click(aBench.centre("liver"))
    assert aBench.logic._requests.awaited
    aBench.segmentation.GetSegmentation().RemoveSegment(aBench.segmentId("liver"))
    assert not aBench.logic._requests.awaited
    assert aBench.message == "Click the object in a slice view."


def test_a_backend_that_dies_is_restarted_and_the_propagation_goes_on(aBench, aBackend):
    aBench.click()
    aBench.startPropagation()
    kill(aBackend)
    settle(aBench)
    assert "Propagated in" in aBench.message
    assert aBench.mask().any(axis=(1, 2)).all()


def test_a_backend_that_cannot_be_restarted_says_why_until_the_next_click(aBench, aBackend):
    aBench.click()
    aBench.startPropagation()
    command = aBackend._running.backend._command
    aBackend._running.backend._command = (command[0], "-c", "raise SystemExit(3)")
    kill(aBackend)
    settle(aBench)
    assert aBench.message == aBackend.failure
    assert "exit code 3" in aBench.message
    assert aBench.mask().any(), "what has come is kept"
    aBench.click("spleen")
    assert "Press Propagate" in aBench.message


def test_a_backend_that_is_stopped_in_the_panel(aBench, aBackend):
    aBench.click()
    aBench.startPropagation()
    aBackend.stop()
    settle(aBench)
    assert "was stopped" in aBench.message
    assert aBench.effect.options.propagateButton.text == "Propagate"


def test_an_outline_is_not_waited_for_once_the_backend_is_stopped(aBench, aBackend):
    aBench.view("Red").click(aBench.centre("liver"))
    aBackend.stop()
    assert aBench.message == "Press Propagate; or add seeds on any slice first."
    aBench.click("spleen")
    assert len(aBench.logic.seeding.seeds()) == 2


def kill(backend) -> None:
    for process in localBackends():
        process.kill()


def test_a_seed_that_is_deleted_meanwhile_counts_after_the_run(aBench):
    aBench.click()
    aBench.clickAt(aBench.centre("liver") + np.array([9, 0, 0]))
    aBench.startPropagation()
    aBench.logic.seeding.remove(1)
    assert "counts after this run" in aBench.message
    settle(aBench)
    assert aBench.message.startswith("Propagated in")
    assert aBench.mask().any(axis=(1, 2)).sum() > 10, "the whole organ, as without the change"


def test_what_is_deleted_and_clicked_meanwhile_on_one_slice_counts_together(aBench, monkeypatch):
    aBench.click()
    aBench.startPropagation()
    client, asked = aBench.logic._requests._client, []
    monkeypatch.setattr(client, "prompt", spied(client.prompt, asked))
    monkeypatch.setattr(client, "forget", spied(client.forget, asked))
    aBench.logic.seeding.remove(0)
    aBench.logic.seeding.addPoint(tuple(aBench.centre("liver") + np.array([9, 0, 0])), (0.0, 0.0, 1.0), True)
    assert asked == [], "the backend would end the run"
    settle(aBench)
    aBench.wait(lambda: aBench.logic.preview() is not None)
    *_, forgotten, said = asked
    assert forgotten[:2] == said[:2] == ("0", "k")
    assert len(said[2].points) == 1


def spied(method, calls):
    def spy(*arguments):
        calls.append(arguments)
        return method(*arguments)

    return spy


def test_another_segment_that_is_removed_meanwhile_changes_nothing(aBench):
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    aBench.click("spleen")
    aBench.propagate()
    aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
    aBench.click()
    aBench.startPropagation()
    aBench.segmentation.GetSegmentation().RemoveSegment(aBench.segmentId("spleen"))
    settle(aBench)
    assert aBench.message.startswith("Propagated in")


def test_the_segment_itself_that_is_removed_meanwhile_ends_the_run(aBench):
    aBench.click()
    aBench.startPropagation()
    aBench.segmentation.GetSegmentation().RemoveSegment(aBench.segmentId("liver"))
    settle(aBench)
    assert "changed meanwhile" in aBench.message


def test_a_segment_that_comes_back_while_its_run_is_cancelled_has_its_outline_again(aBench):
    aBench.click()
    aBench.startPropagation()
    aBench.editor.saveStateForUndo()
    aBench.segmentation.GetSegmentation().RemoveSegment(aBench.segmentId("liver"))
    aBench.editor.undo()
    settle(aBench)
    aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
    aBench.propagate()
    assert aBench.message.startswith("Propagated in"), "the backend knows its seeds"


def test_what_is_changed_of_another_axis_counts_after_the_whole_run(aBench):
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    aBench.click("spleen", "Green")
    aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
    aBench.click()
    aBench.logic.propagate(PropagationOptions(), allSegments=True)
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    aBench.logic.seeding.remove(0)
    settle(aBench)
    assert aBench.message.startswith("Propagated in")
    assert aBench.mask("spleen").any()
