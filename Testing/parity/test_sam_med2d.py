"""SAM-Med2D equals its public source by golden numbers (`golden/make_sam_med2d.py`)."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medsam2.model.config import network_config
from medsam2.model.slice_wise import SliceWiseNetwork
from medsam2.model.slice_wise_config import SliceWiseConfig, ViTSizes
from parity.conftest import TOLERANCE, random_images

golden = pytest.importorskip(
    "parity.golden.make_sam_med2d", reason="needs the segment-anything package: `make test` installs it"
)
NUMBERS = json.loads((Path(__file__).parent / "golden" / "sam_med2d.json").read_text())


@pytest.fixture(scope="module")
def network() -> SliceWiseNetwork:
    config = network_config("sam_med2d")
    assert isinstance(config, SliceWiseConfig)
    assert isinstance(config.encoder, ViTSizes)
    encoder = replace(config.encoder, depth=golden.DEPTH, global_blocks=golden.GLOBAL_BLOCKS)
    network = SliceWiseNetwork(replace(config, encoder=encoder)).eval()
    golden.seed_weights(network)
    golden.strengthen_positions(network.image_encoder.pos_embed)
    return network


def assert_same(ours: torch.Tensor, theirs: list[float]) -> None:
    expected = torch.tensor(theirs)
    assert expected.std() > 0.1
    assert (torch.tensor(golden.lattice(ours)) - expected).abs().max() <= TOLERANCE


def test_names_and_shapes(network):
    assert {name: list(tensor.shape) for name, tensor in network.state_dict().items()} == NUMBERS["shapes"]


@torch.inference_mode()
def test_features_and_masks(network):
    features = network.encode_image(random_images(1, golden.SIZE))
    assert_same(features.s16[0], NUMBERS["features"])
    click = (torch.tensor([[golden.CLICK]]), torch.tensor([[1]]))
    box = (torch.tensor([golden.BOX]).reshape(1, 2, 2), torch.tensor([[2, 3]]))
    for kind, (points, labels) in {"click": click, "box": box}.items():
        # The best of three whatever is asked for.
        answer = network.decode(features, features.s16, points, labels, ambiguous=False)
        assert_same(answer.logits[0], NUMBERS[kind]["logits"])
        assert float(answer.iou) == pytest.approx(min(max(NUMBERS[kind]["iou"], 0), 1), abs=TOLERANCE)
