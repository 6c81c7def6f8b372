"""Masks that people give, Slicer's segmentations and labelmaps, as segments on the grid of an image."""

import os
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError, note
from medsam2.volume.files.byte_source import check_regular
from medsam2.volume.files.itk_file import read_itk_image
from medsam2.volume.files.label_names import read_label_names
from medsam2.volume.files.reading import is_dicom
from medsam2.volume.files.segmentation_file import segments_of
from medsam2.volume.geometry import TOLERANCE, Geometry
from medsam2.volume.segment import PALETTE, Segment, check_segment_name
from medsam2.volume.volume import Volume

MOST_LABELS = 255
"""A mask with more values than this is taken for an image given by mistake."""
LARGEST_LABEL = 2**32 - 1


def read_segments(path: str | os.PathLike, grid: Geometry) -> list[Segment]:
    """Segments of a mask, each with its label, on ``grid``; those without a voxel are left out with a note.

    Names are those of a .seg.nrrd file, of a DICOM SEG, or of the table beside a labelmap.

    Raises:
        InputError: the file is no mask, is empty, or does not fit the grid.
    """
    path = Path(path)
    check_regular(path)
    segments = _segmentation(path, grid) or _dicom_segmentation(path, grid) or _labelmap(path, grid)
    empty = [segment.name for segment in segments if not segment.mask.any()]
    segments = [segment for segment in segments if segment.mask.any()]
    if not segments:
        raise InputError("The mask is empty: label the object on at least one slice.")
    if len(segments) > MOST_LABELS:
        raise InputError(f"The mask {path.name} holds {len(segments)} segments: give at most {MOST_LABELS}.")
    if empty:
        note(f"Left out, as the mask has none of it: {', '.join(empty)}.")
    return _with_names_of_their_own(segments)


def _segmentation(path: Path, grid: Geometry) -> list[Segment]:
    """Segments of a Slicer segmentation; none if the file is something else."""
    if not path.name.lower().endswith(".nrrd") or not path.is_file():
        return []
    image = read_itk_image(path)
    if not image.HasMetaDataKey("Segment0_ID"):
        return []
    geometry = Geometry.from_image(image)
    layers = SimpleITK.GetArrayFromImage(image).reshape(*geometry.shape, -1)
    try:
        return segments_of(image, _place_on_grid(layers, geometry, grid))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path} cannot be read as a segmentation: save it anew in Slicer.") from error


def _dicom_segmentation(path: Path, grid: Geometry) -> list[Segment]:
    """Segments of a DICOM SEG; none if the file is something else."""
    if not path.is_file() or not is_dicom(path):
        return []
    from medsam2.volume.dicom.segments import read_dicom_segments  # pydicom takes a while to load

    found = read_dicom_segments(path)
    if found is None:
        return []
    described, masks, geometry = found
    placed = _place_on_grid(masks, geometry, grid)
    return [
        Segment(name, color, placed[..., layer], number)
        for layer, (number, name, color) in enumerate(described)
    ]


def _labelmap(path: Path, grid: Geometry) -> list[Segment]:
    """Segments of a labelmap: one for each value but 0."""
    volume = Volume.read(path)
    labels = _place_on_grid(volume.voxels, volume.geometry, grid)
    values = [value for value in np.unique(labels).tolist() if value]
    if len(values) > MOST_LABELS:
        raise InputError(
            f"The mask {path.name} holds {len(values)} different values, as an image does: give labels, "
            "0 where there is no object."
        )
    for value in values:
        if value != int(value) or not 0 < value <= LARGEST_LABEL:
            raise InputError(
                f"The mask {path.name} holds {value:g}, which is no label: give whole numbers from 0."
            )
    names = read_label_names(path)
    return [
        Segment(
            names.get(int(value), f"Segment_{int(value)}"),
            PALETTE[number % len(PALETTE)],
            labels == value,
            int(value),
        )
        for number, value in enumerate(values)
    ]


def _with_names_of_their_own(segments: list[Segment]) -> list[Segment]:
    """Segments whose names can be told apart: a repeated one gets the segment's number."""
    taken: set[str] = set()
    renamed = []
    for segment in segments:
        given = check_segment_name(segment.name)
        name = next(n for n in (given, *(f"{given}_{number}" for number in range(2, 999))) if n not in taken)
        taken.add(name)
        renamed.append(Segment(name, segment.color, segment.mask, segment.label))
    return renamed


def _place_on_grid(voxels: np.ndarray, geometry: Geometry, grid: Geometry) -> np.ndarray:
    """Voxels (k, j, i), or (k, j, i, layer), of ``geometry`` on ``grid``, 0 where there are none.

    Cropped, extended, turned and flipped grids fit; nothing is ever resampled.

    Raises:
        InputError: voxels of the two do not coincide, some that are not 0 lie outside ``grid``, or DICOM
            counts their positions from different origins.
    """
    if not geometry.may_share_space_with(grid):
        raise InputError(
            "The mask has another DICOM frame of reference than the image, as another scan or patient has: "
            "give the scan that it was made on or, if you know that it fits, save it as .seg.nrrd first."
        )
    axes, signs, offset = _whole_voxels(geometry, grid)
    turned = np.moveaxis(voxels, axes, (0, 1, 2))[tuple(slice(None, None, sign) for sign in signs)]
    # Where the turned array's first voxel lies: a flipped axis starts at its end.
    counts = np.array(turned.shape[:3])
    start = np.where(signs > 0, offset, offset - counts + 1)
    if turned.shape[:3] == grid.shape and not start.any():
        return turned
    low, high = np.maximum(start, 0), np.minimum(start + counts, grid.shape)
    on_grid = np.zeros(grid.shape + turned.shape[3:], turned.dtype)
    if (low < high).all():
        inside = tuple(slice(*ends) for ends in zip(low - start, high - start, strict=True))
        on_grid[tuple(slice(*ends) for ends in zip(low, high, strict=True))] = turned[inside]
    if np.count_nonzero(on_grid) < np.count_nonzero(turned):
        raise InputError(
            "The mask reaches beyond the image: crop it to the image, or give the image that it was made on."
        )
    return on_grid


def _whole_voxels(geometry: Geometry, grid: Geometry) -> tuple[list[int], np.ndarray, np.ndarray]:
    """For each axis of ``grid`` the axis of ``geometry`` along it and its sign; the first voxel's index."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(geometry.shape) - 1)
    positions = grid.ras_to_kji(geometry.kji_to_ras(corners))
    # Row: axis of geometry, column: axis of grid.
    steps = (np.linalg.inv(grid.ijk_to_ras) @ geometry.ijk_to_ras)[2::-1, 2::-1].T
    turn = np.rint(steps).astype(int)
    offset = np.rint(positions[0])
    is_turn = (np.abs(turn).sum(axis=0) == 1).all() and (np.abs(turn).sum(axis=1) == 1).all()
    if not is_turn or np.abs(corners @ turn + offset - positions).max() > TOLERANCE:
        raise InputError(
            "The mask is on another grid than the image: resample it to the image's spacing, size and origin."
        )
    axes = np.abs(turn).argmax(axis=0)
    return axes.tolist(), turn.sum(axis=0), offset.astype(int)
