"""TinyViT, MobileSAM's and LiteMedSAM's image encoder, equals its public source by golden numbers."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from medsam2.model.tiny_vit import TinyViT
from parity.conftest import TOLERANCE
from parity.golden.make_tiny_vit import sampled, smooth_image
from parity.seeded_weights import seed_weights

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(("name", "kernel", "classifies", "size"), [("lite_medsam", 1, False, 256)])
def test_features(name, kernel, classifies, size):
    numbers = json.loads((GOLDEN / f"{name}.json").read_text())
    network = nn.ModuleDict({"image_encoder": TinyViT(kernel, classifies=classifies)})
    seed_weights(network)
    with torch.inference_mode():
        features = network.eval().image_encoder(smooth_image(size).expand(-1, 3, -1, -1))
    assert torch.allclose(torch.tensor(sampled(features)), torch.tensor(numbers["features"]), atol=TOLERANCE)
