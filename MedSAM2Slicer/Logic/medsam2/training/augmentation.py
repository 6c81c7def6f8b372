"""Changes to a clip that leave what it shows the same: turns, shears, flips, brightness."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.volume import Window

LARGEST_TURN, LARGEST_SHEAR = np.deg2rad(25), np.deg2rad(20)
WINDOW_JITTER = 0.1
"""How far either end of the window moves, in shares of its width."""
FRAME_JITTER = 0.05
"""How much brightness and contrast differ from slice to slice."""


def random_affine(rng: np.random.Generator) -> Tensor:
    """A turn, a shear and flips about the middle of the image, (2, 3) for ``affine_grid``."""
    turn = rng.uniform(-LARGEST_TURN, LARGEST_TURN)
    shear = np.tan(rng.uniform(-LARGEST_SHEAR, LARGEST_SHEAR))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = rotation @ np.array([[1, shear], [0, 1]]) @ np.diag(rng.choice([-1, 1], 2))
    return torch.tensor(np.pad(matrix, ((0, 0), (0, 1))), dtype=torch.float32)


def transformed(images: Tensor, affine: Tensor) -> Tensor:
    """Images (N, C, S, S) resampled; black where they do not reach."""
    grid = F.affine_grid(affine.expand(len(images), -1, -1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def jittered_window(window: Window, rng: np.random.Generator) -> Window:
    """The window with both ends moved a little, as people set it."""
    lower, upper = np.array([window.lower, window.upper]) + WINDOW_JITTER * (
        window.upper - window.lower
    ) * rng.uniform(-1, 1, 2)
    return Window(float(lower), float(upper))


def jittered_frames(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Images (T, 1, S, S) in [0, 1], each with a brightness and a contrast of its own."""
    contrast, brightness = (
        torch.tensor(rng.uniform(-FRAME_JITTER, FRAME_JITTER, (len(images), 1, 1, 1)), dtype=torch.float32)
        for _ in range(2)
    )
    return (images * (1 + contrast) + brightness).clamp(0, 1)
