"""How a slice becomes the image of a network: resampled as its training images were."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from medsam2.model.slice_wise_config import Resampling


def resampled(image: Tensor, shape: tuple[int, int], resampling: Resampling) -> Tensor:
    """An image (rows, columns) float32 with ``shape`` pixels for its voxels.

    ``"bilinear"`` is Pillow's, ``"area"`` and ``"nearest"`` are OpenCV's, and ``"cubic"`` is skimage's
    ``resize`` of order 3 with antialiasing.
    """
    along = ALONG_ROWS[resampling]
    # The longer axis first: that of a long thin slice has very many voxels.
    if len(image) > image.shape[1]:
        out = along(along(image.T.contiguous(), shape[0]).T.contiguous(), shape[1])
    else:
        out = along(along(image, shape[1]).T.contiguous(), shape[0]).T
    return out.clamp(image.min(), image.max())  # splines overshoot


def smoothed_rows(image: Tensor, size: int) -> Tensor:
    """Rows with linear interpolation, over all that a pixel covers where there are fewer pixels."""
    if image.shape[1] == size:
        return image
    # Along rows only: torch resizes columns of a single pixel wrongly (2.13).
    return F.interpolate(image[None, None], (len(image), size), mode="bilinear", antialias=True)[0, 0]


def _mean_rows(image: Tensor, size: int) -> Tensor:
    """Rows with the mean of what each pixel covers."""
    count = image.shape[1]
    sums = F.pad(image.double().cumsum(dim=1), (1, 0))
    ends = torch.arange(size + 1, dtype=torch.float64) * count / size
    before = ends.long().clamp(max=count - 1)
    up_to = torch.lerp(sums[:, before], sums[:, before + 1], ends - before)
    return (up_to.diff(dim=1) * size / count).float()


def _nearest_rows(image: Tensor, size: int) -> Tensor:
    """Rows with the voxel in which each pixel begins."""
    return image[:, torch.arange(size) * image.shape[1] // size]


def _cubic_rows(image: Tensor, size: int) -> Tensor:
    """Rows of a cubic spline, smoothed before where there are fewer pixels."""
    values, factor = image.numpy(), image.shape[1] / size
    if factor > 1:
        values = ndimage.gaussian_filter1d(values, (factor - 1) / 2, axis=1, mode="mirror")
    return torch.from_numpy(ndimage.zoom(values, (1, 1 / factor), order=3, mode="mirror", grid_mode=True))


ALONG_ROWS: dict[Resampling, Callable[[Tensor, int], Tensor]] = {
    "bilinear": smoothed_rows,
    "area": _mean_rows,
    "cubic": _cubic_rows,
    "nearest": _nearest_rows,
}
