import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume import ReadOptions, Volume, choose_window, read_volume
from unit.volume.files.examples import DATA, VOXELS, needs_data, save

# The oblique one is turned by 30 degrees round i; the flipped one runs left-handed.
DIRECTIONS = {
    "LPS": np.eye(3),
    "RAS": np.diag([-1.0, -1.0, 1.0]),
    "flipped": np.diag([1.0, -1.0, -1.0]) @ np.eye(3)[[1, 0, 2]],
    "oblique": np.array([[1, 0, 0], [0, np.sqrt(3) / 2, -0.5], [0, 0.5, np.sqrt(3) / 2]]),
}


def an_image(voxels: np.ndarray, direction: np.ndarray = DIRECTIONS["LPS"]) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing((0.5, 0.75, 2.0))
    image.SetOrigin((-10.0, 20.0, 30.0))
    image.SetDirection(direction.ravel().tolist())
    return image


def some_voxels(dtype=np.int16, shape=(4, 5, 6)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 100, shape).astype(dtype)


def write_series(folder: Path, positions, uid="1.2.3.4", shape=(6, 7), modality="CT"):
    """One DICOM file for each position, written last slice first; the voxels tell the slice's number."""
    folder.mkdir(exist_ok=True)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, position in reversed(list(enumerate(positions))):
        image = SimpleITK.GetImageFromArray(np.full((1, *shape), number, np.int16))
        image.SetSpacing((0.5, 0.75, 2.0))
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{uid}.{number + 1}",
            "0008|0060": modality,
            "0020|000d": "1.2.3",
            "0020|000e": uid,
            "0020|0032": "\\".join(map(str, position)),
            "0020|0037": r"1\0\0\0\1\0",
        }
        for key, text in tags.items():
            image.SetMetaData(key, text)
        writer.SetFileName(str(folder / f"{uid}-{len(positions) - number}.dcm"))
        writer.Execute(image)


def along_z(*heights):
    return [(10, 20, height) for height in heights]


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_files_keep_voxels_dtype_and_geometry(tmp_path, name, direction, dtype):
    image = an_image(some_voxels(dtype), DIRECTIONS[direction])
    SimpleITK.WriteImage(image, str(tmp_path / name))
    volume = read_volume(tmp_path / name)
    assert volume.voxels.dtype == dtype
    np.testing.assert_array_equal(volume.voxels, some_voxels(dtype))
    index = (5, 1, 3)
    lps = np.array(image.TransformIndexToPhysicalPoint(index))
    np.testing.assert_allclose(volume.geometry.kji_to_ras(index[::-1]), lps * [-1, -1, 1], atol=1e-4)


def test_a_series_is_sorted_along_its_normal(tmp_path):
    write_series(tmp_path, along_z(-4, -2, 0, 2))
    (tmp_path / "notes.txt").write_text("not an image")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume = Volume.read(tmp_path)
    np.testing.assert_array_equal(volume.voxels[:, 0, 0], [0, 1, 2, 3])
    assert volume.voxels.dtype == np.int16
    assert volume.modality == "CT"
    assert volume.geometry.spacing == (2, 0.75, 0.5)
    np.testing.assert_allclose(volume.geometry.kji_to_ras([0, 0, 0]), [-10, -20, -4])


def test_rounded_positions_count_as_even(tmp_path):
    write_series(tmp_path, along_z(0, 2.003, 3.998, 6.001))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_volume(tmp_path).voxels.shape == (4, 6, 7)


def test_one_dicom_file_is_one_slice(tmp_path):
    write_series(tmp_path, along_z(3), modality="MR")
    for path in (tmp_path, next(tmp_path.glob("*.dcm"))):
        volume = read_volume(path)
        assert volume.voxels.shape == (1, 6, 7)
        assert volume.modality == "MR"


def test_a_folder_with_one_multiframe_file_is_a_volume(tmp_path):
    SimpleITK.WriteImage(an_image(some_voxels(np.uint8)), str(tmp_path / "frames.dcm"))
    np.testing.assert_array_equal(read_volume(tmp_path).voxels, some_voxels(np.uint8))


def test_a_2d_image_is_a_volume_of_one_slice(tmp_path):
    pixels = some_voxels(np.uint8, (5, 6))
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels), str(tmp_path / "a.png"))
    volume = read_volume(tmp_path / "a.png")
    np.testing.assert_array_equal(volume.voxels, pixels[None])
    assert volume.modality is None


@pytest.mark.parametrize("channels", [3, 4])
def test_a_colour_image_becomes_its_luminance(tmp_path, channels):
    pixels = np.full((2, 4, channels), 255, np.uint8)
    pixels[0, :, :3] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels, isVector=True), str(tmp_path / "a.png"))
    voxels = read_volume(tmp_path / "a.png").voxels
    assert voxels.dtype == np.uint8
    np.testing.assert_array_equal(voxels, [[[76, 150, 29, 18], [255] * 4]])


@pytest.mark.parametrize(
    ("dtype", "components"), [(np.float32, 3), (np.int16, 3), (np.uint8, 2), (np.uint8, 6)]
)
def test_vector_volumes_are_refused(tmp_path, dtype, components):
    image = SimpleITK.GetImageFromArray(some_voxels(dtype, (4, 5, 6, components)), isVector=True)
    SimpleITK.WriteImage(image, str(tmp_path / "a.nrrd"))
    with pytest.raises(InputError, match="more than one number per voxel"):
        read_volume(tmp_path / "a.nrrd")


def test_complex_volumes_are_refused(tmp_path):
    image = SimpleITK.Image((6, 5, 4), SimpleITK.sitkComplexFloat32)
    SimpleITK.WriteImage(image, str(tmp_path / "a.nii"))
    with pytest.raises(InputError, match="more than one number per voxel"):
        read_volume(tmp_path / "a.nii")


def test_4d_images_are_refused(tmp_path):
    image = SimpleITK.GetImageFromArray(some_voxels(shape=(2, 4, 5, 6)), isVector=False)
    SimpleITK.WriteImage(image, str(tmp_path / "a.nii.gz"))
    with pytest.raises(InputError, match="holds 2 volumes"):
        read_volume(tmp_path / "a.nii.gz")


def test_voxels_that_are_no_numbers_are_counted(tmp_path):
    voxels = some_voxels(np.float32)
    voxels[0, 0, :2] = np.nan
    voxels[3, 2, 1] = -np.inf
    SimpleITK.WriteImage(an_image(voxels), str(tmp_path / "a.nrrd"))
    with pytest.raises(InputError, match="holds 3 voxels that are not a number or infinite: replace them in"):
        read_volume(tmp_path / "a.nrrd")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.nii does not exist"):
        read_volume(tmp_path / "absent.nii")


@pytest.mark.parametrize("others", [(), ("a.txt", "a.nrrd")])
def test_a_folder_without_dicom_is_refused(tmp_path, others, capfd):
    for name in others:
        (tmp_path / name).write_text("something else")
    with pytest.raises(InputError, match="No DICOM images lie in"):
        read_volume(tmp_path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.dcm", "a.png", "a.txt", "a"])
@pytest.mark.parametrize("content", [b"", b"this is no image at all\n" * 40])
def test_an_unreadable_file_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("kept", [0.5, 0.999])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.dcm"])
def test_a_truncated_file_is_refused(tmp_path, name, kept):
    SimpleITK.WriteImage(an_image(some_voxels(np.uint8, (20, 30, 40))), str(tmp_path / name))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(InputError, match=r"incomplete|is damaged|cannot be read as an image"):
        read_volume(tmp_path / name)


def test_a_damaged_gzip_stream_is_refused(tmp_path):
    path = tmp_path / "a.nii.gz"
    SimpleITK.WriteImage(an_image(some_voxels(shape=(20, 30, 40))), str(path))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)
    with pytest.raises(InputError, match="incomplete"):
        read_volume(path)


def test_a_rescaled_nifti_is_whole(tmp_path):
    path = tmp_path / "a.nii"
    SimpleITK.WriteImage(an_image(some_voxels()), str(path))
    header = bytearray(path.read_bytes())
    header[112:120] = struct.pack("<2f", 0.5, -3)  # scl_slope, scl_inter
    path.write_bytes(header)
    np.testing.assert_allclose(read_volume(path).voxels, some_voxels() * 0.5 - 3)


def test_a_sheared_nifti_lies_where_its_matrix_says(tmp_path):
    path = tmp_path / "a.nii"
    SimpleITK.WriteImage(an_image(some_voxels()), str(path))
    header = bytearray(path.read_bytes())
    header[252:256] = struct.pack("<hh", 0, 1)  # qform_code, sform_code: the matrix alone counts
    header[280:328] = struct.pack("<12f", 1, 0.5, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    path.write_bytes(header)
    matrix = [[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(read_volume(path).geometry.ijk_to_ras, matrix)


@needs_data
def test_a_real_ct_series_agrees_with_its_labels():
    ct, labels = read_volume(DATA / "ct_dicom"), read_volume(DATA / "ct_labels.nii.gz")
    assert ct.voxels.shape == labels.voxels.shape == (20, 512, 512)
    assert ct.geometry.spacing == pytest.approx((2.0, 0.977, 0.977), abs=1e-3)
    assert ct.modality == "CT"
    assert labels.modality is None
    np.testing.assert_allclose(ct.geometry.ijk_to_ras, labels.geometry.ijk_to_ras, atol=1e-4)
    assert np.median(ct.voxels[labels.voxels == 5]) == pytest.approx(100, abs=60)  # 5 is the liver


def test_voxels_that_are_no_numbers_get_the_value_that_was_asked_for(tmp_path):
    voxels = some_voxels(np.float32)
    voxels[0, 0, :2] = np.nan
    voxels[3, 2, 1] = -np.inf
    for name in ("a.nrrd", "a.nii.gz", "a.mha"):
        SimpleITK.WriteImage(an_image(voxels), str(tmp_path / name))
        filled = read_volume(tmp_path / name, ReadOptions(nan=-1000)).voxels
        np.testing.assert_array_equal(filled, np.where(np.isfinite(voxels), voxels, -1000))


@pytest.mark.parametrize("value", [1e300, float("nan"), float("inf")])
def test_a_replacement_that_is_no_intensity_is_refused(tmp_path, value):
    SimpleITK.WriteImage(an_image(np.full((2, 3, 4), np.nan, np.float32)), str(tmp_path / "a.nrrd"))
    with pytest.raises(InputError, match="is no intensity"):
        read_volume(tmp_path / "a.nrrd", ReadOptions(nan=value))


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.hdf5"])
def test_one_time_point_is_a_volume(tmp_path, name):
    path = save(tmp_path / name, VOXELS[None])
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    np.testing.assert_array_equal(volume.geometry.ijk_to_ras, np.diag([-1.0, -1, 1, 1]))
    with pytest.raises(InputError, match="holds 2 volumes"):
        read_volume(save(tmp_path / name, np.stack([VOXELS] * 2)))


@needs_data
def test_the_same_voxels_are_the_same_volume_in_every_format(tmp_path):
    """A real CT: voxels, places, modality and window, which is all that segmentation is given."""
    expected = read_volume(DATA / "ct_dicom")
    image = expected.geometry.to_image(expected.voxels)
    for name, pixels in [
        ("a.nii.gz", image),
        ("a.nii", image),
        ("a.nrrd", image),
        ("a.mha", image),
        ("a.mhd", image),
        ("a.hdr", image),
        ("float.nii.gz", SimpleITK.Cast(image, SimpleITK.sitkFloat32)),
        ("long.nrrd", SimpleITK.Cast(image, SimpleITK.sitkInt64)),
    ]:
        SimpleITK.WriteImage(pixels, str(tmp_path / name))
        volume = read_volume(tmp_path / name)
        np.testing.assert_array_equal(volume.voxels, expected.voxels, err_msg=name)
        np.testing.assert_array_equal(volume.geometry.ijk_to_ras, expected.geometry.ijk_to_ras, err_msg=name)
        assert (volume.modality, choose_window(volume)) == ("CT", choose_window(expected))
