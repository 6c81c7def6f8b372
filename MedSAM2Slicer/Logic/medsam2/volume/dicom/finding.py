"""Finding the DICOM images of a folder, its sub-folders included, and saying what the other files are."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import Dataset
from pydicom.uid import UID

from medsam2.errors import InputError
from medsam2.volume.dicom.elements import ELEMENTS
from medsam2.volume.dicom.frame import Frame
from medsam2.volume.dicom.frames_of_file import frames_of_file
from medsam2.volume.dicom.header import DamagedFile, text
from medsam2.volume.dicom.pixel_data import find_pixels
from medsam2.volume.files.dicom_signature import SIGNATURE_BYTES, begins_as_dicom

MOST_FILES = 200_000
"""A folder with more is taken for one given by mistake."""
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_KIND_OF_FILE = "MediaStorageSOPClassUID"
# These hold pixels that are no scan: segmentations, doses, microscope slides.
SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Of bits or fractions, and of labels."""
_OTHER_PIXELS = {
    **dict.fromkeys(SEGMENTATIONS, "segmentation"),
    "1.2.840.10008.5.1.4.1.1.481.2": "dose",
    "1.2.840.10008.5.1.4.1.1.77.1.6": "microscope slide",
}


@dataclass
class Findings:
    """What the files of a folder are.

    Attributes:
        frames: the planes of all images.
        damaged: why a file cannot be used, by its path.
        ignored: what a DICOM file without a scan is, by its path.
    """

    frames: list[Frame] = field(default_factory=list)
    damaged: dict[Path, str] = field(default_factory=dict)
    ignored: dict[Path, str] = field(default_factory=dict)


def find_images(path: Path) -> Findings:
    """Read the headers of a DICOM file, or of all DICOM files in and below a folder.

    Raises:
        InputError: the folder holds too many files or may not be read.
    """
    findings = Findings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom comments on every small breach of the standard
        for file in _files(path) if path.is_dir() else [path]:
            try:
                _examine(file, findings)
            except DamagedFile as damage:
                findings.damaged[file] = str(damage)
    return findings


def _files(folder: Path) -> Iterator[Path]:
    """Files in and below a folder, by name; hidden ones are notes of file systems, not images."""
    count = 0
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            count += 1
            if count > MOST_FILES:
                raise InputError(
                    f"{folder} holds more than {MOST_FILES} files: give the folder of one examination."
                )
            if not name.startswith(".") and (Path(parent) / name).is_file():
                yield Path(parent) / name


def _refuse(error: OSError) -> None:
    raise InputError(
        f"The folder {error.filename} cannot be read ({error.strerror}): check its permissions."
    ) from error


def _examine(path: Path, findings: Findings) -> None:
    """Sort one file into the findings; raises DamagedFile."""
    try:
        with path.open("rb") as file:
            if not begins_as_dicom(file.read(SIGNATURE_BYTES)):
                # What bears DICOM's name, or lost its content, is a slice that would be missed.
                if path.suffix.lower() in _DICOM_SUFFIXES:
                    raise DamagedFile("it does not begin as a DICOM file does")
                return
            file.seek(0)
            _examine_dicom(path, file, findings)
    except OSError as error:
        raise DamagedFile(f"it cannot be read ({error.strerror})") from error


def _examine_dicom(path: Path, file: BinaryIO, findings: Findings) -> None:
    try:
        ds = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(ELEMENTS))
        what = _no_scan(ds)
        if what is not None:
            findings.ignored[path] = what
        else:
            findings.frames += frames_of_file(path, ds, find_pixels(file, ds))
    except (DamagedFile, OSError):
        raise
    except Exception as error:  # pydicom raises whatever a damaged header leads it to
        raise DamagedFile("its header cannot be read") from error


def _no_scan(ds: Dataset) -> str | None:
    """What a file without a scan holds, or None for an image; raises DamagedFile if that is unclear."""
    # The index of a disc (DICOMDIR) says what it is in the header of the file alone.
    sop_class = UID(text(ds, "SOPClassUID") or text(getattr(ds, "file_meta", Dataset()), _KIND_OF_FILE))
    if sop_class in _OTHER_PIXELS:
        return _OTHER_PIXELS[sop_class]
    if "Rows" in ds:
        return None
    if not sop_class or "Image Storage" in sop_class.name:
        raise DamagedFile("it ends before its pixels")
    return sop_class.name.removesuffix(" Storage")
