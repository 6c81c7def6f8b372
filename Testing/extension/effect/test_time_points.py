"""Where the volume shows items of a sequence, seeds, outlines and confidence belong to one of them."""

import numpy as np
import pytest
import slicer

from extension.effect.over_time import (
    STEP,
    VALUES,
    makeBall,
    makeBrowser,
    makeSequence,
    moved,
    movingVolumes,
)
from fakes.make_nodes import makeSegmentation
from medsam2.cli.phantom import dice


@pytest.fixture
def aBrowser(aScene, aPhantom):
    """Shows the first of four items, in which the phantom moves."""
    return makeBrowser(makeSequence(movingVolumes(aPhantom)))


@pytest.fixture
def aMovingBench(aBenchOn, aBrowser, aPhantom):
    """The effect on what the browser shows; the segmentation is an ordinary one."""
    return aBenchOn(aBrowser.GetProxyNode(aBrowser.GetMasterSequenceNode()), aPhantom)


@pytest.fixture
def aMovingBall(aBenchOn, aScene):
    """The effect on a ball that moves, and the browser: quickly tracked."""
    ball = makeBall()
    browser = makeBrowser(makeSequence(movingVolumes(ball)))
    volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
    return aBenchOn(volume, ball, ("ball", "other")), browser


def centreAt(bench, item: int, organ: str = "liver") -> np.ndarray:
    """The middle of an organ at an item, in world RAS."""
    column = bench.phantom.volume.geometry.ijk_to_ras[:3, 0]
    return bench.centre(organ) + STEP * item * column


def test_a_click_after_the_item_was_changed_goes_to_the_new_content(aMovingBall):
    bench, browser = aMovingBall
    bench.click("ball")
    first = bench.logic.preview().mask
    browser.SetSelectedItemNumber(3)
    assert bench.logic.preview() is None, "an outline of another time point is not shown"
    assert bench.message == "Click the object in a slice view."
    bench.clickAt(centreAt(bench, 3, "ball"))
    later = bench.logic.preview()
    assert later.mask.tightened().column == pytest.approx(first.tightened().column + 3 * STEP, abs=2)
    bench.propagate()
    assert dice(bench.mask("ball"), moved(bench.phantom.labels["ball"], 3)) > 0.8


def test_an_outline_that_comes_after_the_item_was_changed_is_not_shown(aMovingBench, aBrowser, aBackend):
    aMovingBench.view("Red").click(aMovingBench.centre("liver"))
    aBrowser.SetSelectedItemNumber(1)
    aMovingBench.wait(lambda: not aBackend.busy)
    assert aMovingBench.logic.preview() is None
    aMovingBench.clickAt(centreAt(aMovingBench, 1, "spleen"))
    mask = aMovingBench.logic.preview()
    truth = moved(aMovingBench.phantom.labels["spleen"], 1)[mask.slice_index]
    assert dice(mask.mask.full(truth.shape), truth) > 0.7, "the earlier click says nothing here"


def test_seeds_and_confidence_belong_to_their_time_point(aMovingBall):
    bench, browser = aMovingBall
    bench.click("ball")
    bench.propagate()
    seeds, slices = bench.logic.seeding.seeds(), bench.logic.confidenceAlong("k").slices
    assert [seed.time for seed in seeds] == [VALUES[0]]
    assert slices
    browser.SetSelectedItemNumber(1)
    assert not bench.logic.seeding.seeds()
    assert not bench.logic.confidenceAlong("k").slices
    bench.press("Propagate")
    assert bench.message == "Click the object on one slice first."
    bench.clickAt(centreAt(bench, 1, "ball"))
    bench.press("Reset")
    browser.SetSelectedItemNumber(0)
    assert bench.logic.seeding.seeds() == seeds, "those of other time points stay"
    assert bench.logic.confidenceAlong("k").slices == slices


def test_a_propagation_ends_when_the_item_changes(aMovingBench, aBrowser):
    aMovingBench.click()
    aMovingBench.startPropagation()
    aBrowser.SetSelectedItemNumber(2)
    written = aMovingBench.mask()
    aMovingBench.wait(lambda: not aMovingBench.logic.running)
    for _ in range(20):
        aMovingBench.clock.advance(20)
    assert (aMovingBench.mask() == written).all()
    assert "another time point was chosen" in aMovingBench.message
    aBrowser.SetSelectedItemNumber(0)
    assert "another time point" not in aMovingBench.message
    aMovingBench.propagate()
    assert "Propagated in" in aMovingBench.message


def test_a_seed_deleted_in_a_propagation_is_forgotten_though_the_item_changes(aMovingBench, aBrowser):
    aMovingBench.clickAt(centreAt(aMovingBench, 0))
    aMovingBench.clickAt(centreAt(aMovingBench, 0) + np.array([9, 0, 0]))
    aMovingBench.startPropagation()
    logic = aMovingBench.logic
    logic.seeding.remove(0)
    aBrowser.SetSelectedItemNumber(1)
    aMovingBench.wait(lambda: not logic.running)
    assert not logic._requests.awaited, "nothing is asked of what is not shown"
    aBrowser.SetSelectedItemNumber(0)
    assert not logic._requests.isOpen(logic.editor.key), "all seeds are told anew with the next click"


@pytest.mark.parametrize("saved", [True, False])
def test_a_segmentation_that_changes_with_the_item_keeps_its_own_seeds(aBenchOn, aBrowser, aPhantom, saved):
    volume = aBrowser.GetProxyNode(aBrowser.GetMasterSequenceNode())
    segmentations = [makeSegmentation(volume, ("liver", "spleen"), "organs") for _ in VALUES]
    shown = makeSegmentation(volume, ("liver", "spleen"), "organs")
    sequence = makeSequence(segmentations, name="organs")
    state = aBrowser.StartModify()
    aBrowser.AddProxyNode(shown, sequence, False)
    aBrowser.SetSaveChanges(sequence, saved)
    aBrowser.EndModify(state)
    bench = aBenchOn(volume, aPhantom)
    slicer.mrmlScene.RemoveNode(bench.segmentation)
    bench.segmentation = shown
    bench.open()
    assert saved == ("tick Save changes" not in bench.message)
    bench.click()
    bench.startPropagation()
    aBrowser.SetSelectedItemNumber(1)
    bench.wait(lambda: not bench.logic.running)
    assert not bench.mask().any(), "nothing is written into another item"
    assert not bench.logic.seeding.seeds()
    if saved:
        assert not bench.editor.canUndo(), "what is undone must not come from another item"
    bench.clickAt(centreAt(bench, 1))
    bench.propagate()
    assert dice(bench.mask(), moved(aPhantom.labels["liver"], 1)) > 0.8
    aBrowser.SetSelectedItemNumber(0)
    assert len(bench.logic.seeding.seeds()) == saved
    assert bench.mask().any() == saved
