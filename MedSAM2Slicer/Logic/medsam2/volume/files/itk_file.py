"""Reading and writing of the image files that SimpleITK knows."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume.files.byte_source import check_regular
from medsam2.volume.files.file_wholeness import check_before_reading, check_whole
from medsam2.volume.files.header_doubts import note_doubts
from medsam2.volume.files.itk_sequence import TimeLayout, read_time_point, time_layout
from medsam2.volume.files.utf8_names import name_to_read, name_to_write
from medsam2.volume.geometry import Geometry
from medsam2.volume.image_sequence import ONE_TIME_POINT, ImageSequence, several_volumes
from medsam2.volume.intensities import grey_of_colours
from medsam2.volume.volume import Volume

# Whatever matters in ITK's own warnings is said here, in words for people.
SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
# ITK knows these by suffixes in lower case alone.
_KINDS = {".mha": "MetaImageIO", ".mhd": "MetaImageIO", ".gipl": "GiplImageIO"}


def read_itk_file(path: Path) -> ImageSequence:
    """Voxels and grid as the file holds them, colours as grey; warns of what the file leaves open.

    Raises:
        InputError: the file is damaged, of an unknown kind, or a vector field.
    """
    with _header(path) as header:
        layout, geometry = header.layout, Geometry.from_image(header.reader)
        note_doubts(path, header.kind, geometry.spacing[::-1])
        if layout is None:
            image = header.reader.Execute()
            volume = Volume(_one_number_each(path, image).reshape(geometry.shape), geometry)
            return ImageSequence(ONE_TIME_POINT, lambda time_point: volume)
        dtype = header.dtype
    if dtype.kind not in "iuf":
        raise _several_numbers(path)
    colours = () if layout.components == 1 else (layout.components,)

    def volume_at(time_point: int) -> Volume:
        numbers = read_time_point(path, layout, dtype, time_point)
        voxels = numbers.reshape(*geometry.shape, *colours)
        return Volume(grey_of_colours(path, voxels) if colours else voxels, geometry)

    return ImageSequence(layout.times, volume_at)


def read_itk_image(path: Path) -> SimpleITK.Image:
    """The image in a file, 2-D or 3-D, with its keys, after a check that the file is safe and complete.

    Raises:
        InputError: the file is damaged, of an unknown kind, or of several time points.
    """
    with _header(path) as header:
        sizes = header.reader.GetSize()
        if math.prod(sizes[3:]) > 1:
            raise several_volumes(path, math.prod(sizes[3:]))
        return header.reader.Execute()


@dataclass(frozen=True, eq=False)
class _Header:
    """What ITK found in a file, which holds the voxels that it promises.

    Attributes:
        reader: which goes on to read the voxels of an image without time.
        kind: ITK's name of what reads the file.
        dtype: of each number.
        layout: of the time points; None where there is no time.
    """

    reader: SimpleITK.ImageFileReader
    kind: str
    dtype: np.dtype
    layout: TimeLayout | None


@contextmanager
def _header(path: Path) -> Iterator[_Header]:
    """The header of a file; what goes wrong in ITK during the block is put into words."""
    check_regular(path)
    check_before_reading(path)
    with name_to_read(path) as name:
        kind = SimpleITK.ImageFileReader.GetImageIOFromFileName(name) or _KINDS.get(path.suffix.lower())
        if not kind:
            raise _unreadable(path)
        reader = SimpleITK.ImageFileReader()
        reader.SetImageIO(kind)
        reader.SetFileName(name)
        try:
            reader.ReadImageInformation()
            sizes, components = reader.GetSize(), reader.GetNumberOfComponents()
            pixel = SimpleITK.Image([1, 1], reader.GetPixelID(), components)
            check_whole(path, kind, math.prod(sizes) * components, pixel.GetSizeOfPixelComponent())
            if len(sizes) > 3:
                reader.SetExtractSize([*sizes[:3], *(0 for _ in sizes[3:])])
            dtype = SimpleITK.GetArrayViewFromImage(pixel).dtype
            yield _Header(reader, kind, dtype, time_layout(path, reader))
        except RuntimeError as error:
            raise _unreadable(path) from error


def _unreadable(path: Path) -> InputError:
    return InputError(
        f"{path} cannot be read as an image: it may be damaged or of a kind that SimpleITK does not know; "
        "convert it to NIfTI, NRRD or DICOM."
    )


def _one_number_each(path: Path, image: SimpleITK.Image) -> np.ndarray:
    """One number per voxel; of a colour image its luminance."""
    voxels = SimpleITK.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel()
    layered = components > 1 and image.HasMetaDataKey("Segment0_ID")
    if layered or voxels.dtype.kind not in "iuf":
        raise _several_numbers(path)
    if components == 1:
        return voxels
    return grey_of_colours(path, voxels)


def _several_numbers(path: Path) -> InputError:
    return InputError(f"{path} holds more than one number per voxel: give an image of plain intensities.")


def write_itk_image(path: Path, image: SimpleITK.Image) -> None:
    """Write an image, compressed; raises RuntimeError if ITK cannot."""
    with name_to_write(path) as name:
        SimpleITK.WriteImage(image, name, useCompression=True)
