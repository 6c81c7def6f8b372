"""Segments as a DICOM RT Structure Set (RTSTRUCT): closed lines on the slices of the series."""

from collections.abc import Sequence

import numpy as np
from highdicom.base import SOPClass
from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage, generate_uid

from medsam2 import __version__
from medsam2.volume.dicom.frame import Frame
from medsam2.volume.dicom.output.algorithm import (
    MANUFACTURER,
    MODEL,
    SERIES_DESCRIPTION,
    SERIES_NUMBER,
    algorithm,
)
from medsam2.volume.dicom.output.contours import closed_contours
from medsam2.volume.dicom.output.segment_codes import codes_of
from medsam2.volume.dicom.output.source import Source
from medsam2.volume.segment import Segment, WeightsUsed, long_string

# The class by which a study is referred to; retired, but still asked for.
_STUDY = "1.2.840.10008.3.1.2.3.1"


def structure_set(source: Source, segments: Sequence[Segment], weights: WeightsUsed | None) -> Dataset:
    """The segments as regions of interest, in their order, with lines on the planes of the images."""
    ds = SOPClass(
        study_instance_uid=source.first.StudyInstanceUID,
        series_instance_uid=generate_uid(None),
        series_number=SERIES_NUMBER,
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=generate_uid(None),
        sop_class_uid=RTStructureSetStorage,
        instance_number=1,
        modality="RTSTRUCT",
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=__version__,
        specific_character_set="ISO_IR 192",
    )
    ds.copy_patient_and_study_information(source.first)
    ds.OperatorsName = ""
    ds.StructureSetLabel = "SEGMENTATION"
    ds.StructureSetDate, ds.StructureSetTime = ds.InstanceCreationDate, ds.InstanceCreationTime
    ds.ApprovalStatus = "UNAPPROVED"
    ds.FrameOfReferenceUID = source.first.FrameOfReferenceUID
    ds.PositionReferenceIndicator = source.first.get("PositionReferenceIndicator", "")
    ds.ReferencedFrameOfReferenceSequence = [_frame_of_reference(source)]
    numbered = list(enumerate(segments, start=1))
    ds.StructureSetROISequence = [_region(number, each, source, weights) for number, each in numbered]
    ds.ROIContourSequence = [_contours(number, each, source) for number, each in numbered]
    ds.RTROIObservationsSequence = [_observation(number, each) for number, each in numbered]
    return ds


def _frame_of_reference(source: Source) -> Dataset:
    series, study, frame_of_reference = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ContourImageSequence = source.references(source.frames)
    study.ReferencedSOPClassUID = _STUDY
    study.ReferencedSOPInstanceUID = source.first.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame_of_reference.FrameOfReferenceUID = source.first.FrameOfReferenceUID
    frame_of_reference.RTReferencedStudySequence = [study]
    return frame_of_reference


def _region(number: int, segment: Segment, source: Source, weights: WeightsUsed | None) -> Dataset:
    region = Dataset()
    region.ROINumber, region.ROIName = number, long_string(segment.name)
    region.ReferencedFrameOfReferenceUID = source.first.FrameOfReferenceUID
    region.ROIGenerationAlgorithm = "SEMIAUTOMATIC"
    region.ROIDerivationAlgorithmIdentificationSequence = algorithm(weights)
    return region


def _contours(number: int, segment: Segment, source: Source) -> Dataset:
    region = Dataset()
    region.ReferencedROINumber = number
    region.ROIDisplayColor = [round(255 * part) for part in segment.color]
    contours = [
        _contour(points, frame, source)
        for frame, plane in zip(source.frames, segment.mask, strict=True)
        for points in closed_contours(plane)
    ]
    if contours:
        region.ContourSequence = contours
    return region


def _contour(points: np.ndarray, frame: Frame, source: Source) -> Dataset:
    contour = Dataset()
    contour.ContourImageSequence = source.references([frame])
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(points)
    contour.ContourData = [f"{value:.4f}" for value in _positions(points, frame).ravel()]
    return contour


def _positions(points: np.ndarray, frame: Frame) -> np.ndarray:
    """Columns and rows (n, 2) on a plane in LPS millimetres (n, 3)."""
    if frame.spacing is None or frame.position is None:
        raise ValueError(f"{frame.file.path} does not say where its planes lie")
    between_rows, between_columns = frame.spacing
    return frame.position + points * (between_columns, between_rows) @ frame.axes


def _observation(number: int, segment: Segment) -> Dataset:
    observation = Dataset()
    observation.ObservationNumber = observation.ReferencedROINumber = number
    codes = codes_of(segment.name)
    observation.SegmentedPropertyCategoryCodeSequence = [codes.category]
    observation.RTROIIdentificationCodeSequence = [codes.type]
    observation.RTROIInterpretedType = observation.ROIInterpreter = ""
    return observation
