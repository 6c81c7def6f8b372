"""MobileSAM and LiteMedSAM equal their public sources, by golden numbers (``golden/make_tiny_vit.py``)."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.model.prompt_encoder import BOX_END, BOX_START, POSITIVE
from medsam2.model.segmentation_network import ImageFeatures, SegmentationNetwork
from parity.conftest import TOLERANCE
from parity.golden.make_tiny_vit import BOX, CLICK, sampled, smooth_image
from parity.seeded_weights import seed_weights

COUNTS = {"mobile_sam": (10_130_092, 439), "lite_medsam": (9_791_300, 435)}
"""Numbers that training changes, and tensors."""


@dataclass(frozen=True)
class Answered:
    """Our network with the same weights, what it made of the same image, and the golden numbers."""

    preset: str
    network: SegmentationNetwork
    features: ImageFeatures
    golden: dict

    def decode(self, places: list[tuple[float, float]], labels: list[int], ambiguous: bool):
        points = self.network.config.image_size * torch.tensor(places)[None]
        with torch.inference_mode():
            return self.network.decode(
                self.features, self.features.s16, points, torch.tensor(labels)[None], ambiguous=ambiguous
            )


@pytest.fixture(scope="module", params=COUNTS)
def answered(request) -> Answered:
    golden = json.loads(Path(__file__).with_name("golden").joinpath(f"{request.param}.json").read_text())
    network = build_network(network_config(request.param)).eval()
    seed_weights(network)
    with torch.inference_mode():
        features = network.encode_image(smooth_image(network.config.image_size))
    return Answered(request.param, network, features, golden)


def assert_close(ours: Tensor, theirs: list[float]) -> None:
    theirs = torch.tensor(theirs)
    assert theirs.std() > 20 * TOLERANCE
    assert float((torch.tensor(sampled(ours)) - theirs).abs().max()) <= TOLERANCE


def test_names_and_shapes_of_all_tensors(answered):
    shapes = {name: list(tensor.shape) for name, tensor in answered.network.state_dict().items()}
    assert shapes == answered.golden["shapes"]
    numbers = sum(parameter.numel() for parameter in answered.network.parameters())
    assert (numbers, len(shapes)) == COUNTS[answered.preset]


def test_features(answered):
    assert answered.features.s16.shape == (1, 256, 64, 64)
    assert_close(answered.features.s16, answered.golden["features"])


def test_a_click(answered):
    """MobileSAM answers with the best of three masks; LiteMedSAM knows a single one."""
    prediction = answered.decode([CLICK], [POSITIVE], ambiguous=True)
    golden = answered.golden["click" if answered.preset == "mobile_sam" else "single click"]
    best = golden["ious"].index(max(golden["ious"]))
    each = len(golden["logits"]) // len(golden["ious"])
    assert_close(prediction.logits, golden["logits"][best * each : (best + 1) * each])
    assert math.isclose(float(prediction.iou), max(*golden["ious"], 0), abs_tol=TOLERANCE)


def test_a_box(answered):
    prediction = answered.decode([BOX[:2], BOX[2:]], [BOX_START, BOX_END], ambiguous=False)
    assert_close(prediction.logits, answered.golden["box"]["logits"])
