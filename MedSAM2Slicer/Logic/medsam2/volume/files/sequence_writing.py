"""Writing labelmaps of several time points into one file."""

import gzip
import os
import warnings
from pathlib import Path
from urllib.parse import quote

import numpy as np
import SimpleITK

from medsam2.complete_file import complete_file
from medsam2.errors import InputError, note
from medsam2.volume.files.itk_file import read_itk_file, write_itk_image
from medsam2.volume.files.nifti import is_named_nifti, read_nifti, write_nifti
from medsam2.volume.geometry import LPS_TO_RAS, Geometry
from medsam2.volume.image_sequence import TimePoints

_FORMATS = (".seq.nrrd", ".nrrd", ".nii.gz", ".nii", ".mha")
"""Both of NRRD are Slicer's volume sequence."""
_NRRD_TYPES = {"uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int"}


def can_hold_time(path: str | os.PathLike) -> bool:
    """Whether the suffix is that of a format whose files hold labelmaps of several time points."""
    name = Path(path).name
    return name.endswith(_FORMATS) and not name.endswith(".seg.nrrd")


def write_labelmap_sequence(
    path: str | os.PathLike, labels: np.ndarray, geometry: Geometry, times: TimePoints
) -> None:
    """Write labels (time point, k, j, i), whole numbers from 0, in the format that the suffix names.

    Warns of times that the format cannot hold.

    Raises:
        InputError: the format holds no time points, or the file could not be written.
    """
    name = Path(path).name
    if not can_hold_time(path):
        raise InputError(f"{name} cannot hold several time points: end the name with {', '.join(_FORMATS)}.")
    is_nrrd = name.endswith(".nrrd")
    if times.values and not is_nrrd and times.step is None:
        note(f"The times in {name} count from 0 in steps of 1: only .seq.nrrd can hold those of the image.")
    with complete_file(path) as unfinished:
        try:
            if is_named_nifti(unfinished):
                write_nifti(unfinished, labels, geometry, times)
            elif is_nrrd:
                _write_nrrd(unfinished, labels, geometry, times)
            else:
                _write_with_itk(unfinished, labels, geometry, times)
            complete = _holds(unfinished, labels)
        except (RuntimeError, InputError):
            complete = False
        if not complete:
            raise InputError(
                f"{path} was not written completely: free some disk space, or choose another folder."
            )


def _holds(path: Path, labels: np.ndarray) -> bool:
    """Some writers say nothing when the disk runs full, so only reading back tells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = read_nifti(path) if is_named_nifti(path) else read_itk_file(path)
        return written.times.count == len(labels) and all(
            np.array_equal(written.volume(number).voxels, volume) for number, volume in enumerate(labels)
        )


def _write_with_itk(path: Path, labels: np.ndarray, geometry: Geometry, times: TimePoints) -> None:
    step = times.step or 1.0
    first = times.numbers[0] if times.step else 0.0
    write_itk_image(path, SimpleITK.JoinSeries([geometry.to_image(volume) for volume in labels], first, step))


def _write_nrrd(path: Path, labels: np.ndarray, geometry: Geometry, times: TimePoints) -> None:
    """As Slicer writes a volume sequence since 5.8: a list of volumes, with the index of each."""
    ijk_to_lps = LPS_TO_RAS @ geometry.ijk_to_ras
    columns = [f"({','.join(f'{part:.17g}' for part in column)})" for column in ijk_to_lps[:3].T]
    values = times.values or tuple(map(str, range(len(labels))))
    header = [
        "NRRD0004",
        f"type: {_NRRD_TYPES[labels.dtype.name]}",
        "dimension: 4",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, labels.shape[:0:-1]))} {len(labels)}",
        f"space directions: {' '.join(columns[:3])} none",
        "kinds: domain domain domain list",
        'labels: "" "" "" "time"',
        f'units: "" "" "" "{times.unit}"',
        "endian: little",
        "encoding: gzip",
        f"space origin: {columns[3]}",
        "DataNodeClassName:=vtkMRMLLabelMapVolumeNode",
        f"axis 3 index type:={'numeric' if times.numbers or not times.values else 'text'}",
        f"axis 3 index values:={' '.join(map(quote, values))}",
    ]
    with path.open("wb") as file:
        file.write("\n".join([*header, "", ""]).encode())
        # No name and no time in it: the same voxels make the same file.
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
            for volume in labels:
                packed.write(np.ascontiguousarray(volume.astype(volume.dtype.newbyteorder("<"))).data)
