"""What is compared is each shortcut's masks with those of exact computing, and with the truth."""

import json
from unittest.mock import patch

import numpy as np
import pytest

from medsam2.shortcuts import EXACT
from medsam2_lab.experiments import shortcuts
from medsam2_lab.experiments.shortcuts import MODES, all_scores, case_scores, table


def test_masks_are_compared_with_the_first_network_s_and_with_the_truth():
    truth = np.zeros((1, 4, 4), bool)
    truth[0, :2] = True
    masks = {"exact": truth, "less": truth & (np.arange(4) < 2), "nothing": np.zeros_like(truth)}
    with (
        patch.object(shortcuts, "truths", return_value=[(None, truth)]),
        patch.object(shortcuts, "_mask", lambda network, slices, truth: masks[network]),
    ):
        (found,) = case_scores(["exact", "less", "nothing"], [])
        (unfound,) = case_scores(["nothing", "nothing"], [])
    assert found == [[1, 1], [pytest.approx(2 / 3)] * 2, [0, 0]]
    assert unfound == [[1, 0], [1, 0]]


def test_the_table_names_mean_and_worst_of_what_the_log_holds(tmp_path):
    log, count = tmp_path / "log.jsonl", len(MODES)
    scores = [[[1.0, 0.5]] * count, [[0.5, 0.7]] * count]
    log.write_text(json.dumps({"case": "scan 0", "scores": scores}) + "\n")
    with patch.object(shortcuts, "case_scores", side_effect=AssertionError):
        found = all_scores([], 1, None, log)
    assert table(found, "starter").rows[0] == ["exact", 0.75, 0.5, pytest.approx(0.6)]
    assert next(iter(MODES.values())) == EXACT
