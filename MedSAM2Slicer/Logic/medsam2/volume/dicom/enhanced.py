"""The planes of an enhanced multi-frame file, whose functional groups describe each frame."""

from collections.abc import Hashable, Sequence

import numpy as np
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from medsam2.volume.dicom import plane
from medsam2.volume.dicom.frame import Frame, ImageFile
from medsam2.volume.dicom.header import DamagedFile, item, number, positive, text, whole
from medsam2.volume.dicom.plain import slope
from medsam2.volume.dicom.timing import seconds_of_groups

_FRAME_TYPES = (
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "XAXRFFrameCharacteristicsSequence",
    "ParametricMapFrameTypeSequence",
)
# What separates volumes: macro, and elements within it down to the one that holds the value.
_MARKS = {
    "stack": ("FrameContentSequence", "StackID"),
    "time": ("FrameContentSequence", "TemporalPositionIndex"),
    "b-value": ("MRDiffusionSequence", "DiffusionBValue"),
    "gradient": ("MRDiffusionSequence", "DiffusionGradientDirectionSequence", "DiffusionGradientOrientation"),
    "directionality": ("MRDiffusionSequence", "DiffusionDirectionality"),
    "trigger time": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    "inversion time": ("MRModifierSequence", "InversionTimes"),
    "flip angle": ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
    "kVp": ("CTXRayDetailsSequence", "KVP"),
    "kernel": ("CTReconstructionSequence", "ConvolutionKernel"),
    "contrast": ("ContrastBolusUsageSequence", "ContrastBolusAgentAdministered"),
    "acquisition": ("FrameContentSequence", "FrameAcquisitionNumber"),
}
# Dimensions along which the time points of one sequence differ.
_TEMPORAL = {
    tag_for_keyword(keyword)
    for keyword in (
        "TemporalPositionIndex",
        "TemporalPositionTimeOffset",
        "NominalCardiacTriggerDelayTime",
        "NominalPercentageOfCardiacPhase",
        "NominalPercentageOfRespiratoryPhase",
        "FrameReferenceDateTime",
        "FrameAcquisitionDateTime",
        "FrameAcquisitionNumber",
    )
}
# Dimensions along which the slices of one volume differ anyway.
_SPATIAL = {
    tag_for_keyword(keyword)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "InStackPositionNumber", "StackID")
}


def frames(file: ImageFile, ds: Dataset) -> list[Frame]:
    """The planes of a file with functional groups; raises DamagedFile."""
    groups = ds.PerFrameFunctionalGroupsSequence
    count = whole(ds, "NumberOfFrames", 1)
    if count != len(groups):
        raise DamagedFile(f"it holds {count} frames but describes {len(groups)}")
    return [_frame(file, ds, _Groups(own, ds), index) for index, own in enumerate(groups)]


class _Groups:
    """The functional groups of one frame: its own before those that all frames share."""

    def __init__(self, own: Dataset, ds: Dataset):
        self._sources = (own, item(ds, "SharedFunctionalGroupsSequence"))

    def __getitem__(self, macro: str) -> Dataset:
        found = (item(source, macro) for source in self._sources if macro in source)
        return next(found, Dataset())

    def value(self, macro: str, *keywords: str) -> str:
        return text(item(self[macro], *keywords[:-1]), keywords[-1])


def _frame(file: ImageFile, ds: Dataset, groups: _Groups, index: int) -> Frame:
    measures, values = groups["PixelMeasuresSequence"], groups["PixelValueTransformationSequence"]
    rescaled = values if "RescaleSlope" in values or "RescaleIntercept" in values else ds
    return Frame(
        file,
        index=index,
        shape=file.shape,
        position=_first_of(
            plane.position(groups["PlanePositionSequence"]),
            plane.position(groups["PlanePositionVolumeSequence"], "ImagePositionVolume"),
        ),
        directions=_first_of(
            plane.directions(groups["PlaneOrientationSequence"]),
            plane.directions(groups["PlaneOrientationVolumeSequence"], "ImageOrientationVolume"),
        ),
        spacing=plane.spacing([measures, ds]),
        thickness=positive(measures, "SliceThickness"),
        step=number(measures, "SpacingBetweenSlices"),
        slope=slope(rescaled),
        intercept=number(rescaled, "RescaleIntercept", 0.0),
        kind=_kind(groups),
        marks=_marks(ds, groups),
        seconds=seconds_of_groups(
            groups["TemporalPositionSequence"],
            groups["CardiacSynchronizationSequence"],
            groups["FrameContentSequence"],
        ),
    )


def _first_of(own: np.ndarray | None, of_probe: np.ndarray | None) -> np.ndarray | None:
    """Where it lies in the patient, or, for 3-D ultrasound, in the probe's own space."""
    return of_probe if own is None else own


def _kind(groups: _Groups) -> dict[str, Hashable]:
    echo_time = number(groups["MREchoSequence"], "EffectiveEchoTime")
    return {
        "image type": next(filter(None, (groups.value(macro, "FrameType") for macro in _FRAME_TYPES)), ""),
        "echo time": None if echo_time is None else round(echo_time, 2),
    }


def _marks(ds: Dataset, groups: _Groups) -> dict[str, Hashable]:
    marks: dict[str, Hashable] = {name: groups.value(*way) for name, way in _MARKS.items()}
    indices = groups["FrameContentSequence"].get("DimensionIndexValues") or []
    indices = list(indices) if isinstance(indices, Sequence) else [indices]
    pointers = [entry.get("DimensionIndexPointer") for entry in ds.get("DimensionIndexSequence") or []]
    for number_of, (pointer, value) in enumerate(zip(pointers, indices, strict=False), start=1):
        if pointer not in _SPATIAL:
            marks[f"{'time ' if pointer in _TEMPORAL else ''}dimension {number_of}"] = int(value)
    return marks
