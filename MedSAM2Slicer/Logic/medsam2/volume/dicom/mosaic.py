"""The planes of a Siemens mosaic: all slices of one time point side by side in one image."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pydicom
from pydicom import Dataset

from medsam2.volume.dicom import plain
from medsam2.volume.dicom.frame import Frame, ImageFile
from medsam2.volume.dicom.header import DamagedFile, text


def is_mosaic(ds: Dataset) -> bool:
    """Whether a header describes a mosaic."""
    return "MOSAIC" in text(ds, "ImageType").split("\\")


def frames(file: ImageFile, ds: Dataset) -> list[Frame]:
    """The planes of a mosaic, whose private CSA header says how many there are and how they are stacked.

    Raises:
        DamagedFile: that header is missing, as it is from anonymised files, or contradicts the image.
    """
    whole_image, (count, normal) = plain.frames(file, ds)[0], _layout(file)
    across = math.ceil(math.sqrt(count))
    if whole_image.shape[0] % across or whole_image.shape[1] % across:
        raise DamagedFile(f"it is a mosaic that cannot be cut into {across} x {across} slices")
    shape = whole_image.shape[0] // across, whole_image.shape[1] // across
    position, spacing, step = whole_image.position, whole_image.spacing, whole_image.step
    if position is None or whole_image.directions is None or spacing is None or step is None:
        raise DamagedFile("it is a mosaic that does not say where its slices lie")
    if abs(normal @ whole_image.normal) < math.cos(math.radians(1)):
        raise DamagedFile("it is a mosaic whose slices are stacked in a slanting direction")
    to_next = step * math.copysign(1, normal @ whole_image.normal) * whole_image.normal
    # A mosaic's position is that of a slice as large as the mosaic round the same middle.
    excess = (np.array(whole_image.shape) - shape) / 2 * spacing
    first = position + excess[::-1] @ whole_image.directions
    return [
        replace(
            whole_image,
            shape=shape,
            position=first + number * to_next,
            tile=(number // across * shape[0], number % across * shape[1]),
        )
        for number in range(count)
    ]


def _layout(file: ImageFile) -> tuple[int, np.ndarray]:
    """Number of slices, and the direction (3,), LPS, in which one follows the other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls itself unstable; the parity tests tell whether it is
        from nibabel.nicom import csareader

    # Private elements are left out of the first reading: they are long, and most files need none.
    ds = pydicom.dcmread(file.path, stop_before_pixels=True, force=True)
    try:
        csa = csareader.get_csa_header(ds, "image") or {}
        count, normal = csareader.get_n_mosaic(csa), csareader.get_slice_normal(csa)
    except KeyError:
        count = normal = None
    except Exception as error:  # the reader raises whatever damaged bytes lead it to
        raise DamagedFile("it is a mosaic whose Siemens header cannot be read") from error
    if not count or count < 1 or normal is None or not np.isfinite(normal).all():
        raise DamagedFile(
            "it is a mosaic without the Siemens header that says how its slices lie, as anonymised files are"
        )
    return count, np.asarray(normal, float)
