"""What the user chooses among the options is shown, kept in the scene, and obeyed."""

import ctk
import numpy as np
import pytest
import qt
from MedSAM2SlicerLib.effect.AdvancedOptions import AdvancedOptions
from MedSAM2SlicerLib.effect.Defaults import DEFAULTS

from fakes.qt_settings import rereadFromDisk
from medsam2.cli.phantom import central_click
from medsam2.propagation_options import PropagationOptions

AIR = -1000
GAP = 2
"""Slices."""


def absentStop(bench):
    """The box that says after how many slices without the object a propagation stops."""
    boxes = bench.editor.activeEffect().optionsFrame().findChildren(qt.QSpinBox)
    (box,) = [box for box in boxes if "slices without the object" in box.toolTip]
    return box


def advanced(bench):
    """The section that can be folded."""
    (box,) = bench.editor.activeEffect().optionsFrame().findChildren(ctk.ctkCollapsibleGroupBox)
    return box


def test_a_new_scene_stops_where_the_tracker_would_by_itself():
    assert DEFAULTS["AbsentStop"] == PropagationOptions().absent_stop


@pytest.mark.parametrize(("slices", "comesBack"), [(GAP, False), (GAP + 1, True)])
def test_an_object_that_is_missing_on_some_slices_is_found_again(
    aBenchOn, aVolumeNode, aPhantom, slices, comesBack
):
    voxels = aPhantom.volume.voxels.copy()
    gap = central_click(aPhantom.labels["liver"])[0] + 2
    voxels[gap : gap + GAP] = AIR
    bench = aBenchOn(aVolumeNode(voxels, aPhantom.volume.geometry.ijk_to_ras), aPhantom)
    absentStop(bench).value = slices
    bench.click()
    bench.propagate()
    written = bench.mask().any(axis=(1, 2))
    assert written[gap - 1]
    assert not written[gap : gap + GAP].any()
    assert written[gap + GAP :].any() == comesBack


def test_options_are_kept_in_the_scene_and_shown_again(aBench):
    adaptor = aBench.editor.activeEffect()
    chosen = {"Tool": "lasso", "Direction": "range", "FirstSlice": 3, "LastSlice": 9, "Window": "lung"}
    chosen |= {"Memory": "self-sorting", "StopWhenAbsent": 0, "AbsentStop": 5, "AllSegments": 1}
    chosen |= {"TimeDirection": "forward", "Orientations": "3"}
    assert chosen.keys() == DEFAULTS.keys()
    for name, value in chosen.items():
        adaptor.setParameter(name, value)
    aBench.effect.updateGUIFromMRML()
    aBench.effect.updateMRMLFromGUI()
    assert {name: adaptor.parameter(name) for name in chosen} == {n: str(v) for n, v in chosen.items()}


WORDS = {"AllSegments": "All segments", "StopWhenAbsent": "Stop when"}
NONSENSE = ("", "of-a-later-version", "-1", "100000")


@pytest.mark.parametrize("text", NONSENSE)
@pytest.mark.parametrize("name", DEFAULTS)
def test_a_value_that_this_version_does_not_know_means_the_default_and_harms_no_other(aBench, name, text):
    adaptor = aBench.editor.activeEffect()
    changed = "AllSegments" if name != "AllSegments" else "StopWhenAbsent"
    adaptor.parameterSetNode().SetAttribute(f"MedSAM2.{name}", text)
    aBench.effect.updateGUIFromMRML()
    assert adaptor.parameter(name) == str(DEFAULTS[name])
    box = next(each for each in advanced(aBench).findChildren(qt.QCheckBox) if WORDS[changed] in each.text)
    box.checked = not box.checked
    expected = {**DEFAULTS, changed: 1 - DEFAULTS[changed]}
    assert {each: adaptor.parameter(each) for each in expected} == {n: str(v) for n, v in expected.items()}


def test_how_many_slices_counts_only_where_propagation_stops(aBench):
    advanced(aBench).collapsed = False
    box, adaptor = absentStop(aBench), aBench.editor.activeEffect()
    for stops in (0, 1):
        adaptor.setParameter("StopWhenAbsent", stops)
        aBench.effect.updateGUIFromMRML()
        assert box.enabled == bool(stops)


def test_one_tool_is_chosen_and_its_button_is_down(aBench):
    adaptor = aBench.editor.activeEffect()
    buttons = {each.text: each for each in adaptor.optionsFrame().findChildren(qt.QToolButton)}

    def down() -> list[str]:
        return [name for name, button in buttons.items() if button.checked]

    assert down() == ["Click"]
    for name in ("Stroke", "Lasso", "Box", "Click"):
        buttons[name].click()
        assert adaptor.parameter("Tool") == name.lower()
        assert down() == [name]
    adaptor.setParameter("Tool", "lasso")
    assert down() == ["Lasso"]


def test_whether_advanced_options_are_shown_is_remembered(aBench, anEditor):
    assert advanced(aBench).collapsed
    advanced(aBench).collapsed = False
    assert not AdvancedOptions(anEditor.activeEffect()).widget.collapsed
    rereadFromDisk()
    assert not AdvancedOptions(anEditor.activeEffect()).widget.collapsed
    advanced(aBench).collapsed = True
    assert AdvancedOptions(anEditor.activeEffect()).widget.collapsed


FLIPPED = np.diag([-1.0, -1, -1, 1])
"""Slices are counted to the other side."""


@pytest.mark.parametrize(
    ("view", "flipped", "sides"),
    [
        ("Red", True, ["only to the feet", "only to the head"]),
        ("Yellow", False, ["only to the left", "only to the right"]),
    ],
)
def test_directions_are_named_after_the_patient_and_end_there(
    aBenchOn, aVolumeNode, aPhantom, view, flipped, sides
):
    matrix = aPhantom.volume.geometry.ijk_to_ras
    bench = aBenchOn(aVolumeNode(aPhantom.volume.voxels, matrix @ FLIPPED if flipped else matrix), aPhantom)
    bench.toWorld = matrix @ FLIPPED @ np.linalg.inv(matrix) if flipped else np.eye(4)
    bench.click(view=view)
    bench.view("Red" if view != "Red" else "Green").moveTo(bench.centre("liver"))  # the seed's axis counts
    choice = advanced(bench).findChildren(qt.QComboBox)[0]
    assert [choice.itemText(number) for number in (1, 2)] == sides
    axis = {"Yellow": 0, "Green": 1, "Red": 2}[view]
    for number, text in enumerate(sides, 1):
        choice.setCurrentIndex(number)
        bench.propagate()
        written = np.array([bench.place(kji) for kji in np.argwhere(bench.mask())])[:, axis]
        side = written - bench.centre("liver")[axis]
        far = max(side.min(), side.max(), key=abs)
        assert (far > 0) == (text.split()[-1] in ("right", "front", "head"))
        assert np.abs(side[np.sign(side) != np.sign(far)]).max(initial=0) < 2, "half a voxel"
        bench.view("Red").press("Z")
        bench.wait(lambda: not bench.mask().any())
