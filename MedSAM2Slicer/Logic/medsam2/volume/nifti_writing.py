"""Writing NIfTI files that everyone reads as lying in the same place."""

import gzip
from pathlib import Path

import numpy as np

from medsam2.volume.geometry import Geometry
from medsam2.volume.volume_warning import note

_SCANNER, _UNKNOWN = 1, 0
_LONGEST_SIDE = 32767
"""Voxels along an axis that NIfTI-1 can count."""


def write_nifti(path: Path, voxels: np.ndarray, geometry: Geometry) -> None:
    """Write voxels (k, j, i) as .nii, or packed as .nii.gz.

    Matrix (sform) and quaternion (qform) say the same. Of axes that are not at right angles only the
    matrix can tell: the quaternion is left out then, with a warning.
    """
    import nibabel

    kind = nibabel.Nifti1Image if max(voxels.shape) <= _LONGEST_SIDE else nibabel.Nifti2Image
    image = kind(voxels.T, geometry.ijk_to_ras)
    image.header.set_xyzt_units("mm")
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
