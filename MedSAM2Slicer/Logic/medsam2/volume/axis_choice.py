"""Along which axis to track: named by letter, by the plane of its slices, or chosen."""

from medsam2.errors import InputError
from medsam2.volume.display import anatomical_axes
from medsam2.volume.geometry import AXES, Geometry
from medsam2.volume.orientation import PLANES, slice_axis


def choose_axis(geometry: Geometry, wanted: str = "auto") -> str:
    """The array axis "k", "j" or "i" that is wanted, in upper or lower case.

    ``auto`` takes the axis along which the slices lie. A plane takes the axis nearest to its normal.

    Raises:
        InputError: ``wanted`` is none of these.
    """
    word = wanted.strip().lower()
    if word in AXES:
        return word
    if word in PLANES:
        return AXES[anatomical_axes(geometry)[0].index(PLANES.index(word))]
    if word != "auto":
        raise InputError(f"There is no axis {wanted}: give auto, axial, coronal, sagittal, k, j or i.")
    return slice_axis(geometry)
