"""The planes of one DICOM file, of whichever of DICOM's kinds it is."""

from pathlib import Path

from pydicom import Dataset

from medsam2.volume.dicom import enhanced, mosaic, plain
from medsam2.volume.dicom.frame import Frame, ImageFile
from medsam2.volume.dicom.header import DamagedFile, number, text, whole
from medsam2.volume.dicom.pixel_data import NativePixels

# Only of X-ray pictures are the numbers no more than shades, which MONOCHROME1 turns round.
_PICTURES = ("CR", "DX", "IO", "MG", "PX", "RF", "XA")


def frames_of_file(path: Path, ds: Dataset, pixels: NativePixels | None) -> list[Frame]:
    """The planes of an image file with the header ``ds``; raises DamagedFile."""
    shape = whole(ds, "Rows", 0), whole(ds, "Columns", 0)
    if min(shape) < 1 or whole(ds, "NumberOfFrames", 1) < 0:
        raise DamagedFile(f"it says that its image has {shape[0]} rows and {shape[1]} columns")
    file = _image_file(path, ds, shape, pixels)
    if mosaic.is_mosaic(ds):
        return mosaic.frames(file, ds)
    if "PerFrameFunctionalGroupsSequence" in ds:
        return enhanced.frames(file, ds)
    return plain.frames(file, ds)


def _image_file(path: Path, ds: Dataset, shape: tuple[int, int], pixels: NativePixels | None) -> ImageFile:
    modality = text(ds, "Modality")
    photometric = text(ds, "PhotometricInterpretation")
    allocated = whole(ds, "BitsAllocated", 16)
    stored = whole(ds, "BitsStored") or allocated
    return ImageFile(
        path=path,
        patient_and_study=(text(ds, "PatientID"), text(ds, "StudyInstanceUID")),
        series_uid=text(ds, "SeriesInstanceUID"),
        series_number=whole(ds, "SeriesNumber"),
        description=text(ds, "SeriesDescription") or text(ds, "ProtocolName"),
        modality=modality,
        date=_date(ds),
        frame_of_reference=text(ds, "FrameOfReferenceUID"),
        sop_uid=text(ds, "SOPInstanceUID"),
        instance=int(number(ds, "InstanceNumber", 0)),
        shape=shape,
        pixels=pixels,
        bits=min(stored, allocated),
        high_bit=min(whole(ds, "HighBit", stored - 1), allocated - 1),
        signed=bool(whole(ds, "PixelRepresentation", 0)),
        inverted=photometric == "MONOCHROME1" and modality in _PICTURES,
        colour=whole(ds, "SamplesPerPixel", 1) > 1 or photometric == "PALETTE COLOR",
        through_table="ModalityLUTSequence" in ds,
    )


def _date(ds: Dataset) -> str:
    dates = (text(ds, keyword) for keyword in ("SeriesDate", "AcquisitionDate", "StudyDate"))
    digits = next(filter(None, dates), "")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}" if len(digits) == 8 and digits.isdigit() else ""
