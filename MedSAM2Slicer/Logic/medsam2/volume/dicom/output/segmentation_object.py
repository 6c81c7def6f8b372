"""Segments as a DICOM Segmentation (SEG): one bit a voxel, each segment with frames of its own."""

from collections.abc import Sequence

import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom.uid import generate_uid
from pydicom.valuerep import DSfloat

from medsam2 import __version__
from medsam2.errors import InputError
from medsam2.volume.dicom.output.algorithm import (
    MANUFACTURER,
    MODEL,
    SERIES_DESCRIPTION,
    SERIES_NUMBER,
    algorithm,
)
from medsam2.volume.dicom.output.segment_codes import codes_of
from medsam2.volume.dicom.output.source import Source
from medsam2.volume.files.writing import END_WITH_ANOTHER
from medsam2.volume.segment import Segment, WeightsUsed, long_string
from medsam2.volume.volume import Volume


def segmentation_object(
    source: Source, volume: Volume, segments: Sequence[Segment], weights: WeightsUsed | None
) -> Segmentation:
    """The segments, as many as there are, in their order; empty slices are left out.

    Raises:
        InputError: the slices are not at right angles to the line along which they lie.
    """
    if not volume.geometry.is_right_angled:
        raise InputError(
            "The slices are offset against each other (gantry tilt), which a DICOM segmentation cannot hold: "
            f"{END_WITH_ANOTHER}, or with .rtstruct.dcm."
        )
    one_file = source.is_multi_frame and len(source.header_of) == 1
    if one_file:
        _only_the_slices(source)
    ds = Segmentation(
        source_images=source.headers,
        pixel_array=_labels(segments),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, segment, weights) for number, segment in enumerate(segments, start=1)
        ],
        series_instance_uid=generate_uid(None),
        series_number=SERIES_NUMBER,
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=generate_uid(None),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=__version__,
        device_serial_number="0",
        content_label="SEGMENTATION",
        specific_character_set="ISO_IR 192",
    )
    ds.ContentCreatorName = ""
    # highdicom gives none to slices a little off their grid, and 1 mm to a single slice.
    (measures,) = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    measures.SpacingBetweenSlices = DSfloat(volume.geometry.spacing[0], auto_format=True)
    if one_file:
        _number_as_in_the_file(ds, source)
    return ds


def _description(number: int, segment: Segment, weights: WeightsUsed | None) -> SegmentDescription:
    codes = codes_of(segment.name)
    return SegmentDescription(
        segment_number=number,
        segment_label=long_string(segment.name),
        segmented_property_category=codes.category,
        segmented_property_type=codes.type,
        algorithm_type=SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=algorithm(weights),
        display_color=CIELabColor.from_rgb(*(round(255 * part) for part in segment.color)),
    )


def _labels(segments: Sequence[Segment]) -> np.ndarray:
    """Numbers of the segments (k, j, i), or, where some overlap, their masks (k, j, i, segment)."""
    labels = np.zeros(segments[0].mask.shape, np.min_scalar_type(len(segments)))
    for number, segment in enumerate(segments, start=1):
        if labels[segment.mask].any():
            return np.stack([each.mask for each in segments], axis=-1).astype(np.uint8)
        labels[segment.mask] = number
    return labels


def _only_the_slices(source: Source) -> None:
    """Take from the header of a file of several frames those that are no slices, and order the others so."""
    groups = source.first.PerFrameFunctionalGroupsSequence
    source.first.PerFrameFunctionalGroupsSequence = [groups[frame.index] for frame in source.frames]
    source.first.NumberOfFrames = len(source.frames)


def _number_as_in_the_file(ds: Segmentation, source: Source) -> None:
    """Refer to frames by their numbers in the file, where they were counted as slices."""
    references = [
        image
        for groups in ds.PerFrameFunctionalGroupsSequence
        for image in groups.DerivationImageSequence[0].SourceImageSequence
    ]
    # Frames of several segments share them.
    for image in {id(image): image for image in references}.values():
        image.ReferencedFrameNumber = source.frames[image.ReferencedFrameNumber - 1].index + 1
