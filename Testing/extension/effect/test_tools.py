"""Which tool the mouse draws with, and how a line that was begun is given up without a trace."""

import statistics
import time

import numpy as np
import pytest
import slicer
from MedSAM2SlicerLib.effect.Pen import DASH_PIXELS
from MedSAM2SlicerLib.logic.Seeds import readSeeds

from fakes.make_nodes import rasOf

KEYS = {"C": "click", "X": "box", "D": "stroke", "L": "lasso"}
FRAME_MILLISECONDS = 16


def kinds(bench) -> list[str]:
    return [seed.kind for seed in bench.logic.seeding.seeds()]


def pipelineOf(bench, view: str = "Red"):
    return bench.effect.active.views.pipeline(bench.view(view))


def begin(bench, key: str = "L", **modifiers) -> None:
    """Draw a part of a line, with the button still down."""
    red, centre = bench.view("Red"), bench.centre("liver")
    red.press(key)
    assert red.beginToDraw(centre + np.array([[0, 0, 0], [30, 0, 0], [30, 20, 0]]), **modifiers)
    assert bench.isDrawing


def test_keys_choose_tools_and_buttons_show_it(aBench):
    adaptor = aBench.editor.activeEffect()
    for key, tool in KEYS.items():
        assert aBench.view("Red").press(key)
        assert adaptor.parameter("Tool") == tool
        assert aBench.effect.options._tools._buttons[tool].checked


@pytest.mark.parametrize("key", KEYS)
def test_a_click_is_a_click_with_every_tool(aBench, key):
    """Also an unsteady one; and one on a seed removes it."""
    red = aBench.view("Red")
    red.press(key)
    start = rasOf(aBench.volume, (40, 40, 10))
    red.scrollTo(start)
    x, y = red.xyOf(start)
    red.drag(red.rasOf((x, y)), red.rasOf((x + 4, y)))
    assert kinds(aBench) == ["positive"]
    red.click(red.rasOf((x, y + 60)), ctrl=True)
    assert kinds(aBench) == ["positive", "negative"]
    red.click(red.rasOf((x, y)))
    assert kinds(aBench) == ["negative"]


@pytest.mark.parametrize(
    ("key", "drawn"),
    [("C", ["positive"]), ("X", ["positive", "box"]), ("D", ["positive", "positive stroke"])],
)
def test_a_drag_that_begins_on_a_seed_moves_it_with_the_first_tool_only(aBench, key, drawn):
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.click(centre)
    red.press(key)
    red.drag(centre, centre + np.array([25, 15, 0]))
    assert kinds(aBench) == drawn
    moved = aBench.logic.seeding.seeds()[0].ras
    np.testing.assert_allclose(moved, centre + np.array([25, 15, 0]) * (key == "C"), atol=1.5)


@pytest.mark.parametrize("ctrl", [False, True])
def test_a_tool_of_a_later_version_drags_boxes(aBench, ctrl):
    aBench.editor.activeEffect().setParameter("Tool", "wand")
    centre = aBench.centre("liver")
    aBench.view("Red").drag(centre, centre + np.array([25, 15, 0]), ctrl=ctrl)
    assert kinds(aBench) == ["box"]


# Given up


def escape(bench):
    """Where no Segment Editor has the key, as when another module shows the effect."""
    assert bench.view("Red")._event("KeyPressEvent", None, {}, "Escape")


def rightClick(bench):
    assert bench.view("Red").pressButton("Right"), "or else Slicer would zoom, or open its menu"
    assert bench.view("Red").release("Right")


def scroll(bench):
    bench.view("Red").wheel(1)


def zoom(bench):
    node = bench.view("Red").mrmlSliceNode()
    node.SetFieldOfView(*(0.5 * length for length in node.GetFieldOfView()[:2]), 1)


def chooseSegment(bench):
    bench.editor.setCurrentSegmentID(bench.segmentId("spleen"))


def removeSegment(bench):
    bench.editor.removeSegment()


def chooseLayout(bench):
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpGreenSliceView)


def chooseMouseTool(bench):
    tool = slicer.app.applicationLogic().GetInteractionNode()
    tool.SetCurrentInteractionMode(tool.Place)
    tool.SetCurrentInteractionMode(tool.ViewTransform)


def reset(bench):
    bench.press("Reset")


def undo(bench):
    assert bench.view("Red").press("Z")
    bench.view("Red")._event("MouseMoveEvent", (300, 301), {})  # the first after it


def chooseVolume(bench):
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    other.Copy(bench.volume)
    bench.editor.setSourceVolumeNode(other)


WAYS_OUT = [escape, rightClick, scroll, zoom, chooseSegment, removeSegment, chooseLayout]
WAYS_OUT += [chooseMouseTool, reset, undo, chooseVolume]


@pytest.mark.parametrize("giveUp", WAYS_OUT, ids=lambda each: each.__name__)
@pytest.mark.parametrize("key", ["X", "D", "L"])
def test_what_was_begun_is_given_up(aBench, key, giveUp):
    red = aBench.view("Red")
    red.click(aBench.centre("liver") + np.array([-40, 0, 0]))
    begin(aBench, key)
    giveUp(aBench)
    assert not aBench.isDrawing
    red._event("MouseMoveEvent", (300, 300), {})
    assert not aBench.isDrawing
    red.release()
    drawn = [seed for name in ("liver", "spleen") for seed in seedsOf(aBench, name)]
    assert set(drawn) <= {"positive"}
    if aBench.segmentId("liver"):  # and the next one is as good as ever
        aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
        begin(aBench, key)
        red.release()
        assert kinds(aBench)[-1] in ("box", "positive stroke", "positive lasso")


def seedsOf(bench, name: str) -> list[str]:
    segment = bench.segmentation.GetSegmentation().GetSegment(bench.segmentId(name))
    return [seed.kind for seed in readSeeds(segment, None)]


@pytest.mark.parametrize("key", ["D", "L"])
def test_esc_in_the_segment_editor_leaves_the_effect_and_the_line_is_gone(aBench, key):
    red = aBench.view("Red")
    begin(aBench, key)
    pen = pipelineOf(aBench)._pen
    assert red.press("Esc")
    assert aBench.editor.activeEffect() is None
    assert not any(red.sliceView().renderer().HasViewProp(actor) for actor in pen.actors)
    red.release()
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert (kinds(aBench), aBench.isDrawing) == ([], False)


def test_a_button_that_the_effect_does_not_want_is_slicers_from_press_to_release(aBench):
    red = aBench.view("Red")
    red.moveTo(aBench.centre("liver"))
    assert not red.pressButton("Right")
    assert not red.release("Right")
    assert not red.pressButton("Left", shift=True)
    assert not red.release("Left", shift=True)
    begin(aBench, "D")
    red.pressButton("Right")  # and its release never comes
    red.release()
    assert not red.pressButton("Right")
    assert not red.release("Right")


def test_another_tool_of_the_toolbar_has_the_mouse(aBench):
    tool = slicer.app.applicationLogic().GetInteractionNode()
    red, centre = aBench.view("Red"), aBench.centre("liver")
    red.press("D")
    tool.SetCurrentInteractionMode(tool.AdjustWindowLevel)
    assert not red.beginToDraw([centre, centre + np.array([30, 0, 0])])
    assert not aBench.isDrawing
    red.release()
    assert kinds(aBench) == []


# What is seen


def pieces(bench, view: str = "Red") -> int:
    """Line segments of finished strokes and lassos in a view."""
    layer = pipelineOf(bench, view)._layers["lines"]
    return layer._data.GetNumberOfLines() if layer.actor.GetVisibility() else 0


def test_a_finished_line_is_seen_on_its_slice_and_nowhere_else(aBench):
    red = aBench.view("Red")
    begin(aBench, "D")
    red.release()
    assert (pieces(aBench), pieces(aBench, "Green"), pieces(aBench, "Yellow")) == (2, 0, 0)
    red.wheel(1)
    assert pieces(aBench) == 0
    red.wheel(-1)
    assert pieces(aBench) == 2
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    assert pieces(aBench) == 0


def test_a_lasso_is_closed_and_a_negative_line_is_dashed(aBench):
    red = aBench.view("Red")
    begin(aBench, "L")
    red.release()
    assert pieces(aBench) == 3
    aBench.press("Reset")
    begin(aBench, "D", ctrl=True)
    red.release(ctrl=True)
    (seed,) = aBench.logic.seeding.seeds()
    ends = np.array([red.xyOf(ras) for ras in seed.positions])
    length = np.hypot(*np.diff(ends, axis=0).T).sum()
    assert pieces(aBench) == pytest.approx(length / DASH_PIXELS / 2, abs=2)


@pytest.mark.parametrize("isFinished", [False, True])
def test_lines_look_as_thick_on_a_screen_with_small_pixels(aBench, isFinished):
    red = aBench.view("Red")

    def width() -> float:
        begin(aBench, "D")
        pipeline = pipelineOf(aBench)
        actor = pipeline._layers["lines"].actor if isFinished else pipeline._pen.actors[1]
        red.release()
        return actor.GetProperty().GetLineWidth()

    usual = width()
    red.setPixelRatio(2)
    assert width() == 2 * usual


@pytest.mark.parametrize("ratio", [1, 2])
def test_a_line_is_hit_from_as_far_away_on_any_screen(aBench, ratio):
    red = aBench.view("Red")
    red.setPixelRatio(ratio)
    begin(aBench, "D")
    red.release()
    (seed,) = aBench.logic.seeding.seeds()
    x, y = red.xyOf(np.mean(seed.positions[:2], axis=0))
    for away, left in ((12, 2), (6, 1)):
        red.click(red.rasOf((x, y + (away if seed.positions[2][1] < seed.ras[1] else -away) * ratio)))
        assert len(kinds(aBench)) == left


@pytest.mark.parametrize(("key", "ctrl"), [("X", False), ("D", True), ("L", False)])
def test_a_move_takes_less_than_a_frame_however_long_the_line_is(aBench, key, ctrl):
    """Beside an outline, and many lines that are there already; one view is drawn, once."""
    red, centre = aBench.view("Red"), aBench.centre("liver")
    aBench.click()
    for shift in range(4):
        red.press("L")
        angles = np.linspace(0, 6, 80)
        ring = np.column_stack([30 * np.cos(angles), (20 + 3 * shift) * np.sin(angles), 0 * angles])
        red.draw(centre + ring, steps=2)
    begin(aBench, key, ctrl=ctrl)
    others = [aBench.view(name).sliceView() for name in ("Green", "Yellow")]
    renders = [each.renders for each in (red.sliceView(), *others)]
    times = []
    for number in range(2000):
        xy = (200 + number % 97, 200 + number % 89)
        start = time.perf_counter()
        red._event("MouseMoveEvent", xy, {"ctrl": ctrl})
        times.append(1000 * (time.perf_counter() - start))
    assert statistics.median(times[-300:]) < FRAME_MILLISECONDS
    assert statistics.median(times[-300:]) < 3 * statistics.median(times[:300]), "grows with the line"
    drawn = [each.renders - before for each, before in zip((red.sliceView(), *others), renders, strict=True)]
    assert drawn == [2000, 0, 0]
