"""What EfficientTAM's golden numbers are of; the script that makes them and the test share this."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from parity.conftest import random_images
from parity.seeded_weights import seed_weights

FRAMES = 5
SAMPLES = 16


@dataclass(frozen=True)
class Case:
    """A network and the side of its images, which is smaller than its own where that keeps the test short."""

    preset: str
    image_size: int

    @property
    def name(self) -> str:
        """As the file of numbers calls it."""
        return f"{self.preset} at {self.image_size}"

    def frames(self) -> Tensor:
        """Images (FRAMES, 1, S, S)."""
        return random_images(FRAMES, self.image_size, seed=3)

    def click(self) -> tuple[float, float]:
        """(x, y) in pixels."""
        return 0.4 * self.image_size, 0.55 * self.image_size

    def box(self) -> tuple[float, float, float, float]:
        """(x, y, x, y) in pixels."""
        return tuple(share * self.image_size for share in (0.2, 0.3, 0.7, 0.6))


CASES = (
    Case("efficienttam_ti_512", 512),
    Case("efficienttam_ti", 224),
    Case("efficienttam_s", 288),
    Case("efficienttam_ti_1", 256),
    Case("efficienttam_s_2", 256),
)


@torch.no_grad()
def give_weights(network: nn.Module) -> None:
    """Weights made of the names, such that positions and memories change the answers by more than noise."""
    seed_weights(network)
    for name, tensor in network.state_dict().items():
        if name.endswith(("pos_embed", "maskmem_tpos_enc")):
            tensor.mul_(0.5 / tensor.std())
        elif name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor.mul_(2)
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(10)  # the object is on every frame


def samples(values: Tensor | np.ndarray) -> np.ndarray:
    """Some of an array's numbers, from all over it."""
    flat = np.asarray(values, np.float64).ravel()
    return flat[np.linspace(0, len(flat) - 1, SAMPLES).astype(int)].round(5)
