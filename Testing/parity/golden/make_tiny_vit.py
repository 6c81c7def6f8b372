"""Make `mobile_sam.json` and `lite_medsam.json`: what the public networks answer with seeded weights.

Run once for each, with a checkout of its public source, from the folder Testing:

    python -m parity.golden.make_tiny_vit mobile_sam PATH    # github.com/ChaoningZhang/MobileSAM
    python -m parity.golden.make_tiny_vit lite_medsam PATH   # github.com/bowang-lab/MedSAM, branch LiteMedSAM

The sources run as they are; of the package timm, which they import, they need next to nothing.
"""

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from parity.conftest import random_images
from parity.sam_reference import answer, package_without_init
from parity.seeded_weights import seed_weights

CLICK = (0.4, 0.55)
BOX = (0.2, 0.3, 0.65, 0.8)
"""A click, and a box (x0, y0, x1, y1), as parts of the image's side."""
SAM_MEAN = torch.tensor((123.675, 116.28, 103.53)).view(3, 1, 1)
SAM_STD = torch.tensor((58.395, 57.12, 57.375)).view(3, 1, 1)


def smooth_image(size: int) -> Tensor:
    """A grey image (1, 1, size, size) of 8 bits that reaches from 0 to 1."""
    return (255 * random_images(1, size)).round() / 255


def sampled(values: Tensor) -> list:
    """A lattice of a map (1, C, H, W), small enough to keep."""
    _, channels, side, _ = values.shape
    lattice = values[0, :: max(channels // 8, 1), 3 :: side // 7, 5 :: side // 7]
    return [round(value, 5) for value in lattice.flatten().tolist()]


def _stub_timm() -> None:
    """What the sources import of timm does nothing when weights are given and nothing is trained."""
    layers, registry = ModuleType("timm.models.layers"), ModuleType("timm.models.registry")
    layers.DropPath = type("DropPath", (nn.Identity,), {})
    layers.to_2tuple = lambda side: (side, side)
    layers.trunc_normal_ = lambda tensor, **_: tensor
    registry.register_model = lambda builder: builder
    for module in (ModuleType("timm"), ModuleType("timm.models"), layers, registry):
        sys.modules[module.__name__] = module


def _mobile_sam(checkout: Path) -> tuple[nn.Module, int, Tensor]:
    package_without_init("mobile_sam", str(checkout / "mobile_sam"))
    network = importlib.import_module("mobile_sam.build_sam").build_sam_vit_t()
    return network, 1024, (255 * smooth_image(1024) - SAM_MEAN) / SAM_STD


def _lite_medsam(checkout: Path) -> tuple[nn.Module, int, Tensor]:
    """As its inference script puts the network together."""
    package_without_init("segment_anything", str(checkout / "segment_anything"))
    sys.path.insert(0, str(checkout))
    parts = importlib.import_module("segment_anything.modeling")
    encoder = importlib.import_module("tiny_vit_sam").TinyViT(
        img_size=256,
        embed_dims=[64, 128, 160, 320],
        depths=[2, 2, 6, 2],
        num_heads=[2, 4, 5, 10],
        window_sizes=[7, 7, 14, 7],
        drop_path_rate=0.0,
        layer_lr_decay=0.8,
    )
    transformer = parts.TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8)
    decoder = parts.MaskDecoder(num_multimask_outputs=3, transformer=transformer, transformer_dim=256)
    prompts = parts.PromptEncoder(
        embed_dim=256, image_embedding_size=(64, 64), input_image_size=(256, 256), mask_in_chans=16
    )
    network = nn.ModuleDict({"image_encoder": encoder, "prompt_encoder": prompts, "mask_decoder": decoder})
    return network, 256, smooth_image(256).expand(-1, 3, -1, -1)


def _answer(network: nn.Module, features: Tensor, multimask: bool, **prompt) -> dict:
    logits, ious = answer(network, features, multimask, **prompt)
    return {"ious": [round(iou, 6) for iou in ious[0].tolist()], "logits": sampled(logits)}


@torch.inference_mode()
def golden(network: nn.Module, size: int, images: Tensor) -> dict:
    """Shapes of all tensors, and what the network answers."""
    seed_weights(network)
    network.eval()  # only now: evaluation keeps biases that it made of the weights
    features = network.image_encoder(images)
    click = (size * torch.tensor(CLICK)[None, None], torch.ones(1, 1))
    return {
        "shapes": {name: list(tensor.shape) for name, tensor in network.state_dict().items()},
        "features": sampled(features),
        "click": _answer(network, features, True, points=click),
        "single click": _answer(network, features, False, points=click),
        "box": _answer(network, features, False, boxes=size * torch.tensor(BOX)[None]),
    }


def main() -> None:
    """Make one of the two files, beside this one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    builders = {"mobile_sam": _mobile_sam, "lite_medsam": _lite_medsam}
    parser.add_argument("network", choices=builders)
    parser.add_argument("checkout", type=Path)
    arguments = parser.parse_args()
    _stub_timm()
    numbers = golden(*builders[arguments.network](arguments.checkout))
    commit = subprocess.check_output(
        ("git", "-C", str(arguments.checkout), "rev-parse", "HEAD"), text=True
    ).strip()
    how = (
        f"Made by Testing/parity/golden/make_tiny_vit.py of the public source at commit {commit}, with "
        "weights and image from seeds; no public weights went in."
    )
    target = Path(__file__).with_name(f"{arguments.network}.json")
    target.write_text(json.dumps({"how": how} | numbers, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
