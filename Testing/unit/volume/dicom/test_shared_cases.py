"""The DICOM inputs of ../shared/cases, each by its name, and the real CT beside them."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import ReadOptions, read_volume

SHARED = Path(__file__).resolve().parents[5] / "shared"
INPUTS, DATA = SHARED / "cases" / "inputs", SHARED / "data"
needs_cases = pytest.mark.skipif(not INPUTS.is_dir(), reason="the cases are not beside the repository")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real cases are not beside the repository")

# What every one of these inputs shows: 8 slices of 20 x 24 voxels of 0.7 x 0.9 x 2.5 mm at LPS 10, -20, 30.
_k, _j, _i = np.indices((8, 20, 24))
VOXELS = np.round(-1000 + 2000 * (0.5 * _k / 8 + 0.3 * _j / 20 + 0.2 * _i / 24)).astype(np.int16)
TO_RAS = np.array([[-0.7, 0, 0, -10], [0, -0.9, 0, 20], [0, 0, 2.5, 30], [0, 0, 0, 1]])


def read_silently(name, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_volume(INPUTS / name, ReadOptions(**options))


def assert_right(volume, voxels=VOXELS, to_ras=TO_RAS):
    np.testing.assert_array_equal(volume.voxels, voxels)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, to_ras, atol=1e-6)


@needs_cases
def test_01_frames_interleaved():
    assert_right(read_silently("01_frames_interleaved.dcm"))


@needs_cases
def test_02_frames_two_time_points():
    with pytest.raises(InputError, match="2 volumes: choose one with --volume"):
        read_volume(INPUTS / "02_frames_two_time_points.dcm")
    for number in (1, 2):
        assert_right(read_silently("02_frames_two_time_points.dcm", volume=number))


@needs_cases
def test_03_scout_in_series():
    with pytest.warns(VolumeWarning, match="Single images beside the volume were left out"):
        volume = read_volume(INPUTS / "03_scout_in_series")
    assert_right(volume)


@needs_cases
def test_04_gantry_tilt():
    tilted = TO_RAS.copy()
    tilted[1, 2] = -2.5 * np.tan(np.radians(15))
    assert_right(read_silently("04_gantry_tilt"), to_ras=tilted)


@needs_cases
def test_05_rescale_differs():
    assert_right(read_silently("05_rescale_differs"), np.concatenate([np.abs(VOXELS[:1]), VOXELS[1:]]))


@needs_cases
def test_06_last_file_cut():
    with pytest.raises(InputError, match=r"s07\.dcm is damaged.*--skip-damaged"):
        read_volume(INPUTS / "06_last_file_cut")
    with pytest.warns(VolumeWarning, match=r"s07\.dcm"):
        volume = read_volume(INPUTS / "06_last_file_cut", ReadOptions(skip_damaged=True))
    assert_right(volume, VOXELS[:7])


@needs_cases
@pytest.mark.parametrize("resample", [False, True])
def test_07_two_blocks(resample):
    with pytest.raises(InputError, match=r"slices 3 and 4 are 302\.5 mm apart, the others 2\.5 mm"):
        read_volume(INPUTS / "07_two_blocks", ReadOptions(resample=resample))


@needs_cases
def test_08_single_slice_6mm():
    thick = TO_RAS.copy()
    thick[2, 2] = 6
    assert_right(read_silently("08_single_slice_6mm"), VOXELS[:1], thick)


@needs_cases
def test_09_no_pixel_spacing():
    with pytest.warns(VolumeWarning, match="Pixel Spacing"):
        volume = read_volume(INPUTS / "09_no_pixel_spacing")
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert volume.geometry.spacing == (2.5, 1, 1)


@needs_data
def test_the_real_ct_has_the_voxels_and_the_grid_that_itk_gives_it_and_that_of_its_labels():
    volume = read_volume(DATA / "ct_dicom")
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(DATA / "ct_dicom")))
    itk = reader.Execute()
    voxels = SimpleITK.GetArrayViewFromImage(itk)
    assert volume.voxels.dtype == voxels.dtype
    np.testing.assert_array_equal(volume.voxels, voxels)
    labels = read_volume(DATA / "ct_labels.nii.gz").geometry
    assert volume.geometry.shape == labels.shape
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, labels.ijk_to_ras, atol=1e-4)
    own = volume.geometry.to_image(volume.voxels)
    assert (own.GetSpacing(), own.GetOrigin(), own.GetDirection()) == (
        pytest.approx(itk.GetSpacing()),
        pytest.approx(itk.GetOrigin()),
        pytest.approx(itk.GetDirection()),
    )
