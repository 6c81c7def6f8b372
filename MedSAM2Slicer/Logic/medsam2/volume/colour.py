"""Colours as grey values."""

from pathlib import Path

import numpy as np

from medsam2.errors import InputError
from medsam2.volume.volume_warning import note

_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
_WITH_ALPHA = 4


def grey_of_colours(path: Path, voxels: np.ndarray) -> np.ndarray:
    """Luminance (…) of colours (…, component): red, green, blue, and alpha, which counts for nothing.

    Warns that the image is in colour, unless all of it is grey.

    Raises:
        InputError: the components are no colours: a vector field, a complex image, a tensor.
    """
    if voxels.dtype.kind != "u" or voxels.shape[-1] not in (3, _WITH_ALPHA):
        raise InputError(f"{path} holds more than one number per voxel: give an image of plain intensities.")
    if any((plane[..., 1:3] != plane[..., :1]).any() for plane in voxels):
        note(f"{path} is in colour: its brightness is segmented.")
    return np.stack([_luminance(plane) for plane in voxels]) if voxels.ndim == 4 else _luminance(voxels)


def _luminance(plane: np.ndarray) -> np.ndarray:
    return np.rint(plane[..., :3] @ np.array(_LUMINANCE)).astype(plane.dtype)
