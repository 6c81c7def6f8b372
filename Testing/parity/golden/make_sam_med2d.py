"""Make `sam_med2d.json`: what the public source of SAM-Med2D answers with seeded weights.

Run from the folder Testing with a checkout of github.com/OpenGVLab/SAM-Med2D:

    python -m parity.golden.make_sam_med2d PATH

The source runs as it is, with three of its twelve blocks; its predictor, and what that imports, is not used.
"""

import argparse
import importlib
import json
import subprocess
from pathlib import Path

import torch
from torch import Tensor

from parity.conftest import random_images
from parity.sam_reference import answer, package_without_init, strengthen_positions
from parity.seeded_weights import seed_weights

SIZE, DEPTH, GLOBAL_BLOCKS = 256, 3, (2,)
CLICK, BOX = (100.0, 130.0), (60.0, 80.0, 190.0, 170.0)
"""A click, and a box (x0, y0, x1, y1), in pixels."""


def lattice(values: Tensor) -> list[float]:
    """Some of a map's values (C, H, W), few enough to keep."""
    _, height, width = values.shape
    return [round(value, 5) for value in values[::37, 1 :: height // 6, 2 :: width // 6].flatten().tolist()]


@torch.inference_mode()
def golden(checkout: Path) -> dict:
    """Shapes of all tensors, features of an image, and the best mask for a click and for a box."""
    package_without_init("segment_anything", str(checkout / "segment_anything"))
    build = importlib.import_module("segment_anything.build_sam")
    network = build._build_sam(768, DEPTH, 12, GLOBAL_BLOCKS, SIZE, None, encoder_adapter=True).eval()
    seed_weights(network)
    strengthen_positions(network.image_encoder.pos_embed)
    images = (255 * random_images(1, SIZE)).round()
    features = network.image_encoder((images - network.pixel_mean) / network.pixel_std)
    answers = {
        "click": answer(network, features, True, points=(torch.tensor([[CLICK]]), torch.ones(1, 1))),
        "box": answer(network, features, True, boxes=torch.tensor([BOX])),
    }
    return {
        "shapes": {name: list(tensor.shape) for name, tensor in network.state_dict().items()},
        "features": lattice(features[0]),
        # As its predictor chooses.
        **{
            kind: {"iou": round(float(ious.max()), 5), "logits": lattice(logits[0, ious.argmax(dim=1)])}
            for kind, (logits, ious) in answers.items()
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    folder = parser.parse_args().checkout
    revision = subprocess.check_output(("git", "-C", folder, "rev-parse", "HEAD"), text=True).strip()
    source = {"source": f"github.com/OpenGVLab/SAM-Med2D at {revision}", "torch": torch.__version__}
    target = Path(__file__).with_name("sam_med2d.json")
    target.write_text(json.dumps(source | golden(folder), indent=1) + "\n")
