"""Which weights a fine-tuning run changes, and how fast (MedSAM2's recipe on top of SAM 2's trainer)."""

import re
from collections.abc import Sequence

import torch

from medsam2.errors import InputError
from medsam2.model.network import MedSAM2
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.training.run import decay_groups

ENCODER_SHARE = 0.6
"""The image encoder's rate, in shares of that of the rest: 3e-5 to 5e-5."""
LAYER_DECAY = 0.9
"""Each block of the trunk learns this much slower than the next one; position embeddings at full rate."""
WEIGHT_DECAY = 0.1
BETAS = (0.9, 0.999)
TRUNK = "image_encoder.trunk."


def trainable(network: SegmentationNetwork, weights: str) -> MedSAM2:
    """The network, of a kind that can be trained.

    Raises:
        InputError: it is of another.
    """
    if not isinstance(network, MedSAM2):
        raise InputError(
            f"The weights '{weights}' are of {network.config.family}, which segments single slices and is "
            "not trained here: start from weights that track, such as starter or sam2.1-tiny."
        )
    return network


def freeze(network: MedSAM2, parts: Sequence[str]) -> None:
    """Keep parts of the network as they are.

    Raises:
        InputError: there is no such part.
    """
    known = dict(network.named_children())
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise InputError(f"The network has no part '{unknown[0]}' to freeze; choose from {', '.join(known)}.")
    for part in parts:
        known[part].requires_grad_(False)


def make_optimiser(network: MedSAM2, rate: float) -> torch.optim.AdamW:
    """AdamW for the parameters that are not frozen, each at its own rate."""
    by_rate: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            own = rate * _rate_share(name, len(network.image_encoder.trunk.blocks))
            by_rate.setdefault(own, []).append(parameter)
    groups = [
        {**group, "lr": own}
        for own, parameters in by_rate.items()
        for group in decay_groups(parameters, WEIGHT_DECAY)
        if group["params"]
    ]
    return torch.optim.AdamW(groups, betas=BETAS)


def _rate_share(name: str, blocks: int) -> float:
    """Rate of a parameter, in shares of the rate of everything but the image encoder."""
    if not name.startswith("image_encoder."):
        return 1.0
    if not name.startswith(TRUNK) or "pos_embed" in name:
        return ENCODER_SHARE
    block = re.match(re.escape(TRUNK) + r"blocks\.(\d+)\.", name)
    number = int(block[1]) if block else -1  # the patch embedding comes before the first block
    return ENCODER_SHARE * LAYER_DECAY ** (blocks - number)
