"""Which view the user works in, what is drawn there, and how often."""

import numpy as np
import pytest
import slicer

from fakes.make_nodes import rasOf

LAYOUTS = {
    "Red": slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView,
    "Yellow": slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpYellowSliceView,
    "Green": slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpGreenSliceView,
}
AXES = {"Red": "k", "Yellow": "i", "Green": "j"}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("activeBefore", [True, False])
def test_strip_and_keys_follow_the_view_that_is_shown(aBench, anApplication, name, activeBefore):
    if not activeBefore:
        aBench.editor.setActiveEffect(None)
    anApplication.layoutManager().setLayout(LAYOUTS[name])
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert aBench.effect.active.views.latest.viewWidget is aBench.view(name)
    axis, _index = aBench.effect.active.views.currentSlice()
    assert axis == AXES[name]
    assert aBench.effect.options.strip._count == aBench.phantom.volume.voxels.shape["kji".index(axis)]


def test_a_view_that_was_worked_in_and_is_hidden_then_is_not_followed(aBench, anApplication):
    aBench.view("Red").moveTo(aBench.centre("liver"))
    assert aBench.effect.active.views.currentSlice()[0] == "k"
    anApplication.layoutManager().setLayout(LAYOUTS["Green"])
    assert aBench.effect.active.views.currentSlice()[0] == "j"
    anApplication.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    aBench.view("Yellow").moveTo(aBench.centre("liver"))
    assert aBench.effect.active.views.currentSlice()[0] == "k", "the mouse may be on its way to the panel"
    aBench.view("Yellow").wheel(1)
    assert aBench.effect.active.views.currentSlice()[0] == "i"


def test_a_mark_is_gone_to_in_the_view_that_was_worked_in_though_the_mouse_crossed_another(aBench):
    aBench.lookAt(aBench.centre("liver"), "Yellow")
    strip, crossed = aBench.effect.options.strip, aBench.view("Red").mrmlSliceNode()
    assert strip._current == aBench.effect.active.views.currentSlice()[1]
    before = crossed.GetSliceOffset()
    aBench.view("Red")._event("MouseMoveEvent", (100, 100), {})
    strip._onSlice(strip._current + 2)
    assert aBench.effect.active.views.currentSlice() == ("i", strip._current)
    assert crossed.GetSliceOffset() == before


def test_scrolling_draws_no_more_often_than_without_the_effect(aBench):
    aBench.click()
    view, centre = aBench.view("Red"), aBench.centre("liver")

    def scroll() -> int:
        view.scrollTo(centre)
        before = view.sliceView().renders
        view.wheel(5)
        return view.sliceView().renders - before

    withEffect = scroll()
    aBench.editor.setActiveEffect(None)
    assert withEffect == scroll() > 0


def test_the_drawing_scrolls_with_the_slice(aBench):
    aBench.click()
    pipeline = aBench.effect.active.views.pipeline(aBench.view("Red"))
    assert pipeline._layers["seeds"].actor.GetVisibility()
    aBench.view("Red").wheel(1)
    assert not pipeline._layers["seeds"].actor.GetVisibility()
    aBench.view("Red").wheel(-1)
    assert pipeline._layers["seeds"].actor.GetVisibility()


def extentOfSeeds(bench) -> float:
    """Pixels from the leftmost to the rightmost point of what is drawn of seeds in the axial view."""
    bounds = bench.effect.active.views.pipeline(bench.view("Red"))._layers["seeds"]._data.GetBounds()
    return bounds[1] - bounds[0]


def lineWidths(bench) -> list[float]:
    layers = bench.effect.active.views.pipeline(bench.view("Red"))._layers.values()
    return [layer.actor.GetProperty().GetLineWidth() for layer in layers]


def test_seeds_look_as_large_on_a_screen_with_small_pixels(aBench):
    aBench.click()
    size, widths = extentOfSeeds(aBench), lineWidths(aBench)
    aBench.view("Red").setPixelRatio(2)
    assert extentOfSeeds(aBench) == pytest.approx(2 * size)
    assert lineWidths(aBench) == [2 * width for width in widths]


@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_a_seed_is_hit_from_as_far_away_on_any_screen(aBench, ratio):
    view = aBench.view("Red")
    view.setPixelRatio(ratio)
    aBench.click()
    x, y = view.xyOf(aBench.centre("liver"))
    view.click(view.rasOf((x + 6 * ratio, y)))
    assert aBench.logic.seeding.seeds() == []


@pytest.mark.parametrize("ratio", [1, 2])
def test_an_unsteady_hand_clicks_on_any_screen(aBench, ratio):
    """Four of the user's pixels are a click, six a box."""
    view = aBench.view("Red")
    view.setPixelRatio(ratio)
    start = rasOf(aBench.volume, (40, 40, 10))
    for pixels, kind in ((4, "positive"), (6, "box")):
        view.scrollTo(start)
        x, y = view.xyOf(start)
        view.drag(view.rasOf((x, y)), view.rasOf((x + pixels * ratio, y + pixels * ratio)))
        assert aBench.logic.seeding.seeds()[-1].kind == kind
        aBench.effect.active.actions.reset()
    assert np.allclose(view.rasOf(view.xyOf(start)), start, atol=2)
