"""Reading NIfTI and Analyze files, whose headers nibabel understands, and writing NIfTI."""

import gzip
import io
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from medsam2.errors import InputError, note
from medsam2.volume.files.byte_source import check_regular, incomplete, opened, read_exactly
from medsam2.volume.geometry import Geometry
from medsam2.volume.image_sequence import (
    NOT_IN_TIME,
    ONE_TIME_POINT,
    ImageSequence,
    TimePoints,
    evenly_spaced,
    several_volumes,
)
from medsam2.volume.intensities import grey_of_colours
from medsam2.volume.volume import Volume

if TYPE_CHECKING:
    from nibabel.analyze import AnalyzeImage
    from nibabel.arrayproxy import ArrayProxy
    from nibabel.nifti1 import Nifti1Header

_HEADER_BYTES = 544
"""More than any header takes; the rest would be extensions, which nothing here needs."""
_PAIR = {".hdr": ".img", ".img": ".hdr"}
_LARGEST_MAT = 1 << 20
# By the numbers for them in the header.
_UNITS = {1: ("metres", 1000.0), 3: ("micrometres", 0.001)}
_TIME_UNITS = {8: "s", 16: "ms", 24: "us"}
_NIFTI_TIME = {"s": "sec", "ms": "msec", "us": "usec"}
_NO_TIME = {32: "Hz", 40: "ppm", 48: "rad/s"}
_DISAGREEMENT = 0.1
"""Voxels between the two positions that a header can give a voxel, from which on it deserves a note."""
_SCANNER, _UNKNOWN = 1, 0
_LONGEST_SIDE = 32767
"""Voxels along an axis that NIfTI-1 can count."""


def is_named_nifti(path: Path) -> bool:
    """Whether the name is that of a NIfTI or Analyze file."""
    return _suffix(path) in (".nii", *_PAIR)


def is_nifti(path: Path) -> bool:
    """Whether a file is NIfTI or Analyze, by its name or, where that says nothing, by its content."""
    if is_named_nifti(path):
        return True
    with suppress(InputError), opened(path) as source:
        start = source.read(_HEADER_BYTES)
        return start[344:347] == b"n+1" or start[4:7] == b"n+2"
    return False


def _suffix(path: Path) -> str:
    """In lower case, and without that of gzip."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def read_nifti(path: Path) -> ImageSequence:
    """A .nii file, or a pair of .hdr and .img; voxels and positions are those that nibabel gives.

    Warns of a header that gives two positions or none, of distances in other units, and of colours.

    Raises:
        InputError: the header is damaged, or tells of no intensities; volumes are checked as they are read.
    """
    header_path, voxels_path = _files(path)
    image = _without_voxels(header_path, single=header_path == voxels_path)
    shape, count, components = _layout(path, image)
    geometry = _geometry(path, image, shape)

    def volume(time_point: int) -> Volume:
        voxels = _read_voxels(voxels_path, image, (count, components, *shape), time_point)
        return Volume(grey_of_colours(path, voxels) if voxels.ndim == 4 else voxels, geometry)

    return ImageSequence(_times(path, image, count), volume)


def _files(path: Path) -> tuple[Path, Path]:
    """The file of the header and that of the voxels."""
    suffix = _suffix(path)
    if suffix not in _PAIR:
        return path, path
    wanted = _PAIR[suffix]
    stem = path.name.lower().removesuffix(".gz").removesuffix(suffix)
    for other in sorted(path.parent.iterdir()):
        if other.name.lower() in (f"{stem}{wanted}", f"{stem}{wanted}.gz"):
            check_regular(other)
            return (path, other) if suffix == ".hdr" else (other, path)
    raise InputError(f"{path} is one half of an image: put the file that ends in {wanted} beside it.")


def _without_voxels(path: Path, single: bool) -> "AnalyzeImage":
    """The image as its header describes it; asked for voxels it would have none."""
    import nibabel

    # It would print its doubts about a header, in the words of the format.
    nibabel.imageglobals.logger.disabled = True
    with opened(path) as source:
        block = source.read(_HEADER_BYTES)
    kinds: tuple[type[AnalyzeImage], ...] = (nibabel.Nifti1Image, nibabel.Nifti2Image)
    if not single:
        kinds = (nibabel.Nifti1Pair, nibabel.Nifti2Pair, nibabel.Spm2AnalyzeImage)
    parts = {"header": block, "image": b"", "mat": _mat_beside(path)}
    if single:
        parts = {"image": block}
    for kind in kinds:
        if not kind.header_class.may_contain_header(block):
            continue
        size = kind.header_class.sizeof_hdr
        # Four zero bytes behind a header: no extensions.
        parts["image" if single else "header"] = block[:size] + bytes(4)
        files = {name: nibabel.FileHolder(fileobj=io.BytesIO(part)) for name, part in parts.items()}
        try:
            return kind.from_file_map(files)
        except Exception as error:  # whatever nibabel and, for a .mat file, SciPy make of bytes at random
            raise InputError(
                f"{path} cannot be read as an image: its header is damaged ({error})."
            ) from error
    raise InputError(f"{path} cannot be read as an image: it has no header of NIfTI or Analyze.")


def _mat_beside(path: Path) -> bytes:
    """SPM's matrix, which says where an Analyze image lies; empty where there is none."""
    mat = path.with_name(Path(path.name.removesuffix(".gz")).stem + ".mat")
    if not mat.is_file() or mat.stat().st_size > _LARGEST_MAT:
        return b""
    return mat.read_bytes()


def _layout(path: Path, image: "AnalyzeImage") -> tuple[tuple[int, int, int], int, int]:
    """Voxels along (i, j, k), time points, and numbers for each voxel."""
    sizes = tuple(int(size) for size in image.shape)
    sizes = sizes[:3] + tuple(max(size, 1) for size in sizes[3:])  # 0 is how some say that there is no time
    space, times, components, rest = sizes[:3], sizes[3:4], sizes[4:5], sizes[5:]
    if not sizes or min(sizes) < 1:
        raise InputError(f"{path} has no voxels: its size is {' x '.join(map(str, sizes)) or 'missing'}.")
    if math.prod(rest) > 1 or (math.prod(times) > 1 and math.prod(components) > 1):
        raise several_volumes(path, math.prod(sizes[3:]), NOT_IN_TIME)
    i, j, k = (*space, 1, 1)[:3]
    names = image.get_data_dtype().names  # of red, green, blue
    return (i, j, k), math.prod(times), math.prod(components) * (len(names) if names else 1)


def _times(path: Path, image: "AnalyzeImage", count: int) -> TimePoints:
    from nibabel.nifti1 import Nifti1Header

    if count == 1 or not isinstance(image.header, Nifti1Header):
        return TimePoints(count)
    unit = int(image.header["xyzt_units"]) & 0x38
    if unit in _NO_TIME:
        raise several_volumes(path, count, f" that are no time points but differ in {_NO_TIME[unit]}")
    first, step = float(image.header["toffset"]), float(image.header["pixdim"][4])
    return evenly_spaced(count, first, step, _TIME_UNITS.get(unit, ""))


def _read_voxels(path: Path, image: "AnalyzeImage", sizes: tuple[int, ...], time_point: int) -> np.ndarray:
    """Voxels (k, j, i), or (k, j, i, component), of one time point, scaled as the header says.

    ``sizes`` are time points, numbers for each voxel, and voxels along (i, j, k).
    """
    times, components, *shape = sizes
    stored = image.get_data_dtype()
    coloured = bool(stored.names)
    dtype = np.dtype(np.uint8) if coloured else stored
    if dtype.kind not in "iuf":
        raise InputError(f"{path} holds more than one number per voxel: give an image of plain intensities.")
    proxy = cast("ArrayProxy", image.dataobj)  # as nibabel makes it for whatever it reads from a file
    count = math.prod(shape) * components * dtype.itemsize
    if hasattr(image.header, "is_single") and image.header.is_single and proxy.offset < 352:
        raise incomplete(path)
    with opened(path) as source:
        offset, more = proxy.offset + time_point * count, (times - 1 - time_point) * count
        content = read_exactly(path, source, offset, count, more)
    voxels = content.view(dtype)
    if not dtype.isnative:
        voxels = voxels.byteswap(inplace=True).view(dtype.newbyteorder("="))
    if coloured:
        return voxels.reshape(*shape[::-1], components)
    # Components are the slowest in the file.
    voxels = np.moveaxis(voxels.reshape(components, *shape[::-1]), 0, -1)
    return _scaled(voxels if components > 1 else voxels[..., 0], proxy.slope, proxy.inter)


def _scaled(voxels: np.ndarray, slope: float, inter: float) -> np.ndarray:
    """``voxels * slope + inter`` in a type that holds it, whole numbers where it gives nothing else."""
    if (slope, inter) == (1, 0):
        return voxels
    if voxels.dtype.kind in "iu" and slope.is_integer() and inter.is_integer():
        ends = [int(end) * int(slope) + int(inter) for end in (voxels.min(), voxels.max())]
        for dtype in (np.int16, np.int32):
            if np.iinfo(dtype).min <= min(ends) and max(ends) <= np.iinfo(dtype).max:
                return _by_plane(voxels, slope, inter, dtype)
    exact = voxels.dtype.itemsize <= 2 and abs(inter) <= abs(slope) * 2**16
    return _by_plane(voxels, slope, inter, np.float32 if exact else np.float64)


def _by_plane(voxels: np.ndarray, slope: float, inter: float, dtype: type) -> np.ndarray:
    scaled: np.ndarray = np.empty(voxels.shape, dtype)
    for target, plane in zip(scaled, voxels, strict=True):
        target[...] = plane * np.float64(slope) + inter
    return scaled


def _geometry(path: Path, image: "AnalyzeImage", shape: tuple[int, int, int]) -> Geometry:
    from nibabel.nifti1 import Nifti1Header

    affine = np.array(image.affine, np.float64)
    if isinstance(image.header, Nifti1Header):
        _note_place(path, image.header, affine, shape)
        unit = int(image.header["xyzt_units"]) % 8
        if unit in _UNITS:
            word, factor = _UNITS[unit]
            note(f"{path} gives distances in {word}: they were converted to millimetres.")
            affine[:3] *= factor
    else:
        note(
            f"{path} is an Analyze file, which need not tell left from right: check the sides of the result."
        )
    if shape[2] == 1 and not affine[:3, 2].any():
        across = np.cross(affine[:3, 0], affine[:3, 1])
        affine[:3, 2] = across / np.linalg.norm(across)
    return Geometry(shape[::-1], affine)


def _note_place(path: Path, header: "Nifti1Header", affine: np.ndarray, shape: tuple[int, int, int]) -> None:
    codes = int(header["sform_code"]), int(header["qform_code"])
    if codes == (0, 0):
        note(f"The header of {path} does not say where the image lies: it is centred, i running to the left.")
    if 0 in codes:
        return
    try:
        other = header.get_qform()
    except ValueError:  # it turns by no angle that exists
        return
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1)
    apart = np.linalg.norm(corners @ (affine - other)[:3, :3].T + (affine - other)[:3, 3], axis=1).max()
    if apart > _DISAGREEMENT * np.linalg.norm(affine[:3, :3], axis=0).min():
        note(
            f"The header of {path} gives two places, up to {apart:.1f} mm apart: its sform counts here; "
            "Slicer and other programs built on ITK may show the image by its qform."
        )


def write_nifti(
    path: Path, voxels: np.ndarray, geometry: Geometry, times: TimePoints = ONE_TIME_POINT
) -> None:
    """Write voxels (k, j, i), or (time point, k, j, i), as .nii, or packed as .nii.gz.

    Times that are not evenly spaced are left out.

    Matrix (sform) and quaternion (qform) say the same. Of axes that are not at right angles only the
    matrix can tell: the quaternion is left out then, with a warning.
    """
    import nibabel

    kind = nibabel.Nifti1Image if max(voxels.shape) <= _LONGEST_SIDE else nibabel.Nifti2Image
    image = kind(voxels.T, geometry.ijk_to_ras)
    image.header.set_xyzt_units("mm", _NIFTI_TIME.get(times.unit, "unknown") if times.step else "unknown")
    if times.step:
        image.header["pixdim"][4], image.header["toffset"] = times.step, times.numbers[0]
    image.set_qform(geometry.ijk_to_ras, _SCANNER if geometry.is_right_angled else _UNKNOWN)
    image.set_sform(geometry.ijk_to_ras, _SCANNER)
    if not geometry.is_right_angled:
        note(
            f"The axes of {path.name} are not at right angles: Slicer and other programs built on ITK do not "
            "read that from NIfTI; write .nrrd or .seg.nrrd for those."
        )
    with path.open("wb") as file:
        if not path.name.lower().endswith(".gz"):
            image.to_file_map({"image": nibabel.FileHolder(fileobj=file)})
            return
        # No name and no time in it: the same voxels make the same file.
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
            image.to_file_map({"image": nibabel.FileHolder(fileobj=packed)})
