"""Memories of confident slices alone, and several pathways: rules that were measured and not built in."""

import json

import numpy as np
import pytest
import torch

from medsam2.evaluation.protocols import FIRST_PROMPTS
from medsam2.model.config import network_config
from medsam2.tracking import TemporalMemory, Tracker
from medsam2.volume import VolumeSlices
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.confident_memories import RULES, TEMPORAL, measure, table
from medsam2_lab.experiments.gated_memory import GatedBank, GatedMemory
from medsam2_lab.experiments.pathways import Pathway, Pathways, PathwayTracker, survivors
from medsam2_lab.experiments.scans import synthetic_cases
from unit.tracking.examples import entry

CONFIG = network_config("starter")
QUERY = torch.zeros(1)
IOUS = {0: 0.2, 1: 0.9, 2: 0.4, 3: 0.9, 4: 0.1, 5: 0.9, 6: 0.9, 7: 0.9, 8: 0.9, 9: 0.9}
"""Of ten slices, the first of them prompted."""


def filled(bank):
    for index, iou in IOUS.items():
        bank.add(entry(index, iou=iou, prompted=index == 0))
    return bank


def selected(memory: TemporalMemory) -> tuple[dict[int, int], list[int]]:
    """Remembered slices with their temporal codes, and those whose pointers are looked at, for slice 10."""
    selection = filled(memory.bank(CONFIG)).select(10, False, 30, QUERY)
    slices = [each.slice_index for each in selection.entries]
    return dict(zip(slices, selection.time_index, strict=True)), [
        e.slice_index for e, _ in selection.pointers
    ]


def test_a_gate_that_is_open_is_the_rule_of_sam_2():
    assert selected(GatedMemory(0.0)) == selected(TemporalMemory())


def test_an_unsure_slice_is_no_memory_and_a_prompted_one_always_is():
    memories, pointers = selected(GatedMemory(0.3))
    assert memories == {0: 6, 5: 4, 6: 3, 7: 2, 8: 1, 9: 0}
    assert pointers == [0, 9, 8, 7, 6, 5, 3, 2, 1]
    assert 4 in selected(GatedMemory(0.3, gates_pointers=False))[1]


def test_a_wider_reach_fills_the_six_places_with_confident_slices_further_back():
    memories, _ = selected(GatedMemory(0.5, reach=14))
    assert memories == {0: 6, 3: 5, 5: 4, 6: 3, 7: 2, 8: 1, 9: 0}


def branch(iou: float, total: float, score: float) -> Pathway:
    return Pathway(total, {3: entry(3, iou=iou, score=score)}, GatedBank(CONFIG, GatedMemory(0.1)))


def test_the_best_sums_survive_where_the_object_is_certain():
    branches = [branch(0.9, total, 5.0) for total in (-3.0, -1.0, -2.0, -4.0)]
    assert [one.score for one in survivors(branches, 3, 3)] == [-1.0, -2.0, -3.0]


def test_branches_that_differ_survive_where_it_is_not():
    branches = [branch(iou, total, 1.0) for iou, total in ((0.901, -1), (0.902, -2), (0.5, -3), (0.3, -4))]
    assert [one.score for one in survivors(branches, 3, 3)] == [-1, -3, -4]


def test_absent_and_present_of_one_iou_differ():
    branches = [branch(0.9, -1, 1.0), branch(0.9, -2, -1.0)]
    assert len(survivors(branches, 3, 3)) == 2


@pytest.fixture(scope="module")
def case():
    return next(synthetic_cases(1))


@pytest.mark.network
def test_one_pathway_that_never_branches_answers_as_the_tracker_does(case):
    slices = VolumeSlices(case.volume)
    truth = case.labels == list(case.structures.values())[1]
    (prompt,) = FIRST_PROMPTS["click"](truth, slices.grid(0).spacing)
    gate = GatedMemory(0.3)
    tracker = Tracker(load_model("starter"), slices, memory=gate)
    alone = {
        each.slice_index: each.logits
        for each in PathwayTracker(tracker, Pathways(1, gate, unsure=0.0)).segment("a", prompt)
    }
    tracker.prompt("b", prompt)
    tracked = {each.slice_index: each.logits for each in tracker.propagate(["b"])}
    assert len(alone) > 3
    for index, logits in alone.items():
        np.testing.assert_allclose(logits, tracked[index], atol=1e-3)


def test_what_a_log_holds_is_not_measured_again(tmp_path):
    rows = {"synthetic|scan 0|liver|click": {TEMPORAL: 0.5} | dict.fromkeys(RULES, 0.25)}
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows.items()))
    assert measure("starter", {"synthetic": []}, log) == rows


def test_the_table_shows_paired_differences_with_their_standard_error():
    rows = {
        f"synthetic|scan 0|{number}|{prompt}": {TEMPORAL: 0.5} | dict.fromkeys(RULES, 0.5 + gain)
        for number, gain in enumerate((0.1, 0.3))
        for prompt in ("click", "box")
    }
    shown = table(rows)
    assert shown.rows[:2] == [["structures", "2", "2"], [TEMPORAL, "0.500", "0.500"]]
    assert shown.rows[2] == ["IoU above 0.3", "+0.200 ± 0.100", "+0.200 ± 0.100"]
