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
from medsam2.tracking.slice_mask import SliceMask
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


def track(case: Case, last: int) -> dict[int, SliceMask]:
    x, y = case.click()
    images = ImageSet(list(case.frames()[:, 0].numpy()))
    tracker = Tracker(network_of(case), images, field_of_view="slice", connected=False, absent_stop=None)
    tracker.prompt("object", Prompt(0, points=((y, x, True),)))
    return {mask.slice_index: mask for mask in tracker.propagate(direction="forward", last=last)}


def golden(case: Case, name: str) -> np.ndarray:
    return np.array(GOLDEN["cases"][case.name][name])


def assert_golden(case: Case, name: str, ours: np.ndarray | Tensor) -> None:
    theirs = golden(case, name)
    assert theirs.std() > 100 * TOLERANCE, "numbers that say nothing"
    difference = np.abs(samples(ours) - theirs).max()
    assert difference <= TOLERANCE, f"{name} differs by {difference}"


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
    masks = track(case, FRAMES - 1)
    for frame in range(1, FRAMES):
        assert_golden(case, f"frame {frame}", masks[frame].logits)


def test_memories_that_are_not_pooled_give_other_answers():
    """Else the numbers of pooled ones would say nothing; a single memory is never pooled."""
    (pooled,) = (case for case in CASES if case.preset == "efficienttam_ti_1")
    masks = track(replace(pooled, preset="efficienttam_ti"), last=2)
    differences = [
        np.abs(samples(masks[frame].logits) - golden(pooled, f"frame {frame}")).max() for frame in (1, 2)
    ]
    assert differences[0] <= TOLERANCE
    assert differences[1] > 100 * TOLERANCE
