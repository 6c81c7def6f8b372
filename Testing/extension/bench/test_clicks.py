"""A click in a view reaches the effect at the right place, whatever the orientation and transforms."""

import numpy as np
import pytest

from fakes.make_nodes import rasOf, rotation
from fakes.stamp import IJK_TO_RAS, SHAPE, SOURCE

IJK = (11, 8, 5)


@pytest.fixture
def stampAt(anEditor, anEffect, aVolumeNode, aSegmentation):
    """Click at a voxel of a volume in a view; returns the RAS and IJK that the effect found."""

    def click(viewName, volume, segmentation, turn=None):
        anEditor.edit(segmentation, volume)
        effect = anEditor.activate("Stamp")
        view = anEditor.view(viewName)
        view.scrollTo(rasOf(volume, IJK))
        if turn:
            view.turn(*turn)
        assert view.click(rasOf(volume, IJK))
        return effect.clicks[-1]

    anEffect(SOURCE)
    return click


@pytest.fixture
def volume(aVolumeNode):
    return aVolumeNode(np.zeros(SHAPE, np.int16), IJK_TO_RAS)


VIEWS = [("Red", None), ("Yellow", None), ("Green", None), ("Red", (20, "R")), ("Green", (-35, "S"))]


@pytest.mark.parametrize(("viewName", "turn"), VIEWS)
def test_a_click_finds_its_voxel(stampAt, volume, aSegmentation, anEditor, viewName, turn):
    ras, ijk = stampAt(viewName, volume, aSegmentation(volume), turn)
    assert ijk == list(IJK)
    np.testing.assert_allclose(ras, rasOf(volume, IJK), atol=0.5)
    i, j, k = IJK
    assert anEditor.voxels()[k, j, i]
    assert anEditor.voxels().sum() == 27


def test_orientations(anEditor, volume):
    for name, normal in {"Red": (0, 0, 1), "Yellow": (1, 0, 0), "Green": (0, 1, 0)}.items():
        toRas = anEditor.view(name).mrmlSliceNode().GetSliceToRAS()
        np.testing.assert_allclose(np.abs(toRas.MultiplyPoint((0, 0, 1, 0))[:3]), normal, atol=1e-9)


@pytest.mark.parametrize("viewName", ["Red", "Yellow", "Green"])
def test_both_under_a_transform(stampAt, volume, aSegmentation, aTransform, viewName):
    moved = aTransform(
        rotation(20, "S") + np.array([[0, 0, 0, 7], [0, 0, 0, -3], [0, 0, 0, 2], [0, 0, 0, 0]])
    )
    segmentation = aSegmentation(volume)
    for node in (volume, segmentation):
        node.SetAndObserveTransformNodeID(moved.GetID())
    _, ijk = stampAt(viewName, volume, segmentation)
    assert ijk == list(IJK)


def test_only_the_volume_under_a_transform(stampAt, volume, aSegmentation, aTransform):
    """The segmentation stays where it is: the same place is another voxel of it."""
    segmentation = aSegmentation(volume)
    shift = np.eye(4)
    shift[0, 3] = 4
    volume.SetAndObserveTransformNodeID(aTransform(shift).GetID())
    _, ijk = stampAt("Red", volume, segmentation)
    assert ijk == [IJK[0] - 2, IJK[1], IJK[2]]


def test_outside_the_volume_is_not_clamped(stampAt, volume, aSegmentation, anEditor):
    """And rounds towards zero: half a voxel outside reads as the first one, and so does one."""
    stampAt("Red", volume, aSegmentation(volume))
    effect = anEditor.activeEffect().self()
    for outside, read in ((-6, -5), (-1, 0), (SHAPE[2], SHAPE[2])):
        anEditor.view("Red").click(rasOf(volume, (outside, 8, 5)))
        assert effect.clicks[-1][1] == [read, 8, 5]


def test_modifiers_arrive(stampAt, volume, aSegmentation, anEditor):
    stampAt("Red", volume, aSegmentation(volume))
    view = anEditor.view("Red")
    assert view.click(rasOf(volume, IJK), ctrl=True)
    assert anEditor.voxels().sum() == 0
    assert not view.click(rasOf(volume, IJK), shift=True)


def test_what_the_effect_leaves_goes_on_to_slicer(stampAt, volume, aSegmentation, anEditor):
    stampAt("Red", volume, aSegmentation(volume))
    fell = []
    interactor = anEditor.view("Red").sliceView().interactor()
    for event in ("LeftButtonPressEvent", "RightButtonPressEvent"):
        interactor.AddObserver(event, lambda _, name: fell.append(name), 0.0)
    anEditor.view("Red").click(rasOf(volume, IJK))
    anEditor.view("Red").click(rasOf(volume, IJK), button="Right")
    assert fell == ["RightButtonPressEvent"]


def test_the_wheel_scrolls(stampAt, volume, aSegmentation, anEditor):
    stampAt("Red", volume, aSegmentation(volume))
    view = anEditor.view("Red")
    view.wheel(2)
    assert view.depthOf(rasOf(volume, IJK)) == pytest.approx(-6)
