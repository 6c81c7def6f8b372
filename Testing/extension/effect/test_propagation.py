"""From a click to voxels: preview, propagation, correction, undo, cancel."""

import numpy as np
import pytest
import slicer

from fakes.make_nodes import rotation
from medsam2.cli.phantom import central_click, dice
from medsam2.evaluation.user_prompts import corrective_click
from medsam2.prompt import Prompt
from medsam2.tracking import Tracker
from medsam2.volume import VolumeMasks, VolumeSlices
from medsam2.weights.loading import load_model


def directly(bench, axis: str, reach: int | None = None) -> np.ndarray:
    """The mask that tracking gives for the same seed, without Slicer and without a process.

    At most so many slices from it.
    """
    slices = VolumeSlices(bench.phantom.volume, axis)
    ras = (np.linalg.inv(bench.toWorld) @ [*bench.logic.seeding.seeds()[0].ras, 1.0])[:3]
    index, row, column = slices.position(bench.phantom.volume.geometry.ras_to_kji(ras))
    tracker, masks = Tracker(load_model("starter", device="cpu"), slices), VolumeMasks(slices)
    tracker.prompt("object", Prompt(index, points=((row, column, True),)))
    ends = {} if reach is None else {"first": index - reach, "last": index + reach}
    for mask in tracker.propagate(**ends):
        masks.put(mask)
    return masks["object"]


def test_click_preview_propagate_correct_undo_redo(aBench):
    aBench.click()
    assert aBench.logic.preview().mask.voxels.sum() > 500
    assert not aBench.mask().any(), "a preview is not written"
    aBench.press("Propagate")
    assert aBench.effect.options.propagateButton.text == "Cancel"
    aBench.wait(lambda: not aBench.logic.running)
    first = aBench.mask()
    liver = aBench.phantom.labels["liver"]
    assert dice(first, liver) > 0.8
    assert dice(first, directly(aBench, "k")) > 0.999

    correction = corrective_click(first, liver)
    row, column, positive = correction.points[0]
    wrong = (correction.slice_index, int(row), int(column))
    aBench.clickAt(aBench.place(wrong), ctrl=not positive)
    aBench.propagate()
    assert aBench.mask()[wrong] == positive

    for _step in ("the propagation", "the click"):
        aBench.editor.undo()
        assert (aBench.mask() == first).all()
    aBench.editor.undo()
    assert not aBench.mask().any()
    aBench.editor.redo()
    assert (aBench.mask() == first).all()


@pytest.mark.parametrize(("view", "axis"), [("Yellow", "i"), ("Green", "j")])
def test_sagittal_and_coronal_views_track_along_their_own_axis(aBench, view, axis):
    aBench.click("spleen", view)
    preview, reach = aBench.logic.preview(), 6
    assert preview.axis == axis
    ends = {"FirstSlice": preview.slice_index - reach, "LastSlice": preview.slice_index + reach}
    for name, value in ({"Direction": "range"} | ends).items():
        aBench.editor.activeEffect().setParameter(name, value)
    aBench.propagate()
    assert dice(aBench.mask(), directly(aBench, axis, reach)) > 0.999


def test_a_volume_rotated_under_a_parent_transform(aBench, aTransform):
    matrix = rotation(20, "S", aBench.centre("liver"))
    transform = aTransform(matrix)
    for node in (aBench.volume, aBench.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    aBench.toWorld = np.asarray(matrix)
    aBench.click()
    aBench.propagate()
    for node in (aBench.volume, aBench.segmentation):
        node.SetAndObserveTransformNodeID(None)
    assert dice(aBench.mask(), directly(aBench, "k")) > 0.999


def test_cancel_keeps_what_came_and_undo_takes_it_back(aBench):
    aBench.click()
    aBench.press("Propagate")
    aBench.wait(lambda: aBench.logic._propagation.count >= 3)
    aBench.press("Cancel")
    aBench.wait(lambda: not aBench.logic.running)
    slices = aBench.mask().any(axis=(1, 2)).sum()
    assert 0 < slices < 30
    assert "undo" in aBench.message.lower()
    aBench.editor.undo()
    assert not aBench.mask().any()


def test_undo_during_a_propagation_stops_it_for_good(aBench):
    aBench.click()
    aBench.startPropagation()
    aBench.editor.undo()
    aBench.wait(lambda: not aBench.logic.running)
    assert not aBench.mask().any()


def test_leaving_the_effect_cancels_and_leaves_nothing(aBench, someShortcuts):
    aBench.click()
    aBench.press("Propagate")
    aBench.editor.setActiveEffect(None)
    before = aBench.mask()
    for _ in range(50):
        aBench.clock.advance(20)
    assert (aBench.mask() == before).all()
    assert not set(someShortcuts()) & {"P", "N", "A", "G", "S", "Del"}


def test_all_segments_with_seeds_in_one_run(aBench):
    aBench.click()
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    aBench.click("spleen")
    aBench.editor.activeEffect().setParameter("AllSegments", 1)
    aBench.propagate()
    for name in ("liver", "spleen"):
        assert dice(aBench.mask(name), aBench.phantom.labels[name]) > 0.5


def test_a_removed_segment_ends_its_propagation(aBench):
    aBench.click()
    aBench.press("Propagate")
    aBench.segmentation.GetSegmentation().RemoveSegment(aBench.segmentId("liver"))
    aBench.wait(lambda: not aBench.logic.running)
    assert aBench.segmentation.GetSegmentation().GetNumberOfSegments() == 1


def test_masking_and_other_segments_are_respected(aBench):
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    aBench.click("spleen")
    aBench.propagate()
    spleen = aBench.mask("spleen")
    parameters = aBench.editor.mrmlSegmentEditorNode()
    parameters.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
    aBench.click("spleen")
    aBench.propagate()
    assert (aBench.mask("spleen") == spleen).all()
    assert not (aBench.mask("liver") & spleen).any()


def test_three_planes_are_fused_and_the_strip_tells_how_well_they_agree(aBench):
    clicked = central_click(aBench.phantom.labels["aorta"])[0]
    chosen = {"Orientations": "3", "Direction": "range"}
    for name, value in (chosen | {"FirstSlice": clicked - 1, "LastSlice": clicked + 3}).items():
        aBench.editor.activeEffect().setParameter(name, value)
    aBench.click("aorta")
    aBench.propagate()
    marks = aBench.logic.confidenceAlong("k").slices
    assert set(marks) == set(range(clicked - 1, clicked + 4))
    assert marks.pop(clicked).agreement is None
    index = next(index for index, mark in marks.items() if mark.present)
    percent = round(100 * marks[index].agreement)
    assert f"The planes agree to {percent} %." in aBench.effect.options.strip.words(index)


def test_planes_that_are_too_coarse_are_left_out_and_named(aBenchOn, aVolumeNode, aPhantom):
    toRas = aPhantom.volume.geometry.ijk_to_ras @ np.diag([1, 1, 4, 1])
    bench = aBenchOn(aVolumeNode(aPhantom.volume.voxels, toRas), aPhantom)
    bench.editor.activeEffect().setParameter("Orientations", "6")
    bench.toWorld = toRas @ np.linalg.inv(aPhantom.volume.geometry.ijk_to_ras)
    bench.click("aorta")
    bench.propagate()
    assert "Left out, as their voxels are too coarse: coronal slices, sagittal slices." in bench.message
    assert bench.mask().any()
