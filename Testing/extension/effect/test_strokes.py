"""Strokes and lassos: where they were drawn they lie, in any view, and they stay with their segment."""

import itertools
import json

import numpy as np
import pytest
import slicer
from MedSAM2SlicerLib.logic.Seeds import (
    LASSO_NEGATIVE,
    LASSO_POSITIVE,
    STROKE_NEGATIVE,
    STROKE_POSITIVE,
    Seed,
    bySlice,
    promptOf,
    readSeeds,
    writeSeeds,
)

from fakes.make_nodes import rotation
from medsam2.cli.phantom import dice
from medsam2.prompt import MOST_POSITIONS
from medsam2.slice_grid import SliceGrid

PLANES = {"Red": ("k", 0, 1), "Green": ("j", 0, 2), "Yellow": ("i", 1, 2)}
"""The axis of each view, and which of R, A and S lie in it."""
BENT = np.array([[0, 0], [14, 0], [14, 9]])
ROUND = np.array([[20 * np.cos(angle), 14 * np.sin(angle)] for angle in np.linspace(0, 6.1, 50)])
LINES = {"D": BENT, "L": ROUND}
"""Millimetres in the plane of a view, for the key of a tool."""
KINDS = {
    ("D", False): STROKE_POSITIVE,
    ("D", True): STROKE_NEGATIVE,
    ("L", False): LASSO_POSITIVE,
    ("L", True): LASSO_NEGATIVE,
}
PIXEL = 0.8
"""Millimetres by which what is drawn on whole pixels of these views may be off."""


def inView(view: str, place: np.ndarray, line: np.ndarray) -> np.ndarray:
    """A line in millimetres, drawn from a place in RAS in the plane of a view."""
    _axis, first, second = PLANES[view]
    ras = np.tile(np.asarray(place, float), (len(line), 1))
    ras[:, first] += line[:, 0]
    ras[:, second] += line[:, 1]
    return ras


def draw(bench, key: str, view: str = "Red", line: np.ndarray | None = None, **modifiers) -> np.ndarray:
    """Choose a tool by its key and draw a line with it from the liver's middle; gives the line in RAS."""
    bench.view(view).press(key)
    ras = inView(view, bench.centre("liver"), LINES[key] if line is None else line)
    assert bench.view(view).draw(ras, **modifiers)
    return ras


def lastPrompt(bench):
    """Of the last seed: its slice, and what its segment asks there."""
    grid, seeds = bench.logic.editor.grid(), bench.logic.seeding.seeds()
    (where,) = bySlice(seeds[-1:], grid)
    return where, promptOf(bySlice(seeds, grid)[where], where, grid, bench.logic.editor.selectedId)


def apart(positions: np.ndarray, line: np.ndarray) -> float:
    """The farthest that any of the positions is from a line, looked at in small steps."""
    fine = np.concatenate([np.linspace(a, b, 200) for a, b in itertools.pairwise(line)])
    return max(np.linalg.norm(fine - each, axis=1).min() for each in positions)


@pytest.mark.parametrize("ctrl", [False, True])
@pytest.mark.parametrize("key", LINES)
@pytest.mark.parametrize("view", PLANES)
def test_a_line_lies_where_it_was_drawn(aBench, view, key, ctrl):
    drawn = draw(aBench, key, view, ctrl=ctrl)
    (seed,) = aBench.logic.seeding.seeds()
    assert seed.kind == KINDS[key, ctrl]
    kept = np.array(seed.positions)
    assert apart(kept, drawn) < PIXEL
    assert apart(drawn, kept) < 2 * PIXEL  # half a voxel is given up where the line is thinned
    (axis, index), prompt = lastPrompt(aBench)
    assert axis == PLANES[view][0]
    (line,) = prompt.lassos if key == "L" else prompt.strokes
    assert (len(prompt.lines), prompt.points, prompt.box) == (1, (), None)
    assert line.positive is not ctrl
    indices = np.array([aBench.phantom.volume.geometry.ras_to_kji(ras) for ras in kept])
    dimension = "kji".index(axis)
    np.testing.assert_allclose(indices[:, dimension], index, atol=0.51)
    np.testing.assert_allclose(line.positions, np.delete(indices, dimension, axis=1), atol=1e-3)


def test_a_line_on_a_volume_that_is_turned_under_a_transform(aBench, aTransform):
    matrix = np.asarray(rotation(20, "S", aBench.centre("liver")))
    transform = aTransform(matrix)
    for node in (aBench.volume, aBench.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    aBench.toWorld = matrix
    drawn = draw(aBench, "L")
    (axis, index), prompt = lastPrompt(aBench)
    assert axis == "k"
    geometry, toVolume = aBench.phantom.volume.geometry, np.linalg.inv(matrix)
    expected = np.array([geometry.ras_to_kji((toVolume @ [*ras, 1.0])[:3]) for ras in drawn])
    positions = np.array(prompt.lassos[0].positions)
    assert round(float(expected[0, 0])) == index
    assert apart(positions * geometry.spacing[1:], expected[:, 1:] * geometry.spacing[1:]) < PIXEL
    assert apart(np.array(aBench.logic.seeding.seeds()[0].positions), drawn) < PIXEL


def test_a_line_in_an_oblique_view_lies_on_the_slice_where_it_was_begun(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.turn(15, "R")  # what goes to the front goes up, too
    red.scrollTo(centre)
    red.press("D")
    upwards = centre + np.outer([0, 4, 8], [0, np.cos(np.radians(15)), np.sin(np.radians(15))])
    assert np.abs([red.depthOf(ras) for ras in upwards]).max() < 0.01
    assert red.draw(upwards)
    (axis, index), prompt = lastPrompt(aBench)
    begun = aBench.phantom.volume.geometry.ras_to_kji(centre)
    assert (axis, index) == ("k", round(float(begun[0])))
    rows = [row for row, _column in prompt.strokes[0].positions]
    front = abs(aBench.phantom.volume.geometry.ras_to_kji(upwards[-1])[1] - begun[1])
    assert abs(rows[-1] - rows[0]) == pytest.approx(front, abs=1)


def test_a_line_in_an_oblique_view_that_leaves_its_slice_is_refused(aBench):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.turn(25, "R")
    red.scrollTo(centre)
    red.press("D")
    red.draw(centre + np.outer([0, 60], [0, np.cos(np.radians(25)), np.sin(np.radians(25))]))
    assert aBench.logic.seeding.seeds() == []
    assert "rotate the view to the volume plane" in aBench.message
    red.draw(centre + np.outer([0, 60], [1.0, 0, 0]))  # along the axis about which the view was turned
    assert [seed.kind for seed in aBench.logic.seeding.seeds()] == [STROKE_POSITIVE]


@pytest.mark.parametrize("away", [[[0, 0], [400, 10], [0, 30]], [[400, 0], [0, 0], [0, 9]]])
def test_a_stroke_that_leaves_the_volume_is_refused(aBench, away):
    draw(aBench, "D", line=np.array(away))
    assert aBench.logic.seeding.seeds() == []
    assert "leaves the volume" in aBench.message


@pytest.mark.parametrize("view", PLANES)
def test_a_lasso_that_leaves_the_volume_follows_its_rim(aBench, view):
    """Also where it was begun outside."""
    square = np.array([[-400, -10], [0, -10], [0, 10], [-400, 10]])
    draw(aBench, "L", view, line=square)
    _where, prompt = lastPrompt(aBench)
    grid = aBench.logic.editor.grid()
    shape = np.delete(grid.shape, "kji".index(PLANES[view][0]))
    positions = np.array(prompt.lassos[0].positions)
    inward = np.minimum(positions + 0.5, shape - 0.5 - positions).min(axis=1)
    assert (inward > 0).all()
    assert (inward < 0.02).sum() >= 2
    assert (inward > 4).sum() >= 2


def test_a_lasso_beside_the_volume_is_refused(aBench):
    draw(aBench, "L", line=ROUND + np.array([400, 0]))
    assert aBench.logic.seeding.seeds() == []
    assert "leaves the volume" in aBench.message


def test_a_lasso_round_nothing_is_refused(aBench):
    draw(aBench, "L", line=np.array([[0, 0], [30, 0]]))
    assert aBench.logic.seeding.seeds() == []
    assert "encloses nothing" in aBench.message


def test_a_slice_that_is_full_of_lines_takes_no_more_and_others_do(aBench):
    geometry, centre = aBench.phantom.volume.geometry, aBench.centre("liver")
    segment = aBench.logic.editor.selected
    path = tuple(map(tuple, (centre + np.outer(np.arange(MOST_POSITIONS - 1) % 9, [1.0, 0, 0])).tolist()))
    writeSeeds(segment, [Seed(STROKE_POSITIVE, path[0], (0.0, 0.0, 1.0), path=path[1:])], None)
    draw(aBench, "D")
    assert len(aBench.logic.seeding.seeds()) == 1
    assert "no room" in aBench.message
    above = centre + geometry.ijk_to_ras[:3, 2]
    aBench.view("Red").draw(inView("Red", above, BENT))
    assert len(aBench.logic.seeding.seeds()) == 2


def test_what_is_drawn_is_accepted_by_whoever_checks_prompts(aBench):
    """Strokes and lassos of both kinds together, beside a click and a box."""
    for key in LINES:
        for ctrl in (False, True):
            draw(aBench, key, ctrl=ctrl)
    aBench.view("Red").press("X")
    aBench.view("Red").drag(*inView("Red", aBench.centre("liver"), np.array([[-40, -40], [40, 40]])))
    aBench.view("Red").click(aBench.centre("liver") + np.array([-30, 0, 0]))
    (_axis, _index), prompt = lastPrompt(aBench)
    grid = aBench.logic.editor.grid()
    prompt.check(grid.shape[0], SliceGrid(grid.shape[1:], grid.spacing[1:]))
    assert [line.positive for line in prompt.strokes] == [True, False]
    assert [line.positive for line in prompt.lassos] == [True, False]
    assert (len(prompt.points), prompt.box is None) == (1, False)


# What stays with the segment


def drawAll(bench) -> list[Seed]:
    for key in LINES:
        for ctrl in (False, True):
            draw(bench, key, ctrl=ctrl)
    return bench.logic.seeding.seeds()


def test_lines_come_back_with_the_scene_and_so_does_the_tool(aBench, tmp_path):
    seeds = drawAll(aBench)
    assert [seed.kind for seed in seeds] == list(KINDS.values())
    for node in (aBench.volume, aBench.segmentation):
        storage = node.CreateDefaultStorageNode()
        aBench.editor.mrmlScene().AddNode(storage)
        node.SetAndObserveStorageNodeID(storage.GetID())
        extension = "seg.nrrd" if node is aBench.segmentation else "nrrd"
        storage.SetFileName(str(tmp_path / f"{node.GetName()}.{extension}"))
        assert storage.WriteData(node)
    scene = slicer.vtkMRMLScene()
    scene.RegisterNodeClass(slicer.vtkMRMLSegmentEditorNode())
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    assert slicer.mrmlScene.Commit(str(tmp_path / "scene.mrml"))
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Import()
    loaded = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode").GetSegmentation()
    segment = loaded.GetSegment(loaded.GetSegmentIdBySegmentName("liver"))
    assert readSeeds(segment, None) == seeds
    editor = scene.GetFirstNodeByClass("vtkMRMLSegmentEditorNode")
    assert editor.GetAttribute("MedSAM2.Tool") == "lasso"


def test_lines_follow_their_segment_into_a_copy_and_through_undo(aBench):
    seeds = drawAll(aBench)
    segmentation = aBench.segmentation.GetSegmentation()
    assert segmentation.CopySegmentFromSegmentation(segmentation, aBench.segmentId("liver"))
    copy = segmentation.GetNthSegment(segmentation.GetNumberOfSegments() - 1)
    assert readSeeds(copy, None) == seeds
    aBench.press("Reset")
    assert aBench.logic.seeding.seeds() == []
    for count in (4, 3, 4):
        (aBench.editor.redo if count == 4 and aBench.logic.seeding.seeds() else aBench.editor.undo)()
        assert aBench.logic.seeding.seeds() == seeds[:count]
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    assert aBench.logic.seeding.seeds() == []


def test_a_damaged_line_is_no_seed_and_costs_nothing_else_than_the_tag():
    segment = slicer.vtkSegment()
    where = {"ras": [0, 0, 0], "normal": [0, 0, 1]}
    for entry in (
        {"kind": STROKE_POSITIVE},
        {"kind": STROKE_POSITIVE, "path": []},
        {"kind": STROKE_POSITIVE, "path": [[1, 2]]},
        {"kind": STROKE_POSITIVE, "path": [[1, 2, None]]},
        {"kind": STROKE_POSITIVE, "path": 7},
        {"kind": STROKE_NEGATIVE, "path": [[1, 2, float("nan")]]},
        {"kind": STROKE_NEGATIVE, "path": [[1, 2, 10**400]]},
        {"kind": STROKE_NEGATIVE, "path": [[1, 2, 3]] * MOST_POSITIONS},
        {"kind": LASSO_POSITIVE, "path": [[1, 2, 3]]},
        {"kind": LASSO_NEGATIVE, "path": [[1, 2, 3], [4, 5, 6]], "corner": [1, 1, 1]},
        {"kind": "positive", "path": [[1, 2, 3]]},
        {"kind": "stroke", "path": [[1, 2, 3]]},
    ):
        segment.SetTag("MedSAM2.Seeds", json.dumps([entry | where]))
        assert readSeeds(segment, None) == [], entry


# Removed and moved


def test_a_line_is_removed_by_a_click_on_it_and_by_delete(aBench):
    red = aBench.view("Red")
    drawn = draw(aBench, "D")
    draw(aBench, "L", line=ROUND + 30)
    red.press("C")
    red.click((drawn[0] + drawn[1]) / 2)  # between two of its positions
    assert [seed.kind for seed in aBench.logic.seeding.seeds()] == [LASSO_POSITIVE]
    draw(aBench, "D")
    red.moveTo(inView("Red", aBench.centre("liver"), ROUND[10:11] + 30)[0])
    assert red.press("Del")
    assert [seed.kind for seed in aBench.logic.seeding.seeds()] == [STROKE_POSITIVE]
    red.moveTo(aBench.centre("liver") + np.array([-60, 0, 0]))
    assert red.press("Del"), "the last one"
    assert aBench.logic.seeding.seeds() == []


def test_a_seed_on_a_line_is_hit_first(aBench):
    drawn = draw(aBench, "D")
    red, place = aBench.view("Red"), drawn[0] + [7, -5, 0]  # beside it, within reach of its glyph
    red.press("C")
    red.click(drawn[0] + [7, -9, 0])
    red.click(place)
    assert [seed.kind for seed in aBench.logic.seeding.seeds()] == [STROKE_POSITIVE]


@pytest.mark.parametrize("key", LINES)
def test_a_line_is_moved_by_dragging_it_anywhere_and_keeps_its_shape(aBench, key):
    drawn = draw(aBench, key)
    (before,) = aBench.logic.seeding.seeds()
    red, step = aBench.view("Red"), np.array([15.0, -20.0, 0.0])
    red.press("C")
    red.drag(drawn[1], drawn[1] + step)
    (after,) = aBench.logic.seeding.seeds()
    assert (after.kind, after.normal) == (before.kind, before.normal)
    np.testing.assert_allclose(
        np.subtract(after.positions, before.positions), [step] * len(after.positions), atol=PIXEL
    )


def test_a_lasso_that_was_moved_out_of_the_volume_asks_for_what_is_left_of_it(aBench):
    draw(aBench, "L")
    (seed,) = aBench.logic.seeding.seeds()
    grid = aBench.logic.editor.grid()
    first = grid.position(seed.ras, "k")
    for column in (2.0, grid.shape[2] - 3.0):
        aBench.logic.seeding.move(0, grid.ras(type(first)("k", first.sliceIndex, first.row, column)))
        (_where, prompt) = lastPrompt(aBench)
        assert not prompt.is_empty
        prompt.check(grid.shape[0], SliceGrid(grid.shape[1:], grid.spacing[1:]))


# What comes of it


@pytest.mark.parametrize("view", PLANES)
def test_a_lasso_round_the_liver_gives_the_liver_on_that_slice(aBench, view):
    outline = roundOrgan(aBench, "liver", view)
    aBench.view(view).press("L")
    aBench.view(view).draw(outline, steps=2)
    aBench.wait(lambda: aBench.logic.preview() is not None)
    preview = aBench.logic.preview()
    truth = aBench.phantom.labels["liver"].take(preview.slice_index, "kji".index(preview.axis))
    assert preview.axis == PLANES[view][0]
    assert dice(preview.mask.full(truth.shape), truth) > 0.85


def roundOrgan(bench, organ: str, view: str) -> np.ndarray:
    """An ellipse in RAS round the organ in the slice of a view through its middle."""
    axis, first, second = PLANES[view]
    dimension = "kji".index(axis)
    centre = bench.centre(organ)
    index = round(float(bench.phantom.volume.geometry.ras_to_kji(centre)[dimension]))
    voxels = np.argwhere(bench.phantom.labels[organ].take(index, dimension))
    ras = np.array([bench.place(np.insert(each, dimension, index)) for each in voxels])
    middle, reach = (ras.max(axis=0) + ras.min(axis=0)) / 2, (ras.max(axis=0) - ras.min(axis=0)) / 2 + 4
    line = ras[:1].repeat(60, axis=0)
    angles = np.linspace(0, 6.2, 60)
    line[:, first] = middle[first] + 1.15 * reach[first] * np.cos(angles)
    line[:, second] = middle[second] + 1.15 * reach[second] * np.sin(angles)
    return line


@pytest.mark.parametrize("view", PLANES)
def test_a_stroke_through_the_liver_gives_the_liver_and_propagates(aBench, view):
    draw(aBench, "D", view)
    aBench.wait(lambda: aBench.logic.preview() is not None)
    preview = aBench.logic.preview()
    truth = aBench.phantom.labels["liver"].take(preview.slice_index, "kji".index(preview.axis))
    assert dice(preview.mask.full(truth.shape), truth) > 0.8
    if view == "Red":
        aBench.propagate()
        assert dice(aBench.mask(), aBench.phantom.labels["liver"]) > 0.8


def test_a_negative_stroke_takes_away_what_it_runs_through(aBench):
    aBench.click("liver")
    before = aBench.logic.preview()
    drawn = draw(aBench, "D", ctrl=True, line=BENT + np.array([25, 0]))
    aBench.wait(lambda: aBench.logic.preview() is not before)
    after = aBench.logic.preview()
    assert after.mask.voxels.sum() < before.mask.voxels.sum()
    grid = aBench.logic.editor.grid()
    places = [grid.position(each, "k") for each in np.linspace(drawn[0], drawn[1], 30)]

    def covered(mask) -> float:
        return np.mean([mask.full(grid.shape[1:])[round(each.row), round(each.column)] for each in places])

    assert covered(before.mask) > 0.9
    assert covered(after.mask) < 0.1, "but where half a voxel of the line was given up"
