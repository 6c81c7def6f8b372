"""Reading the segments of a DICOM Segmentation (SEG), made by whichever program."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import RTStructureSetStorage

from medsam2.errors import InputError
from medsam2.volume.dicom.finding import SEGMENTATIONS
from medsam2.volume.dicom.header import text
from medsam2.volume.dicom.stack import TOLERANCE
from medsam2.volume.files.dicom_signature import is_dicom_file
from medsam2.volume.geometry import LPS_TO_RAS, Geometry
from medsam2.volume.segment import PALETTE, Color


def read_dicom_segments(path: Path) -> tuple[list[tuple[int, str, Color]], np.ndarray, Geometry] | None:
    """Number, name and colour of each segment, their masks (k, j, i, segment), and the grid of these.

    Returns None for a file that is no DICOM Segmentation.

    Raises:
        InputError: its frames form no regular grid, the file is damaged, or it is an RTSTRUCT.
    """
    if not is_dicom_file(path):
        return None
    ds = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    if ds.get("SOPClassUID") == RTStructureSetStorage:
        raise InputError(f"{path} is an RTSTRUCT, which cannot be a mask: give a DICOM SEG or a labelmap.")
    if ds.get("SOPClassUID") not in SEGMENTATIONS:
        return None
    from highdicom.seg import segread  # takes a while to load

    try:
        segmentation = segread(path)
        volume = segmentation.get_volume(
            combine_segments=False, allow_missing_positions=True, rtol=2 * TOLERANCE
        )
        described = [
            (number, *_name_and_color(segmentation.get_segment_description(number)))
            for number in segmentation.segment_numbers
        ]
    except Exception as error:  # whatever a damaged file leads it to
        raise InputError(
            f"{path} cannot be read as a DICOM segmentation ({error}): export it anew, or as .seg.nrrd."
        ) from error
    kji_to_lps = volume.affine
    geometry = Geometry(
        volume.array.shape[:3],
        LPS_TO_RAS @ kji_to_lps[:, [2, 1, 0, 3]],
        text(segmentation, "FrameOfReferenceUID"),
    )
    return described, volume.array > 0.5, geometry


def _name_and_color(description: pydicom.Dataset) -> tuple[str, Color]:
    from highdicom.color import CIELabColor

    color = PALETTE[(description.SegmentNumber - 1) % len(PALETTE)]
    if "RecommendedDisplayCIELabValue" in description:
        values = CIELabColor.from_dicom_value(description.RecommendedDisplayCIELabValue).to_rgb(clip=True)
        red, green, blue = (value / 255 for value in values)
        color = red, green, blue
    return str(description.SegmentLabel), color
