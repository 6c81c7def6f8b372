"""The mouse is the effect's only while no tool of Slicer's toolbar has it."""

import numpy as np
import pytest
import slicer


@pytest.fixture
def aTool(anApplication):
    return anApplication.applicationLogic().GetInteractionNode()


def windowAndLevel(bench) -> tuple[float, float]:
    display = bench.volume.GetDisplayNode()
    return display.GetWindow(), display.GetLevel()


def fiducials() -> int:
    markups = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLMarkupsFiducialNode")
    return 0 if markups is None else markups.GetNumberOfControlPoints()


def test_placing_a_fiducial_places_no_seed(aBench, aTool):
    aTool.SetCurrentInteractionMode(aTool.Place)
    assert aBench.view("Red").click(aBench.centre("liver")) is False
    assert fiducials() == 1
    assert aBench.logic.seeding.seeds() == []
    assert aBench.editor.activeEffect().name == "MedSAM2", "the effect stays active"
    assert aTool.GetCurrentInteractionMode() == aTool.ViewTransform
    aBench.click()
    assert (fiducials(), len(aBench.logic.seeding.seeds())) == (1, 1)


def test_placing_many_fiducials_places_no_seed(aBench, aTool):
    aTool.SwitchToPersistentPlaceMode()
    for _ in range(3):
        aBench.view("Red").click(aBench.centre("liver"))
    assert (fiducials(), aBench.logic.seeding.seeds()) == (3, [])


def test_the_window_level_tool_moves_the_window_and_draws_no_box(aBench, aTool):
    centre, before = aBench.centre("liver"), windowAndLevel(aBench)
    aTool.SetCurrentInteractionMode(aTool.AdjustWindowLevel)
    assert aBench.view("Red").drag(centre, centre + np.array([-30.0, 20, 0])) is False
    assert windowAndLevel(aBench) != before
    assert aBench.logic.seeding.seeds() == []
    assert not aBench.isDrawing


def test_the_effect_drags_boxes_while_it_has_the_mouse(aBench):
    centre, before = aBench.centre("liver"), windowAndLevel(aBench)
    assert aBench.view("Red").drag(centre, centre + np.array([-30.0, 20, 0])) is True
    assert windowAndLevel(aBench) == before
    assert [seed.kind for seed in aBench.logic.seeding.seeds()] == ["box"]
    assert fiducials() == 0


def test_a_drag_ends_where_another_tool_is_chosen(aBench, aTool):
    view, centre = aBench.view("Red"), aBench.centre("liver")
    view.scrollTo(centre)
    start = view.xyOf(centre)
    view._event("LeftButtonPressEvent", start, {})
    view._event("MouseMoveEvent", (start[0] + 40, start[1] + 30), {})
    assert aBench.isDrawing
    aTool.SetCurrentInteractionMode(aTool.AdjustWindowLevel)
    assert not aBench.isDrawing
    aTool.SetCurrentInteractionMode(aTool.ViewTransform)
    view._event("LeftButtonReleaseEvent", (start[0] + 40, start[1] + 30), {})
    assert aBench.logic.seeding.seeds() == []
