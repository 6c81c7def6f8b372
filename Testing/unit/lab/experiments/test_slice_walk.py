"""The ways of walking that are compared are what their names say."""

import json
from unittest.mock import patch

import numpy as np
import pytest
import torch

from medsam2.model.config import STARTER
from medsam2.model.network import MedSAM2
from medsam2.tracking import tracker
from medsam2_lab.experiments.slice_walk import TRACKING, WALKS, LogitsWalker, all_scores, one_slice_network
from unit.tracking.examples import a_tracker, ball, click
from unit.tracking.oracle_network import OneSliceOracle


def test_logits_of_the_mask_before_are_shown_beside_its_box():
    with patch.object(tracker, "SliceWalker", LogitsWalker):
        walking = a_tracker(
            ball((8, 48, 48), (3, 20, 22), 9), network=OneSliceOracle(), field_of_view="slice"
        )
        first = walking.prompt("a", click(3, 20, 22))
        list(walking.propagate(direction="forward", last=4))
    points, _, logits = walking.network.asked[-1]
    assert points.shape == (1, 2, 2)
    np.testing.assert_array_equal(logits[0, 0] > 0, first.logits > 0)


@pytest.mark.network
def test_the_walking_network_has_the_same_weights_but_no_memory():
    torch.manual_seed(0)
    network = MedSAM2(STARTER).eval()
    walking = one_slice_network(network)
    assert not walking.config.remembers
    image = torch.rand(1, 1, 256, 256)
    with torch.no_grad():
        features, same = network.encode_image(image), walking.encode_image(image)
        torch.testing.assert_close(same.s16, features.s16)
        points, labels = torch.tensor([[[10.0, 10], [90, 90]]]), torch.tensor([[2, 3]])
        answer = walking.decode(same, walking.condition(same.s16, None), points, labels, ambiguous=False)
        _, said = network.decode_with_candidates(
            features, network.condition(features.s16, None), points, labels, None, False
        )
    torch.testing.assert_close(answer.logits, said.logits[:, :1])
    assert float(answer.object_score) > 0


def test_what_the_log_holds_is_not_computed_again(tmp_path):
    log, scores = tmp_path / "log.jsonl", [[0.5] * (1 + len(WALKS))]
    log.write_text(json.dumps({"case": "scan 0", "scores": scores}) + "\n")
    with patch("medsam2_lab.experiments.slice_walk.structure_scores", side_effect=AssertionError):
        found = all_scores(None, 1, None, log)
    np.testing.assert_array_equal(found["synthetic"], scores)
    assert TRACKING not in WALKS
