"""Undo and redo of seeds, by the editor's own keys: what is drawn, said and asked follows."""

import numpy as np
import pytest
from MedSAM2SlicerLib.logic.Seeds import BOX, POINT_NEGATIVE, POINT_POSITIVE

BESIDE = np.array([30.0, 0, 0])
NEXT = "Press Propagate; or correct the outline first, with more clicks or a box."


def kinds(bench) -> list[str]:
    return [seed.kind for seed in bench.logic.seeding.seeds()]


def press(bench, key: str) -> None:
    """Press a key and let what it causes come to an end."""
    assert bench.view("Red").press(key)
    settle(bench)


def settle(bench) -> None:
    bench.wait(lambda: not bench.logic.running)
    for _ in range(3):
        bench.clock.advance(20)
    bench.wait(lambda: not bench.logic._requests.awaited)


def outline(bench) -> np.ndarray:
    """The voxels of the preview, on its slice."""
    return bench.logic.preview().mask.voxels


def test_each_kind_of_seed_is_taken_back_and_comes_back(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.drag(centre - np.array([50, 50, 0]), centre + np.array([50, 50, 0]))
    red.click(centre + BESIDE)
    red.click(centre + 2 * BESIDE, ctrl=True)
    settle(aBench)
    assert kinds(aBench) == [BOX, POINT_POSITIVE, POINT_NEGATIVE]
    for left in ([BOX, POINT_POSITIVE], [BOX], []):
        press(aBench, "Ctrl+Z")
        assert kinds(aBench) == left
    assert aBench.message == "Taken back in liver: a box. Click the object in a slice view."
    for count in (1, 2, 3):
        press(aBench, "Ctrl+Y")
        assert len(kinds(aBench)) == count
    assert aBench.message == f"Back again in liver: a click. {NEXT}"
    aBench.click()
    assert aBench.message == NEXT, "the user has gone on"


def test_the_outline_is_again_that_of_the_seeds_that_are_left(aBench):
    aBench.click()
    one = outline(aBench)
    aBench.click("spleen", ctrl=True)
    aBench.clickAt(aBench.centre("liver") + BESIDE, ctrl=True)
    assert outline(aBench).shape != one.shape or (outline(aBench) != one).any()
    press(aBench, "Z")
    press(aBench, "Z")
    np.testing.assert_array_equal(outline(aBench), one)
    press(aBench, "Z")
    assert aBench.logic.preview() is None


def test_moving_and_deleting_a_seed_are_taken_back(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.click(centre)
    (placed,) = aBench.logic.seeding.seeds()
    red.drag(centre, centre + BESIDE)
    press(aBench, "Z")
    assert aBench.logic.seeding.seeds() == [placed]
    assert aBench.message.startswith("The seeds of liver are as they were.")
    red.press("Del")
    assert kinds(aBench) == []
    press(aBench, "Z")
    assert aBench.logic.seeding.seeds() == [placed]
    assert aBench.logic.preview() is not None


@pytest.mark.parametrize(("key", "named"), [("D", "a stroke"), ("L", "a lasso")])
def test_a_line_that_is_taken_back_is_named(aBench, key, named):
    centre = aBench.centre("liver")
    aBench.view("Red").press(key)
    aBench.view("Red").draw(centre + np.array([[0, 0, 0], [30, 0, 0], [30, 20, 0]]))
    press(aBench, "Z")
    assert aBench.message.startswith(f"Taken back in liver: {named}.")


def test_another_segments_seed_is_named(aBench):
    aBench.click()
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    aBench.click("spleen")
    press(aBench, "Z")
    assert aBench.message.startswith("Taken back in spleen: a click.")
    press(aBench, "Z")
    assert aBench.message == "Taken back in liver: a click. Click the object in a slice view."
    press(aBench, "Y")
    aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
    assert kinds(aBench) == [POINT_POSITIVE]


def test_a_propagation_and_the_seeds_before_it_are_taken_back_one_by_one(aBench):
    aBench.click()
    before = outline(aBench)
    aBench.propagate()
    propagated = aBench.mask()
    slices = dict(aBench.logic.confidenceAlong("k").slices)
    press(aBench, "Z")
    assert not aBench.mask().any()
    assert kinds(aBench) == [POINT_POSITIVE]
    np.testing.assert_array_equal(outline(aBench), before)
    assert aBench.message == f"The last change of liver was taken back. {NEXT}"
    assert list(aBench.logic.confidenceAlong("k").slices) == [aBench.logic.preview().slice_index]
    press(aBench, "Z")
    assert kinds(aBench) == []
    press(aBench, "Y")
    press(aBench, "Y")
    assert (aBench.mask() == propagated).all()
    assert aBench.message.startswith("The last change of liver is back.")
    assert aBench.logic.confidenceAlong("k").slices == slices, "the strip shows it again"


def test_after_undo_of_a_propagation_its_slices_are_asked_as_if_it_had_not_been(aBench):
    """A click on a slice that was tracked corrects the mask there; on one that was not, it begins one."""
    aBench.click()
    there = aBench.centre("liver") + np.array([0, 0, 9.0])
    aBench.clickAt(there)
    fresh = outline(aBench)
    press(aBench, "Z")
    aBench.propagate()
    press(aBench, "Z")
    aBench.clickAt(there)
    np.testing.assert_array_equal(outline(aBench), fresh)


def test_a_propagation_after_undo_is_that_of_the_seeds_that_are_left(aBench):
    aBench.click()
    aBench.propagate()
    first = aBench.mask()
    aBench.clickAt(aBench.centre("liver") + BESIDE + np.array([0, 0, 9.0]), ctrl=True)
    aBench.propagate()
    assert (aBench.mask() != first).any()
    for _ in range(3):
        press(aBench, "Z")
    aBench.propagate()
    assert (aBench.mask() == first).all()


def test_a_seed_placed_in_a_run_goes_with_the_run(aBench):
    aBench.click()
    aBench.startPropagation()
    assert aBench.view("Red").click(aBench.centre("liver") + BESIDE)
    settle(aBench)
    assert len(kinds(aBench)) == 2
    press(aBench, "Z")
    assert len(kinds(aBench)) == 1
    assert not aBench.mask().any()
    press(aBench, "Y")
    assert len(kinds(aBench)) == 2
    assert aBench.mask().any()


@pytest.mark.parametrize("key", ["Z", "Y"])
def test_with_nothing_to_take_back_nothing_happens(aBench, key, aJournal):
    aBench.click()
    press(aBench, "Z")
    press(aBench, key)
    press(aBench, key)
    assert len(kinds(aBench)) == (1 if key == "Y" else 0)
    aJournal.take("vtkErrors")  # Slicer says there that there is nothing


def test_reset_starts_the_segment_anew_and_is_one_step(aBench):
    aBench.paint("spleen", aBench.phantom.labels["spleen"])
    aBench.click()
    aBench.propagate()
    spleen, liver = aBench.mask("spleen"), aBench.mask()
    aBench.press("Reset")
    settle(aBench)
    assert kinds(aBench) == []
    assert not aBench.mask().any()
    assert (aBench.mask("spleen") == spleen).all(), "another segment stays"
    assert not aBench.logic.confidenceAlong("k").slices
    assert aBench.message == "Click the object in a slice view."
    press(aBench, "Z")
    assert kinds(aBench) == [POINT_POSITIVE]
    assert (aBench.mask() == liver).all()
    assert len(aBench.logic.confidenceAlong("k").slices) == len(liver)
    press(aBench, "Y")
    assert kinds(aBench) == []
    aBench.propagate()
    assert "Click the object" in aBench.message


def test_reset_in_a_run_stops_it_and_leaves_nothing(aBench):
    aBench.click()
    aBench.startPropagation()
    aBench.press("Reset")
    settle(aBench)
    assert not aBench.mask().any()
    assert kinds(aBench) == []


def test_a_removed_segment_that_comes_back_at_once_has_its_outline_again(aBench):
    aBench.click()
    before = outline(aBench)
    aBench.editor.removeSegment()
    aBench.editor.undo()
    settle(aBench)
    aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
    np.testing.assert_array_equal(outline(aBench), before)
