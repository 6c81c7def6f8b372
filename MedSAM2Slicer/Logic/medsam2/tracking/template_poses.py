"""A template in several poses: what the network remembers of it where the object lies elsewhere.

Memory attention compares place by place, and networks learnt it on slices in which an object hardly moves.
In unrelated images it lies anywhere, larger or smaller, and turned.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Pose:
    """Where a template's object is moved to.

    Attributes:
        angle: radians about the object's centre.
        scale: of its size.
        right, down: shift, as a share of the image's side.
    """

    angle: float = 0.0
    scale: float = 1.0
    right: float = 0.0
    down: float = 0.0

    def moved(self, image: Tensor, centre: tuple[float, float]) -> Tensor:
        """An image (1, C, S, S) in this pose, mirrored at its border; ``centre`` (x, y) from -1 to 1."""
        if self == Pose():
            return image
        cos, sin = math.cos(self.angle) / self.scale, math.sin(self.angle) / self.scale
        x, y = centre
        to_x, to_y = x + 2 * self.right, y + 2 * self.down
        matrix = torch.tensor(
            [[cos, -sin, x - cos * to_x + sin * to_y], [sin, cos, y - sin * to_x - cos * to_y]],
            dtype=image.dtype,
            device=image.device,
        )
        grid = F.affine_grid(matrix[None], list(image.shape), align_corners=False)
        return F.grid_sample(image, grid, align_corners=False, padding_mode="reflection")


TURN, GROWTH, SHIFT = 0.2, 1.15, 0.075
POSES = (
    Pose(),
    Pose(angle=TURN),
    Pose(angle=-TURN),
    Pose(scale=GROWTH),
    Pose(scale=1 / GROWTH),
    Pose(right=SHIFT),
    Pose(right=-SHIFT),
    Pose(down=SHIFT),
    Pose(down=-SHIFT),
)


def centre_of(mask: Tensor) -> tuple[float, float]:
    """The middle (x, y) of a mask (1, 1, S, S) that is not empty, from -1 to 1."""
    size = mask.shape[-1]
    rows, columns = torch.nonzero(mask[0, 0] > 0, as_tuple=True)
    x, y = ((2 * (places.float().mean() + 0.5) / size - 1).item() for places in (columns, rows))
    return x, y
