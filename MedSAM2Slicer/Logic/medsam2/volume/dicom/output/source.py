"""The DICOM images that a volume was read from, as what is written refers to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom import Dataset

from medsam2.errors import InputError
from medsam2.volume.dicom.frame import Frame
from medsam2.volume.dicom.header import text
from medsam2.volume.files.writing import END_WITH_ANOTHER
from medsam2.volume.volume import Volume

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
# They may be empty, but writers want them.
_MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


@dataclass(frozen=True, eq=False)
class Source:
    """The images of a volume.

    Attributes:
        frames: the plane of each slice along k.
        header_of: the header of each file, without pixels, by its path, in the order of the slices.
    """

    frames: Sequence[Frame]
    header_of: Mapping[Path, Dataset]

    @property
    def headers(self) -> list[Dataset]:
        """Of each file once, in the order of the slices."""
        return list(self.header_of.values())

    @property
    def first(self) -> Dataset:
        """The header that says whose images they are."""
        return self.headers[0]

    @property
    def is_multi_frame(self) -> bool:
        """Whether the slices are frames of files, which references then name by number."""
        return len(self.header_of) < len(self.frames) or "PerFrameFunctionalGroupsSequence" in self.first

    def references(self, frames: Sequence[Frame]) -> list[Dataset]:
        """References to the files of planes, with the frames' numbers where files have several."""
        numbers: dict[Path, list[int]] = {}
        for frame in frames:
            numbers.setdefault(frame.file.path, []).append(frame.index + 1)
        items = []
        for path, in_file in numbers.items():
            item, header = Dataset(), self.header_of[path]
            item.ReferencedSOPClassUID = header.SOPClassUID
            item.ReferencedSOPInstanceUID = header.SOPInstanceUID
            if self.is_multi_frame:
                item.ReferencedFrameNumber = in_file
            items.append(item)
        return items


def source_of(volume: Volume) -> Source:
    """The images of a volume.

    Raises:
        InputError: its slices are no images of DICOM files, or these do not say what they are, or not apart.
    """
    frames = volume.frames
    if not frames:
        raise InputError(
            "DICOM refers to each slice as an image of the series, but these were resampled or cut from a "
            f"mosaic: {END_WITH_ANOTHER}."
        )
    source = Source(frames, {path: _header(path) for path in dict.fromkeys(f.file.path for f in frames)})
    missing = next((word for word in _NEEDED for header in source.headers if not text(header, word)), None)
    if missing is None and not all(map(_is_placed, frames)):
        missing = "the positions of the slices or the size of the pixels"
    if missing is not None:
        raise InputError(
            f"The images do not give {missing} (removed with the names?), without which DICOM cannot refer "
            f"to them: {END_WITH_ANOTHER}."
        )
    if len({header.SOPInstanceUID for header in source.headers}) < len(source.headers):
        raise InputError(
            "Several images bear the same SOPInstanceUID (given when names were removed?), so DICOM cannot "
            f"say which of them it refers to: {END_WITH_ANOTHER}."
        )
    if len({header.FrameOfReferenceUID for header in source.headers}) > 1:
        raise InputError(
            "Each image has a FrameOfReferenceUID of its own (given when names were removed?), so DICOM "
            f"cannot say where the slices lie: {END_WITH_ANOTHER}."
        )
    return source


def _is_placed(frame: Frame) -> bool:
    return frame.position is not None and frame.directions is not None and frame.spacing is not None


def _header(path: Path) -> Dataset:
    """A file's header, in which all is present that writers ask for, even if empty."""
    header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    # The same twice in each file; programs that remove names may remove one.
    for keyword, again in (
        ("SOPClassUID", "MediaStorageSOPClassUID"),
        ("SOPInstanceUID", "MediaStorageSOPInstanceUID"),
    ):
        if not header.get(keyword):
            setattr(header, keyword, header.file_meta.get(again, ""))
    for keyword in _MAY_BE_EMPTY:
        if keyword not in header:
            setattr(header, keyword, "")
    return header
