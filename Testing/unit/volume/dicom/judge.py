"""dcm2niix as the judge of what DICOM files hold: the same voxels at the same places."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import dcm2niix
import nibabel
import numpy as np

from medsam2.volume import Volume


class JudgedVolume(NamedTuple):
    """Voxels (i, j, k), their matrix to RAS, and the name of the file."""

    voxels: np.ndarray
    affine: np.ndarray
    name: str


def judged_volumes(source: Path, output: Path) -> list[JudgedVolume]:
    """Each 3-D volume that dcm2niix makes of a folder."""
    output.mkdir()
    command = [dcm2niix.bin, "-b", "n", "-z", "n", "-f", "%s_%p_%t", "-o", str(output), str(source)]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60)
    found = []
    for file in sorted(output.glob("*.nii")):
        image = nibabel.load(file)
        voxels = np.asarray(image.dataobj)
        while voxels.ndim > 3 and voxels.shape[-1] == 1:
            voxels = voxels[..., 0]
        series = [voxels] if voxels.ndim == 3 else list(np.moveaxis(voxels, 3, 0))
        found += [JudgedVolume(each, image.affine, file.name) for each in series]
    assert found, run.stdout + run.stderr
    return found


def agrees(volume: Volume, judged: JudgedVolume) -> bool:
    """Whether every voxel of a volume is in the other one: the same place within a hundredth, same value."""
    voxels, affine = judged.voxels, judged.affine
    if voxels.size != volume.voxels.size:
        return False
    kji = np.stack(np.indices(volume.voxels.shape), axis=-1).reshape(-1, 3)
    places = volume.geometry.kji_to_ras(kji)
    ijk = (places - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    index = np.rint(ijk).astype(int)
    if np.abs(ijk - index).max() > 0.01 or (index < 0).any() or (index >= voxels.shape).any():
        return False
    return np.allclose(voxels[tuple(index.T)], volume.voxels.reshape(-1), rtol=1e-5, atol=1e-4)
