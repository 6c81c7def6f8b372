"""Writing segments as a DICOM object, and finding out beforehand whether that will work."""

import io
import logging
import os
import warnings
from collections.abc import Sequence

import numpy as np
from pydicom import Dataset

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.volume.dicom.output.segmentation_object import segmentation_object
from medsam2.volume.dicom.output.source import source_of
from medsam2.volume.dicom.output.structure_set import structure_set
from medsam2.volume.files.writing import END_WITH_ANOTHER, output_format
from medsam2.volume.segment import PALETTE, Segment, WeightsUsed
from medsam2.volume.volume import Volume

logging.getLogger("highdicom").setLevel(logging.ERROR)  # its warnings are for programmers


def write_dicom(
    path: str | os.PathLike, segments: Sequence[Segment], volume: Volume, weights: WeightsUsed | None = None
) -> None:
    """Write segments on the grid of a DICOM series, as SEG (.dcm) or RTSTRUCT (.rtstruct.dcm).

    Patient, study and frame of reference are those of the series, whose images are referred to. ``weights``
    are named where they are known.

    Raises:
        InputError: the volume's images do not allow it, or the file cannot be written.
    """
    content = io.BytesIO()  # pydicom itself would tell of a full disk without the system's number
    _made(path, segments, volume, weights).save_as(content, enforce_file_format=True)
    with complete_file(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())


def check_source(path: str | os.PathLike, volume: Volume) -> None:
    """Make, of a single voxel, what is to be written, so that nothing is computed in vain.

    Raises:
        InputError: the volume's images do not allow it.
    """
    mask = np.zeros(volume.geometry.shape, bool)
    mask[0, 0, 0] = True
    try:
        _made(path, [Segment("rehearsal", PALETTE[0], mask)], volume, None)
    except InputError:
        raise
    except Exception as error:  # of whatever the headers of others hold
        raise InputError(
            f"DICOM that refers to these images cannot be made ({error}): {END_WITH_ANOTHER}."
        ) from error


def _made(
    path: str | os.PathLike, segments: Sequence[Segment], volume: Volume, weights: WeightsUsed | None
) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they say what libraries would rather see in others' headers
        source = source_of(volume)
        if output_format(path) == ".rtstruct.dcm":
            return structure_set(source, segments, weights)
        return segmentation_object(source, volume, segments, weights)
