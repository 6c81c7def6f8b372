"""Prompts as the network takes them."""

import numpy as np
import torch
from torch import Tensor

from medsam2.model.prompt_encoder import BOX_END, BOX_START, NEGATIVE, POSITIVE
from medsam2.volume import Prompt

from .field_of_view import FieldOfView


def network_points(prompt: Prompt, field_of_view: FieldOfView, image_size: int) -> tuple[Tensor, Tensor]:
    """Points (1, P, 2) as (x, y) in the network's image, and labels (1, P); box corners come first."""
    places, labels = [], []
    if prompt.box is not None:
        (r0, r1), (c0, c1) = sorted(prompt.box[0::2]), sorted(prompt.box[1::2])
        places, labels = [(r0, c0), (r1, c1)], [BOX_START, BOX_END]
    places += [(row, column) for row, column, _ in prompt.points]
    labels += [POSITIVE if positive else NEGATIVE for _, _, positive in prompt.points]
    pixels = field_of_view.to_pixels(np.array(places), image_size)
    return torch.tensor(pixels.copy(), dtype=torch.float32)[None], torch.tensor(labels)[None]
