"""What SAM-Med2D adds to each block of the image encoder (Cheng et al. 2023, ``Adapter_Layer``)."""

from torch import Tensor, nn

from .products import Linear

REDUCTION = 4


class Adapter(nn.Module):
    """A gate for each channel, then a look at the surroundings, added to the map."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.channel = nn.Sequential(
            Linear(dim, dim // REDUCTION, bias=False),
            nn.ReLU(),
            Linear(dim // REDUCTION, dim, bias=False),
            nn.Sigmoid(),
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=3, stride=2, padding=1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(dim, dim, kernel_size=4, stride=2, padding=1, bias=False),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, dim) to the same shape; H and W are even."""
        gated = x * self.channel(x.mean(dim=(1, 2)))[:, None, None]
        return self.norm(x + self.spatial(gated.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
