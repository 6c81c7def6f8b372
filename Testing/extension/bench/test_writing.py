"""Writing voxels, masking and undo go through Slicer's real logic."""

import numpy as np
import pytest
import slicer

from fakes.make_nodes import makeLabelmap, rasOf
from fakes.stamp import SHAPE

Kind = slicer.qSlicerSegmentEditorAbstractEffect
SET, ADD, REMOVE = Kind.ModificationModeSet, Kind.ModificationModeAdd, Kind.ModificationModeRemove


@pytest.fixture
def adaptor(theStamp):
    return theStamp.scriptedEffect


@pytest.fixture
def write(adaptor):
    """Write a mask (k, j, i) of the whole grid into the selected segment."""

    def write(mask, mode, *rest):
        image = makeLabelmap(mask, adaptor.defaultModifierLabelmap())
        adaptor.modifySelectedSegmentByLabelmap(image, mode, *rest)

    return write


def box(*ranges) -> np.ndarray:
    """A mask of a box: (begin, end) for k, j, i."""
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(*each) for each in ranges)] = True
    return mask


HERE, BESIDE = box((2, 9), (3, 9), (4, 12)), box((5, 12), (5, 12), (6, 14))


def test_modes(write, anEditor):
    write(HERE, ADD)
    write(BESIDE, ADD)
    np.testing.assert_array_equal(anEditor.voxels(), HERE | BESIDE)
    write(HERE, REMOVE)
    np.testing.assert_array_equal(anEditor.voxels(), BESIDE & ~HERE)
    write(HERE, SET)
    np.testing.assert_array_equal(anEditor.voxels(), HERE)


def test_an_extent_bounds_what_is_added(write, anEditor):
    write(HERE, ADD, [0, 29, 0, 23, 4, 4])
    np.testing.assert_array_equal(anEditor.voxels(), HERE & box((4, 5), (0, 24), (0, 30)))


def test_set_with_an_extent_clears_the_rest(write, anEditor):
    write(HERE, ADD)
    write(HERE, SET, [0, 29, 0, 23, 4, 4])
    np.testing.assert_array_equal(anEditor.voxels(), HERE & box((4, 5), (0, 24), (0, 30)))


def test_an_extent_has_six_numbers(write, anEditor, aJournal):
    write(HERE, ADD, [0, 29])
    assert anEditor.voxels().sum() == 0
    assert aJournal.take("criticals")


def test_a_small_image_is_added_in_its_place(adaptor, anEditor):
    whole = adaptor.defaultModifierLabelmap()
    slab = slicer.vtkOrientedImageData()
    slab.CopyDirections(whole)
    slab.SetSpacing(whole.GetSpacing())
    slab.SetOrigin(whole.GetOrigin())
    slab.SetExtent(4, 11, 3, 8, 5, 5)
    adaptor.modifySelectedSegmentByLabelmap(makeLabelmap(np.ones((1, 6, 8)), slab), ADD)
    np.testing.assert_array_equal(anEditor.voxels(), box((5, 6), (3, 9), (4, 12)))


def test_another_segment_loses_what_is_overwritten(write, anEditor):
    write(HERE, ADD)
    anEditor.setCurrentSegmentID("B")
    write(BESIDE, ADD)
    np.testing.assert_array_equal(anEditor.voxels("A"), HERE & ~BESIDE)
    np.testing.assert_array_equal(anEditor.voxels("B"), BESIDE)


def test_it_keeps_it_where_overlap_is_allowed(write, anEditor, adaptor):
    adaptor.parameterSetNode().SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
    write(HERE, ADD)
    anEditor.setCurrentSegmentID("B")
    write(BESIDE, ADD)
    np.testing.assert_array_equal(anEditor.voxels("A"), HERE)


@pytest.mark.parametrize("bypass", [False, True])
def test_the_editable_area(write, anEditor, adaptor, bypass):
    write(HERE, ADD)
    anEditor.setCurrentSegmentID("B")
    adaptor.parameterSetNode().SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideAllSegments)
    write(BESIDE, ADD, bypass)
    np.testing.assert_array_equal(anEditor.voxels("B"), BESIDE if bypass else BESIDE & HERE)


@pytest.mark.parametrize("bypass", [False, True])
def test_the_intensity_range_holds_even_when_masking_is_bypassed(write, anEditor, aVolume, adaptor, bypass):
    slicer.util.arrayFromVolume(aVolume)[BESIDE] = 100
    slicer.util.arrayFromVolumeModified(aVolume)
    adaptor.parameterSetNode().SetSourceVolumeIntensityMask(True)
    adaptor.parameterSetNode().SetSourceVolumeIntensityMaskRange(50, 150)
    write(HERE, ADD, bypass)
    np.testing.assert_array_equal(anEditor.voxels(), HERE & BESIDE)


def test_any_segment_by_its_id(adaptor, anEditor):
    image = makeLabelmap(HERE, adaptor.defaultModifierLabelmap())
    adaptor.modifySegmentByLabelmap(anEditor.segmentationNode(), "B", image, ADD)
    np.testing.assert_array_equal(anEditor.voxels("B"), HERE)
    assert anEditor.voxels("A").sum() == 0


def test_undo_and_redo(write, adaptor, anEditor):
    write(HERE, ADD)
    adaptor.saveStateForUndo()
    write(BESIDE, ADD)
    view = anEditor.view("Red")
    view.press("Z")
    np.testing.assert_array_equal(anEditor.voxels(), HERE)
    view.press("y")
    np.testing.assert_array_equal(anEditor.voxels(), HERE | BESIDE)
    view.press("Z", ctrl=True)
    assert not anEditor.canUndo()
    assert anEditor.canRedo()


def test_undo_takes_away_an_added_segment(adaptor, anEditor):
    anEditor.addSegment()
    assert anEditor.segmentationNode().GetSegmentation().GetNumberOfSegments() == 3
    anEditor.undo()
    assert anEditor.segmentationNode().GetSegmentation().GetNumberOfSegments() == 2
    assert anEditor.currentSegmentID() == "A"


def test_only_ten_states_are_kept(write, adaptor, anEditor):
    for k in range(12):
        adaptor.saveStateForUndo()
        write(box((k, k + 1), (0, 9), (0, 9)), ADD)
    for _ in range(20):
        anEditor.undo()
    assert anEditor.voxels().any(axis=(1, 2)).sum() == 3


def test_the_images_an_effect_gets(adaptor, write, aVolume, aVolumeNode):
    noise = np.random.default_rng(0).integers(-9, 99, SHAPE)
    slicer.util.arrayFromVolume(aVolume)[:] = noise
    slicer.util.arrayFromVolumeModified(aVolume)
    write(HERE, ADD)
    shape = SHAPE[::-1]
    assert adaptor.selectedSegmentLabelmap().GetScalarRange() == (0, 1)
    assert adaptor.sourceVolumeImageData().GetDimensions() == shape
    assert adaptor.sourceVolumeImageData().GetScalarRange() == (noise.min(), noise.max())
    assert adaptor.referenceGeometryImage().GetDimensions() == shape
    assert adaptor.maskLabelmap().GetDimensions() == shape
    assert adaptor.modifierLabelmap() is adaptor.defaultModifierLabelmap()
    assert adaptor.defaultModifierLabelmap().GetScalarRange() == (0, 0)


@pytest.mark.parametrize(("answer", "result"), [("show", 2), ("keep hidden", 2), ("cancel", 0)])
def test_a_hidden_segment_is_asked_about_once(adaptor, anEditor, aJournal, answer, result):
    display = anEditor.segmentationNode().GetDisplayNode()
    display.SetSegmentVisibility("A", False)
    aJournal.answers["hidden"] = answer
    assert adaptor.confirmCurrentSegmentVisible() == result
    assert display.GetSegmentVisibility("A") == (answer == "show")
    assert adaptor.confirmCurrentSegmentVisible() == (0 if answer == "cancel" else 1)
    assert {each.kind for each in aJournal.popups} == {"hidden"}


def test_a_write_leaves_no_stray_nodes(write, aScene, aVolume, anEditor):
    before = aScene.GetNumberOfNodes()
    write(HERE, ADD)
    anEditor.view("Red").click(rasOf(aVolume, (5, 5, 5)))
    assert aScene.GetNumberOfNodes() == before
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(aScene)
    # Volume and segmentation; the rows of segments are made by a Qt plugin.
    assert hierarchy.GetNumberOfItems() == 2
