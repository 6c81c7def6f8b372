"""A slice that was painted or imported becomes the prompt, and its mark lies on it."""

import numpy as np
import pytest
from MedSAM2SlicerLib.logic.PaintedSlices import innermost
from MedSAM2SlicerLib.logic.Seeds import PAINTED

BUTTON = "Use this slice"


def seedsVoxel(bench) -> tuple[int, int, int]:
    (seed,) = bench.logic.seeding.seeds()
    assert seed.kind == PAINTED
    return tuple(np.round(bench.phantom.volume.geometry.ras_to_kji(np.array(seed.ras))).astype(int).tolist())


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_the_mark_lies_on_what_was_painted(aBench, view):
    liver = aBench.phantom.labels["liver"]
    aBench.paint("liver", liver)
    aBench.lookAt(aBench.centre("liver"), view)
    aBench.press(BUTTON)
    assert liver[seedsVoxel(aBench)]
    aBench.wait(lambda: aBench.logic.preview() is not None)


@pytest.mark.parametrize("view", ["Red", "Green"])
def test_the_mark_lies_on_it_where_the_view_shows_another_part(aBench, view):
    """Zoomed in elsewhere, so that the middle of the view lies even beside the volume."""
    liver = aBench.phantom.labels["liver"]
    aBench.paint("liver", liver)
    aBench.lookAt(aBench.centre("liver"), view)
    node = aBench.view(view).mrmlSliceNode()
    node.SetXYZOrigin(node.GetXYZOrigin()[0] + 700, 0, 0)
    aBench.press(BUTTON)
    assert liver[seedsVoxel(aBench)]


def test_the_mark_looks_other_than_a_click_and_a_click_on_it_removes_it(aBench):
    aBench.paint("liver", aBench.phantom.labels["liver"])
    aBench.view("Red").moveTo(aBench.centre("liver"))
    drawn = aBench.effect.active.views.pipeline(aBench.view("Red"))._layers["seeds"]._data
    aBench.press(BUTTON)
    painted = drawn.GetNumberOfLines()
    (seed,) = aBench.logic.seeding.seeds()
    aBench.view("Red").click(seed.ras)
    assert aBench.logic.seeding.seeds() == []
    aBench.view("Red").click(seed.ras)
    assert drawn.GetNumberOfLines() not in (0, painted)


def test_a_slice_on_which_nothing_was_painted_is_no_prompt(aBench):
    aBench.view("Red").moveTo(aBench.centre("liver"))
    aBench.press(BUTTON)
    assert "nothing on this slice" in aBench.message
    assert aBench.logic.seeding.seeds() == []


def test_the_middle_of_a_ring_is_not_on_it():
    row, column = np.indices((21, 31))
    ring = np.hypot(row - 10, column - 15)
    mask = (ring > 6) & (ring < 9)
    assert mask[innermost(mask)]
    full = ring < 9
    assert innermost(full) == (10, 15)
