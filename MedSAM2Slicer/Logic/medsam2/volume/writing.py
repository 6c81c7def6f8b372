"""Writing labelmaps and segmentations so that a file bears its name only once it is complete."""

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume.geometry import Geometry
from medsam2.volume.itk_file import read_itk_image, write_itk_image
from medsam2.volume.nifti_reading import is_nifti, read_nifti
from medsam2.volume.nifti_writing import write_nifti

OUTPUT_FORMATS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)
_REPRESENTATION = "Binary labelmap"
# Slicer's own entry for a segment about which nothing is known.
_TISSUE = (
    "TerminologyEntry:Segmentation category and type - 3D Slicer General Anatomy list"
    "~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~Anatomic codes - DICOM master list~^^~^^|"
)


@dataclass(frozen=True, eq=False)
class Segment:
    """One object of a segmentation: name, colour (red, green, blue from 0 to 1), mask (k, j, i), bool."""

    name: str
    color: tuple[float, float, float]
    mask: np.ndarray


def output_format(path: str | os.PathLike) -> str:
    """The suffix of ``path``, which says how to write it; for an unknown one InputError lists the known."""
    name = Path(path).name
    for suffix in OUTPUT_FORMATS:
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise InputError(f"{name} names no known format: end the name with {', '.join(OUTPUT_FORMATS)}.")


@contextmanager
def complete_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a path to write to; what was written there becomes ``path`` if the block ends without an error.

    The path bears the same file name in a hidden folder beside ``path``, so that writers which go by
    the suffix do the same there, and the last step is a rename within one file system. After an
    error nothing is left of it, and an older file called ``path`` is as it was.

    Raises InputError if the folder is missing or closed to writing, or if the disk is full.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} does not exist: create it first, or choose another.")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the name of a file to write.")
    with hidden_folder_beside(path) as folder:
        unfinished = folder / path.name
        yield unfinished
        os.replace(unfinished, path)


@contextmanager
def hidden_folder_beside(path: Path) -> Iterator[Path]:
    """A folder for what is to become ``path``, in the same file system, so that the last step is a rename.

    Raises InputError if the folder of ``path`` is closed to writing, or if the disk is full.
    """
    with (
        explained_write_errors(path),
        tempfile.TemporaryDirectory(prefix=".incomplete-", dir=path.parent) as folder,
    ):
        yield Path(folder)


@contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Raise InputError, which names ``path``, for a full disk or a folder closed to writing."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise InputError(
                f"{path} was not written: the disk is full; free some space and try again."
            ) from error
        if error.errno in _NO_ACCESS:
            raise InputError(
                f"{path} was not written: the folder may not be written to; choose another."
            ) from error
        raise


def write_labelmap(path: str | os.PathLike, labels: np.ndarray, geometry: Geometry) -> None:
    """Write labels (k, j, i), uint8 or uint16, 0 for background, as .nii.gz, .nii, .nrrd or .mha.

    Raises InputError for another suffix and for whatever :func:`complete_file` refuses.
    """
    if output_format(path) == ".seg.nrrd":
        raise InputError(
            f"{Path(path).name} names a segmentation: end the name of a labelmap with .nrrd alone."
        )
    _write_image(path, geometry.to_image(labels))


def write_volume(path: str | os.PathLike, voxels: np.ndarray, geometry: Geometry) -> None:
    """Write intensities (k, j, i) as an image file; raises InputError as :func:`write_labelmap` does."""
    output_format(path)
    _write_image(path, geometry.to_image(voxels))


def write_segmentation(path: str | os.PathLike, segments: Sequence[Segment], geometry: Geometry) -> None:
    """Write segments, in their order, as a .seg.nrrd file, Slicer's format for segmentations.

    Segments that overlap go to further layers, which makes the file 4-D. The keys are those of
    "Segmentation labelmap file format" in Slicer's developer guide.
    Raises InputError for another suffix and for whatever :func:`complete_file` refuses.
    """
    if output_format(path) != ".seg.nrrd":
        raise InputError(f"{Path(path).name} cannot hold a segmentation: end the name with .seg.nrrd.")
    layers, places = _stack_in_layers([segment.mask for segment in segments], geometry.shape)
    voxels = layers[0] if len(layers) == 1 else np.stack(layers, axis=-1)
    image = geometry.to_image(voxels)
    image.SetMetaData("Segmentation_SourceRepresentation", _REPRESENTATION)
    image.SetMetaData("Segmentation_ContainedRepresentationNames", f"{_REPRESENTATION}|")
    image.SetMetaData("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    extent = " ".join(f"0 {count - 1}" for count in reversed(geometry.shape))
    for index, (segment, (layer, label)) in enumerate(zip(segments, places, strict=True)):
        fields = {
            "ID": f"Segment_{index + 1}",
            "Name": segment.name,
            "NameAutoGenerated": "0",
            "Color": " ".join(f"{part:.6g}" for part in segment.color),
            "ColorAutoGenerated": "0",
            "Layer": str(layer),
            "LabelValue": str(label),
            "Extent": extent,
            "Tags": _TISSUE,
        }
        for field, text in fields.items():
            image.SetMetaData(f"Segment{index}_{field}", text)
    _write_image(path, image)


def _stack_in_layers(
    masks: Sequence[np.ndarray], shape: tuple[int, int, int]
) -> tuple[list[np.ndarray], list[tuple[int, int]]]:
    """As few labelmaps as keep overlapping masks apart, and for each mask its (layer, label value)."""
    layers = [np.zeros(shape, np.min_scalar_type(len(masks)))]
    labels_in, places = [0], []
    for mask in masks:
        free = (number for number, layer in enumerate(layers) if not layer[mask].any())
        number = next(free, len(layers))
        if number == len(layers):
            layers.append(np.zeros_like(layers[0]))
            labels_in.append(0)
        labels_in[number] += 1
        layers[number][mask] = labels_in[number]
        places.append((number, labels_in[number]))
    return layers, places


def _write_image(path: str | os.PathLike, image: SimpleITK.Image) -> None:
    with complete_file(path) as unfinished:
        try:
            if is_nifti(unfinished):
                write_nifti(unfinished, SimpleITK.GetArrayViewFromImage(image), Geometry.from_image(image))
                written = read_nifti(unfinished).voxels
            else:
                write_itk_image(unfinished, image)
                written = SimpleITK.GetArrayFromImage(read_itk_image(unfinished))
            # Some writers say nothing when the disk runs full, so only reading back tells.
            complete = np.array_equal(written, SimpleITK.GetArrayViewFromImage(image))
        except (RuntimeError, InputError):
            complete = False
        if not complete:
            raise InputError(
                f"{path} was not written completely: free some disk space, or choose another folder."
            )
