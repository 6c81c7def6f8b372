"""Seeds: placing, moving, removing; they belong to their segment and come back with the scene."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
from MedSAM2SlicerLib.logic.Seeds import (
    BOX,
    PAINTED,
    POINT_NEGATIVE,
    POINT_POSITIVE,
    Seed,
    readSeeds,
    writeSeeds,
)


def kinds(bench) -> list[str]:
    return [seed.kind for seed in bench.logic.seeding.seeds()]


def test_left_ctrl_drag_and_painted_slice(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.click(centre)
    red.click(centre + np.array([40, 0, 0]), ctrl=True)
    red.drag(centre - np.array([50, 50, 0]), centre + np.array([50, 50, 0]))
    aBench.paint("liver", aBench.phantom.labels["liver"])
    aBench.press("Use this slice")
    assert kinds(aBench) == [POINT_POSITIVE, POINT_NEGATIVE, PAINTED]  # it takes the place of the box
    np.testing.assert_allclose(aBench.logic.seeding.seeds()[0].ras, centre, atol=1)


def test_a_seed_is_moved_by_dragging_and_removed_by_a_click(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.click(centre)
    red.drag(centre, centre + np.array([20, 10, 0]))
    np.testing.assert_allclose(aBench.logic.seeding.seeds()[0].ras, centre + np.array([20, 10, 0]), atol=1.5)
    red.click(centre + np.array([20, 10, 0]))
    assert kinds(aBench) == []


def test_a_seed_that_is_dragged_off_the_volume_stays_where_it_was(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.click(centre)
    before = aBench.logic.seeding.seeds()
    red.drag(centre, centre + np.array([400, 0, 0]))
    assert aBench.logic.seeding.seeds() == before
    assert "outside the volume" in aBench.message


def test_a_box_that_is_dragged_beyond_the_volume_asks_for_what_is_left_of_it(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.drag(centre + np.array([-20, -20, 0]), centre + np.array([20, 20, 0]))
    aBench.wait(lambda: aBench.logic.preview() is not None)
    seed = aBench.logic.seeding.seeds()[0]
    aBench.logic.results.previews.clear()
    grid = aBench.logic.editor.grid()
    first, last = grid.position(seed.ras, "k"), grid.position(seed.corner, "k")
    nearTheRim = grid.shape[2] - 3 if last.column > first.column else 2
    aBench.logic.seeding.move(0, grid.ras(replace(first, column=nearTheRim)))
    (moved,) = aBench.logic.seeding.seeds()
    assert grid.position(moved.ras, "k") is not None
    assert grid.position(moved.corner, "k") is None
    aBench.wait(lambda: aBench.logic.preview() is not None)


def test_a_box_in_an_oblique_view_that_leaves_its_slice_is_refused(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.turn(25, "R")
    red.scrollTo(centre)
    down = np.array([0, np.cos(np.radians(25)), np.sin(np.radians(25))])
    red.drag(centre, centre + 60 * down + [40, 0, 0])
    assert kinds(aBench) == []
    assert "rotate the view to the volume plane" in aBench.message
    red.drag(centre, centre + 5 * down + [60, 0, 0])
    assert kinds(aBench) == [BOX]


@pytest.mark.parametrize("degrees", [0, 45, 90, 160])
def test_a_box_holds_what_was_drawn_also_in_a_view_that_is_turned_within_its_slice(aBench, degrees):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.turn(degrees, "S")
    angle = np.radians(degrees)
    right = 40 * np.array([np.cos(angle), np.sin(angle), 0])
    down = 30 * np.array([-np.sin(angle), np.cos(angle), 0])
    red.drag(centre, centre + right + down)
    (seed,) = aBench.logic.seeding.seeds()
    grid = aBench.logic.editor.grid()
    drawn = grid.indices(np.array([centre, centre + right, centre + down, centre + right + down]))
    ends = grid.indices(np.array(seed.positions))
    np.testing.assert_allclose(ends.min(axis=0), drawn.min(axis=0), atol=1)
    np.testing.assert_allclose(ends.max(axis=0), drawn.max(axis=0), atol=1)


def test_a_box_without_an_area_is_refused(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.drag(centre, centre + np.array([40, 0, 0]))
    assert kinds(aBench) == []
    assert "The box has no area" in aBench.message


def test_delete_removes_the_seed_under_the_mouse(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.click(centre)
    red.click(centre + np.array([30, 0, 0]))
    red.moveTo(centre)
    assert red.press("Del")
    assert len(aBench.logic.seeding.seeds()) == 1
    np.testing.assert_allclose(aBench.logic.seeding.seeds()[0].ras, centre + np.array([30, 0, 0]), atol=1.5)


def test_a_click_outside_the_volume_says_so(aBench):
    aBench.view("Red").click(aBench.centre("liver") + np.array([400, 0, 0]))
    assert "outside" in aBench.message
    assert kinds(aBench) == []


def test_seeds_belong_to_their_segment(aBench):
    aBench.view("Red").click(aBench.centre("liver"))
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    assert kinds(aBench) == []
    aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
    assert kinds(aBench) == [POINT_POSITIVE]


def test_seeds_come_back_from_a_file_and_leave_no_nodes(aBench, tmp_path):
    nodes = aBench.editor.mrmlScene().GetNumberOfNodes()
    aBench.view("Red").click(aBench.centre("liver"))
    assert aBench.editor.mrmlScene().GetNumberOfNodes() == nodes
    storage = aBench.segmentation.CreateDefaultStorageNode()
    storage.SetFileName(str(tmp_path / "saved.seg.nrrd"))
    assert storage.WriteData(aBench.segmentation)
    loaded = slicer.vtkMRMLSegmentationNode()
    aBench.editor.mrmlScene().AddNode(loaded)
    assert storage.ReadData(loaded)
    segment = loaded.GetSegmentation().GetSegment(loaded.GetSegmentation().GetSegmentIdBySegmentName("liver"))
    assert readSeeds(segment, None) == aBench.logic.seeding.seeds()


def test_every_kind_of_seed_is_stored_whole():
    segment = slicer.vtkSegment()
    seeds = [
        Seed(POINT_POSITIVE, (1.25, -2.0, 1e-9), (0.0, 0.0, 1.0)),
        Seed(BOX, (1.0, 2.0, 3.0), (0.0, 1.0, 0.0), (4.0, 2.0, 6.0)),
    ]
    writeSeeds(segment, seeds, None)
    assert readSeeds(segment, None) == seeds
    writeSeeds(segment, [], None)
    assert readSeeds(segment, None) == []


def test_a_damaged_tag_is_no_seeds():
    segment = slicer.vtkSegment()
    where = '"ras":[0,0,0],"normal":[0,0,1]'
    entries = ['"kind":"box"', f'"kind":"other",{where}', f'"kind":"box",{where}']
    entries += [f'"kind":"positive",{where},"corner":[1,1,1]']
    for text in ("{", "[1]", *(f"[{{{entry}}}]" for entry in entries)):
        segment.SetTag("MedSAM2.Seeds", text)
        assert readSeeds(segment, None) == []


def test_seeds_of_a_loaded_scene_are_propagated_without_a_click(aBench, aBackend, tmp_path):
    aBench.view("Red").click(aBench.centre("liver"))
    storage = aBench.segmentation.CreateDefaultStorageNode()
    storage.SetFileName(str(tmp_path / "saved.seg.nrrd"))
    assert storage.WriteData(aBench.segmentation)
    aBackend.stop()
    aBench.editor.setActiveEffect(None)
    loaded = slicer.vtkMRMLSegmentationNode()
    aBench.editor.mrmlScene().AddNode(loaded)
    assert storage.ReadData(loaded)
    loaded.SetReferenceImageGeometryParameterFromVolumeNode(aBench.volume)
    aBench.segmentation = loaded
    aBench.open()
    assert kinds(aBench) == [POINT_POSITIVE]
    aBench.propagate()
    assert aBench.mask().any(axis=(1, 2)).all()
