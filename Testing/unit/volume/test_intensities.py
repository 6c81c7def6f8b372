"""Colours as grey, and numbers of 64 bits in shorter types."""

import warnings

import numpy as np
import pytest

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import read_volume
from unit.volume.files.examples import VOXELS, save


@pytest.mark.parametrize("name", ["a.vtk", "a.tif", "a.nii", "a.nrrd"])
def test_a_volume_in_colour_becomes_grey(tmp_path, name):
    colours = np.random.default_rng(0).integers(0, 255, (3, 4, 5, 3), np.uint8)
    with pytest.warns(VolumeWarning, match="in colour"):
        voxels = read_volume(save(tmp_path / name, colours, colour=True)).voxels
    np.testing.assert_array_equal(voxels, np.rint(colours @ [0.299, 0.587, 0.114]))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.nrrd"])
def test_colours_that_are_all_grey_need_no_note(tmp_path, name):
    grey = VOXELS[:1].astype(np.uint8)
    grey = grey if name == "a.nrrd" else grey[0]
    path = save(tmp_path / name, np.stack([grey] * 3, axis=-1), colour=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".* is in colour")
        np.testing.assert_array_equal(read_volume(path).voxels[0], VOXELS[0])


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.nii.gz"])
@pytest.mark.parametrize(("dtype", "kept_as"), [(np.int64, np.int16), (np.uint64, np.int16)])
def test_64_bit_voxels_are_read(tmp_path, name, dtype, kept_as):
    voxels = read_volume(save(tmp_path / name, VOXELS.astype(dtype))).voxels
    assert voxels.dtype == kept_as
    np.testing.assert_array_equal(voxels, VOXELS)


@pytest.mark.parametrize(
    ("dtype", "largest", "kept_as"),
    [
        (np.int64, 40_000, np.int32),
        (np.uint64, 2**32 - 1, np.uint32),
        (np.int64, -(2**40), np.float64),
        (np.uint64, 2**53, np.float64),
        (np.uint64, 2**63, np.float64),
    ],
)
def test_large_64_bit_voxels_keep_their_values(tmp_path, dtype, largest, kept_as):
    given = np.array([[[0, 1, largest]]], dtype)
    voxels = read_volume(save(tmp_path / "a.nrrd", given)).voxels
    assert voxels.dtype == kept_as
    assert [int(value) for value in voxels.ravel()] == [0, 1, largest]


@pytest.mark.parametrize(
    ("dtype", "largest"), [(np.int64, 2**53 + 1), (np.uint64, 2**64 - 1), (np.int64, 2**63 - 1)]
)
def test_64_bit_voxels_that_fit_nothing_else_are_refused(tmp_path, dtype, largest):
    with pytest.raises(InputError, match="no shorter type can hold exactly"):
        read_volume(save(tmp_path / "a.nrrd", np.array([[[0, 1, largest]]], dtype)))
