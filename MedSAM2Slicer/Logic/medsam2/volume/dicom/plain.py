"""The planes of a classic file: one image, or frames without a description of each."""

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
from pydicom import Dataset

from medsam2.volume.dicom import plane
from medsam2.volume.dicom.frame import Frame, ImageFile
from medsam2.volume.dicom.header import item, number, numbers, positive, text, whole
from medsam2.volume.dicom.timing import seconds_of_frames, seconds_of_image

_KINDS = {"image type": "ImageType", "echo": "EchoNumbers"}
_MARKS = {
    "stack": "StackID",
    "time": "TemporalPositionIdentifier",
    "time point": "TemporalPositionIndex",
    "b-value": "DiffusionBValue",
    "gradient": "DiffusionGradientOrientation",
    "trigger time": "TriggerTime",
    "inversion time": "InversionTime",
    "flip angle": "FlipAngle",
    "kVp": "KVP",
    "kernel": "ConvolutionKernel",
    "contrast": "ContrastBolusAgent",
    "acquisition": "AcquisitionNumber",
}
# Nuclear medicine gives, for each frame, the number of its slice, time slot, and so on.
_VECTORS = {"time": "TimeSlotVector", "energy window": "EnergyWindowVector", "phase": "PhaseVector"}


def frames(file: ImageFile, ds: Dataset) -> list[Frame]:
    """The planes of a file without functional groups; raises DamagedFile."""
    count = whole(ds, "NumberOfFrames", 1) or 1
    first = _first_frame(file, ds)
    if count == 1:
        return [first]
    slices = numbers(ds, "SliceVector", count) or tuple(range(1, count + 1))
    seconds = seconds_of_frames(ds, count)
    vectors = {name: numbers(ds, keyword, count) for name, keyword in _VECTORS.items() if keyword in ds}

    # Only nuclear medicine and converters stack slices without a position for each; a film has no step.
    def position(index: int) -> np.ndarray | None:
        if first.position is None or first.directions is None or not first.step:
            return None
        return first.position + (slices[index] - 1) * first.step * first.normal

    return [
        replace(
            first,
            index=index,
            position=position(index),
            marks={name: values[index] for name, values in vectors.items() if values},
            seconds=None if seconds is None else seconds[index],
        )
        for index in range(count)
    ]


def _first_frame(file: ImageFile, ds: Dataset) -> Frame:
    detector = item(ds, "DetectorInformationSequence")
    sources = (ds, detector)
    positions = [found for found in map(plane.position, sources) if found is not None]
    turns = [found for found in map(plane.directions, sources) if found is not None]
    return Frame(
        file,
        index=0,
        shape=file.shape,
        position=positions[0] if positions else None,
        directions=turns[0] if turns else None,
        spacing=plane.spacing([ds]) or plane.ultrasound_spacing(ds),
        thickness=positive(ds, "SliceThickness"),
        step=number(ds, "SpacingBetweenSlices"),
        slope=slope(ds),
        intercept=number(ds, "RescaleIntercept", 0.0),
        kind=_kind(ds),
        marks=_marks(ds),
        seconds=seconds_of_image(ds),
    )


def slope(ds: Dataset) -> float:
    """The slope of the rescaling; 0, which would erase the image, counts as 1."""
    return number(ds, "RescaleSlope", 1.0) or 1.0


def _kind(ds: Dataset) -> dict[str, Hashable]:
    kind = {name: text(ds, keyword) for name, keyword in _KINDS.items()}
    echo_time = number(ds, "EchoTime")
    return kind | {"echo time": None if echo_time is None else round(echo_time, 2)}


def _marks(ds: Dataset) -> dict[str, Hashable]:
    marks: dict[str, Hashable] = {name: text(ds, keyword) for name, keyword in _MARKS.items()}
    return marks | {"acquired": text(ds, "AcquisitionDate") + text(ds, "AcquisitionTime")}
