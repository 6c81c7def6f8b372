"""EfficientTAM answers as its public source does, of which there is no package: by numbers kept from it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.prompt import Prompt
from medsam2.tracking import Tracker
from medsam2.volume import ImageSet
from parity.conftest import TOLERANCE
from parity.golden.efficienttam_cases import CASES, FRAMES, Case, give_weights, samples

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("efficienttam.json").read_text("utf-8"))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request) -> Iterator[Case]:
    yield request.param
    network_of.cache_clear()


@cache
def network_of(case: Case) -> SegmentationNetwork:
    network = build_network(replace(network_config(case.preset), image_size=case.image_size)).eval()
    give_weights(network)
    return network


def assert_golden(case: Case, name: str, ours: Tensor | np.ndarray) -> None:
    theirs = np.array(GOLDEN["cases"][case.name][name])
    difference = np.abs(np.array(samples(torch.as_tensor(ours))) - theirs).max()
    assert difference <= TOLERANCE, f"{name} differs by {difference}"
    assert theirs.std() > 100 * TOLERANCE, "numbers that say nothing"


def test_features_and_answers_to_a_click_and_a_box(case):
    network = network_of(case)
    x0, y0, x1, y1 = case.box()
    with torch.inference_mode():
        features = network.encode_image(case.frames()[:1])
        alone = network.condition(features.s16, None)
        click = network.decode(
            features, alone, torch.tensor([[case.click()]]), torch.tensor([[1]]), ambiguous=True
        )
        box = network.decode(
            features,
            alone,
            torch.tensor([[(x0, y0), (x1, y1)]]),
            torch.tensor([[2, 3]]),
            ambiguous=False,
        )
    assert_golden(case, "features", features.s16)
    assert_golden(case, "click", click.logits)
    assert_golden(case, "pointer", click.pointer)
    assert_golden(case, "box", box.logits)


def test_a_track_from_a_click(case):
    x, y = case.click()
    images = ImageSet(list(case.frames()[:, 0].numpy()))
    tracker = Tracker(network_of(case), images, field_of_view="slice", connected=False, absent_stop=None)
    tracker.prompt("object", Prompt(0, points=((y, x, True),)))
    masks = {mask.slice_index: mask for mask in tracker.propagate(direction="forward")}
    for frame in range(1, FRAMES):
        assert_golden(case, f"frame {frame}", masks[frame].logits)


def test_memories_change_what_is_found():
    """Else the numbers of tracked frames would say nothing of memories, nor of how they are pooled."""
    cases = GOLDEN["cases"]
    for numbers in cases.values():
        tracked = np.array([numbers[f"frame {frame}"] for frame in range(1, FRAMES)])
        assert np.abs(tracked - np.array(numbers["click"])).max(axis=1).min() > 100 * TOLERANCE
