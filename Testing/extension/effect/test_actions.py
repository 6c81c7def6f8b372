"""Keys, buttons and the strip: every one does what the help says."""

import numpy as np
import pytest
import vtk
from MedSAM2SlicerLib.effect.EffectShortcuts import KEYS


def test_keys_are_in_the_help_and_exist_while_the_effect_is_active(aBench, someShortcuts):
    assert set(KEYS) <= set(someShortcuts())
    for key in KEYS:
        assert f"<b>{key}</b>" in aBench.effect.helpText()
    aBench.editor.setActiveEffect(None)
    assert not set(KEYS) & set(someShortcuts())


def test_help_and_options_fit_a_usual_screen(aBench):
    """Slicer folds the help after its first line break; of 900 pixels 400 are left below the segments."""
    teaser, _break, rest = aBench.effect.helpText().removeprefix("<html>").partition("<br>")
    assert len(teaser) < 80
    assert rest
    frame = aBench.editor.activeEffect().optionsFrame().parentWidget()
    frame.setFixedWidth(360)
    frame.adjustSize()
    assert frame.height <= 400


def test_g_and_s_change_the_field_of_view(aBench):
    aBench.click("spleen")
    sides = [aBench.logic.preview().field_of_view.rows]
    for key in ("G", "S", "S"):
        before = aBench.logic.preview()
        assert aBench.view("Red").press(key)
        aBench.wait(lambda before=before: aBench.logic.preview() is not before)
        sides.append(aBench.logic.preview().field_of_view.rows)
    assert sides[1] > sides[0]
    assert sides[3] < sides[2] < sides[1]


def test_g_and_s_go_on_from_the_last_field_of_view_after_a_propagation(aBench):
    aBench.click("spleen")
    before = aBench.logic.preview().field_of_view.rows
    aBench.propagate()
    assert aBench.logic.preview() is None
    for key, isLarger in (("G", True), ("S", False), ("S", False)):
        aBench.logic.results.previews.clear()
        assert aBench.view("Red").press(key)
        assert aBench.message == "Finding the outline…"
        aBench.wait(lambda: aBench.logic.preview() is not None)
        after = aBench.logic.preview().field_of_view.rows
        assert (after > before) is isLarger
        before = after


def test_g_asks_for_the_outline_first_where_only_the_seed_is_known(aBench, tmp_path):
    """As in a scene that was loaded."""
    aBench.view("Red").click(aBench.centre("spleen"))
    aBench.editor.setActiveEffect(None)
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert aBench.logic.preview() is None
    aBench.view("Red").press("G")
    aBench.wait(lambda: aBench.logic.preview() is not None)
    before = aBench.logic.preview()
    aBench.view("Red").press("G")
    aBench.wait(lambda: aBench.logic.preview() is not before)
    assert aBench.logic.preview().field_of_view.rows > before.field_of_view.rows


def test_g_without_a_preview_says_what_to_do(aBench):
    aBench.view("Red").press("G")
    assert "Click the object first" in aBench.message


def test_reviewing_doubtful_slices(aBench):
    aBench.click()
    assert aBench.view("Red").press("P")
    aBench.wait(lambda: not aBench.logic.running)
    confidence = aBench.logic.confidenceAlong("k")
    least = sorted((mark.certainty, n) for n, mark in confidence.slices.items() if mark.present)
    for _iou, index in least[:2]:
        aBench.view("Red").press("N")
        assert shown(aBench) == index
        assert f"Slice {index}" in aBench.message
        aBench.view("Red").press("A")
        assert confidence.slices[index].accepted
    for mark in confidence.slices.values():
        mark.accepted = True
    aBench.press("Next doubtful slice")
    assert "No slice is left" in aBench.message
    clickStrip(aBench, 7)
    assert shown(aBench) == 7
    aBench.press("Accept slice")


def shown(bench) -> int:
    """The slice in the axial view."""
    position = np.array(
        [bench.view("Red").mrmlSliceNode().GetSliceToRAS().GetElement(n, 3) for n in range(3)]
    )
    return round(bench.phantom.volume.geometry.ras_to_kji(position)[0])


def clickStrip(bench, index: int) -> None:
    strip = bench.effect.options.strip
    strip.mousePressEvent(MousePress((index + 0.5) * strip.width / len(bench.phantom.volume.voxels)))


class MousePress:
    def __init__(self, x):
        self._x = x

    def x(self):
        return self._x


def test_a_range_is_not_left(aBench):
    aBench.click()
    index = aBench.logic.preview().slice_index
    parameters = {"Direction": "range", "FirstSlice": index + 2, "LastSlice": index - 3}
    for name, value in parameters.items():
        aBench.editor.activeEffect().setParameter(name, value)
    aBench.propagate()
    written = np.flatnonzero(aBench.mask().any(axis=(1, 2)))
    assert (written.min(), written.max()) == (index - 3, index + 2)


def test_an_idle_effect_answers_no_event(aBench, aBackend, monkeypatch):
    """Not even a first click was made; the mouse passes over the views."""
    aBench.clock.advance(500)  # what choosing the effect has put off is done
    aBench.wait(lambda: not aBackend.busy)
    redrawn = []
    monkeypatch.setattr(
        type(aBench.effect.active.views), "update", lambda *arguments: redrawn.append(arguments)
    )
    waiting = aBench.clock.waiting
    aBench.view("Red").moveTo(aBench.centre("liver"))
    redrawn.clear()
    for _ in range(20):
        assert not aBench.view("Red")._event("MouseMoveEvent", (100, 100), {})
    aBench.clock.advance(100)  # the mouse rests
    aBench.editor.mrmlScene().AddNewNodeByClass("vtkMRMLModelNode")
    aBench.volume.GetDisplayNode().InvokeEvent(vtk.vtkCommand.ModifiedEvent)
    assert redrawn == []
    assert aBench.clock.waiting == waiting <= 1, "nothing but the look at the backend"


@pytest.mark.parametrize("leave", [True, False])
def test_an_idle_backend_is_looked_at_twice_a_second(aBench, aBackend, leave):
    aBench.click()
    aBench.wait(lambda: not aBackend.busy)
    if leave:
        aBench.editor.setActiveEffect(None)
    for _ in range(5):
        aBench.clock.advance(20)
    assert aBench.clock.waiting == 1
    aBench.clock.durations.clear()
    aBench.clock.advance(2000)
    assert len(aBench.clock.durations) == 4
