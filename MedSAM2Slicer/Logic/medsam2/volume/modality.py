"""Finds out from intensities alone what made an image."""

import numpy as np


def guess_modality(voxels: np.ndarray) -> str | None:
    """``"CT"`` for voxels that look like Hounsfield units, else None."""
    is_ct = voxels.dtype.kind in "if" and -3100 <= voxels.min() <= -500 and 100 <= voxels.max() <= 32767
    return "CT" if is_ct else None
