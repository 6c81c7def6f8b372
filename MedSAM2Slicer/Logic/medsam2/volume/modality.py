"""What made an image: stated by its file or the user, or found out from its intensities."""

import numpy as np

from medsam2.errors import InputError
from medsam2.volume.intensities import sample, without_padding

MODALITIES = ("CT", "MR", "PT", "NM", "US", "XA", "RF", "CR", "DX", "MG", "OP", "ES", "OCT", "GM", "OT")
# Ranges of Hounsfield units. What is below air is padding, or resampling mixed padding into it.
_AIR, _BETWEEN, _TISSUE = (-1100, -700), (-700, -400), (-500, np.inf)
_SOFT_TISSUE, _FAT, _DENSE = (-160, 240), (-200, -20), (240, np.inf)
_LEAST_SOFT = 0.17
"""Soft tissue has at least this share of what is denser than lung; fat, bones and metal are the rest."""
_MOST_BETWEEN = 1.5
"""Voxels between air and fat, as a share of those of air: noise round 0 has more of them."""
_LEAST_FAT = 0.005
_LIGHTER, _LEAST_LIGHTER = -50, 0.01
"""Hounsfield units of fat and less, and their share of a CT that has much of what is dense."""
_MOST_DENSE = 0.3
"""Of a CT without anything less dense than water, such as an organ that was cut out."""
_MOST_VALUES_OF_A_PHANTOM = 32


def parse_modality(text: str) -> str:
    """DICOM's word in capitals; InputError for what is no such word."""
    if text.upper() not in MODALITIES:
        raise InputError(f"There is no modality {text!r}: give DICOM's word for it, {', '.join(MODALITIES)}.")
    return text.upper()


def guess_modality(voxels: np.ndarray) -> str | None:
    """``"CT"`` for voxels (k, j, i) that look like Hounsfield units, else None.

    Padding does not count, whatever its value. Of the rest, air and soft tissue must have the shares that
    they have in every CT. Images of MR and PET, phases, differences of images, and images that went
    through a window have others.
    """
    if voxels.dtype.kind not in "if":
        return None
    return "CT" if _looks_like_hounsfield(*without_padding(sample(voxels))) else None


def _looks_like_hounsfield(measured: np.ndarray, padding: float | None) -> bool:
    air_is_flat = _is_air(padding)
    if air_is_flat and np.unique(measured).size <= _MOST_VALUES_OF_A_PHANTOM:
        return True
    tissue, soft = _count(measured, _TISSUE), _count(measured, _SOFT_TISSUE)
    if not tissue or soft < _LEAST_SOFT * tissue:
        return False
    # Any image may be padded with the value of air or less, but none but CT goes on below 0.
    has_fat = _count(measured, _FAT) >= _LEAST_FAT * tissue
    air = _count(measured, _AIR)
    if air > 0 and not air_is_flat and _count(measured, _BETWEEN) <= _MOST_BETWEEN * air:
        return True
    return has_fat and padding is not None and padding <= _AIR[1]


def may_be_hounsfield(voxels: np.ndarray) -> bool:
    """Whether a CT is in Hounsfield units, as far as one can tell; some were never rescaled to them.

    Those have hardly a number as low as that of fat, and much of what is not 0 is higher than soft tissue.
    """
    measured, padding = without_padding(sample(voxels))
    foreground = measured[measured != 0]
    if not foreground.size or _is_air(padding):
        return True
    if np.searchsorted(foreground, _LIGHTER) >= _LEAST_LIGHTER * foreground.size:
        return True
    return _count(foreground, _DENSE) < _MOST_DENSE * foreground.size


def _is_air(padding: float | None) -> bool:
    return padding is not None and _AIR[0] <= padding <= _AIR[1]


def _count(measured: np.ndarray, limits: tuple[float, float]) -> int:
    """Voxels within limits, both included, of those that were sorted."""
    first, last = np.searchsorted(measured, limits[0]), np.searchsorted(measured, limits[1], side="right")
    return int(last - first)
