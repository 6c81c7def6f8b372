"""What the sentence above the buttons says is so, at any time."""

import re

import numpy as np
import pytest
import slicer

from extension.effect.backends import localBackends
from medsam2.protocol import Mask

CLICK = "Click the object in a slice view."


@pytest.fixture
def said(aBench):
    """What can be read from now on, whenever Slicer has time to draw; and beside which button."""
    sentences, options = [], aBench.effect.options

    def look():
        sentences.append((options.message.label.text, options.propagateButton.text))

    aBench.clock.afterTurning.append(look)
    yield sentences
    aBench.clock.afterTurning.remove(look)


def settle(bench) -> None:
    bench.wait(lambda: not bench.logic.running)
    for _ in range(20):
        bench.clock.advance(20)


def test_after_the_only_seed_was_removed_there_is_nothing_to_propagate(aBench):
    aBench.click()
    assert aBench.message.startswith("Press Propagate")
    assert aBench.view("Red").press("Del")
    assert aBench.message == CLICK
    aBench.click()
    aBench.press("Reset")
    assert aBench.message == CLICK


def test_it_is_about_the_segment_that_is_selected(aBench):
    aBench.click()
    aBench.editor.setCurrentSegmentID(aBench.segmentId("spleen"))
    assert aBench.message == CLICK
    aBench.editor.setCurrentSegmentID(aBench.segmentId("liver"))
    assert aBench.message.startswith("Press Propagate")


def test_with_its_mask_nothing_is_waited_for_though_the_request_ends_later(aBench, aBackend):
    said = []

    def look(message):
        if isinstance(message, Mask):
            for name in ("spleen", "liver"):
                aBench.editor.setCurrentSegmentID(aBench.segmentId(name))
                said.append(aBench.message)

    aBackend.attach(look)
    aBench.click()
    aBackend.detach(look)
    assert said[0] == CLICK
    assert said[1].startswith("Press Propagate")


def test_activating_the_effect_again_knows_the_seeds(aBench):
    aBench.click()
    aBench.editor.setActiveEffect(None)
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert aBench.message.startswith("Press Propagate")


def test_undo_in_a_run_does_not_ask_for_another_undo(aBench):
    aBench.click()
    aBench.startPropagation()
    aBench.editor.undo()
    settle(aBench)
    assert "was changed meanwhile" in aBench.message
    assert "undo" not in aBench.message


def test_cancelling_says_what_is_left(aBench):
    aBench.click()
    aBench.startPropagation()
    aBench.press("Cancel")
    settle(aBench)
    count = aBench.mask().any(axis=(1, 2)).sum()
    assert re.fullmatch(r"Cancelled; slices that had come: (\d+)\. Undo takes them back\.", aBench.message)
    assert int(re.search(r"\d+", aBench.message)[0]) >= count


def test_a_click_in_a_run_does_not_say_to_press_a_button_that_cancels(aBench, said):
    aBench.click()
    aBench.startPropagation()
    said.clear()
    assert aBench.view("Red").click(aBench.centre("liver") + np.array([8.0, 0, 0]))
    aBench.wait(lambda: not aBench.logic.running)
    during = [text for text, button in said if button == "Cancel"]
    assert during
    assert not [text for text in during if text.startswith("Press Propagate")]


def test_the_slices_of_a_run_are_counted_once_after_a_recovery(aBench):
    aBench.click()
    aBench.startPropagation()
    for process in localBackends():
        process.kill()
    settle(aBench)
    count, total = (
        int(re.match(r"Propagated in \S+ s, slices: (\d+)\.", aBench.message)[1]),
        len(aBench.phantom.volume.voxels),
    )
    assert aBench.mask().any(axis=(1, 2)).sum() <= count <= total


def test_from_the_first_click_to_its_answer_there_is_always_a_word(aBench, aBackend, said):
    aBackend.quit()
    said.clear()
    assert aBench.view("Red").click(aBench.centre("liver"))
    assert aBench.message == "Starting MedSAM2…"
    aBench.wait(lambda: aBench.logic.preview() is not None)
    steps = list(dict.fromkeys(re.sub(r"\d+ %", "N %", text) for text, _button in said))
    words = [
        "Starting MedSAM2…",
        "Sending the volume… N %",
        "Finding the outline…",
        "Press Propagate; or correct the outline first, with more clicks or a box.",
    ]
    assert (steps[0], steps[-1]) == (words[0], words[-1])
    assert steps == [step for step in words if step in steps], "a small volume may be sent between two looks"
    aBench.view("Red").click(aBench.centre("liver") + np.array([8.0, 0, 0]))
    assert aBench.message == "Finding the outline…"
    aBench.logic._requests.sent = 0.25  # as of a large volume
    aBench.logic.onOpening()
    assert aBench.message == "Sending the volume… 25 %"


def test_leaving_the_effect_in_a_run_is_said_at_once_and_on_return(aBench, aJournal):
    aBench.click()
    aBench.startPropagation()
    aBench.editor.setActiveEffect(None)
    (said,) = aJournal.statusMessages
    assert re.match(r"The propagation was stopped, as the effect was left; slices that had come: \d+\.", said)
    aBench.editor.setActiveEffectByName("MedSAM2")
    for _ in range(20):
        aBench.clock.advance(20)
    assert aBench.message == said
    aBench.propagate()
    assert "Propagated in" in aBench.message
    aBench.editor.setActiveEffect(None)
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert "left" not in aBench.message, "it is said once"
    assert aJournal.statusMessages == [said]


def test_leaving_is_not_said_of_another_segmentation(aBench, aSegmentation):
    aBench.click()
    aBench.startPropagation()
    aBench.editor.setSegmentationNode(aSegmentation(aBench.volume, ("other",)))
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert aBench.message == CLICK


def test_leaving_by_closing_the_scene_says_nothing(aBench, aJournal):
    aBench.click()
    aBench.startPropagation()
    slicer.mrmlScene.Clear(0)
    assert aJournal.statusMessages == []
