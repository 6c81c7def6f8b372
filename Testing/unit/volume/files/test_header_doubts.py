"""What a file does not say is said: size of a voxel, units, directions."""

import numpy as np
import pytest
import SimpleITK

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import read_volume

VOXELS = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
NRRD = "NRRD0005\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: little\nencoding: raw\n"
META = "ObjectType = Image\nNDims = 3\nBinaryData = True\nDimSize = 4 3 2\n{}ElementType = MET_SHORT\n"
PLACED = "space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (1,2,3)\n"


def nrrd(path, more):
    path.write_bytes((NRRD + more + "\n").encode() + VOXELS.tobytes())
    return path


def meta(path, more):
    path.write_bytes((META.format(more) + "ElementDataFile = LOCAL\n").encode() + VOXELS.tobytes())
    return path


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("space: RAS\n", "size of a voxel"),
        ("spacings: nan nan nan\n", "size of a voxel"),
        ("spacings: 1 1 2\n", "how the image lies"),
        ("space: scanner-xyz\n" + PLACED, "how the image lies"),
        ('space: RAS\nspace units: "cm" "cm" "cm"\n' + PLACED, "distances in cm"),
    ],
)
def test_what_an_nrrd_header_leaves_open_is_noted(tmp_path, more, words):
    with pytest.warns(VolumeWarning, match=words):
        read_volume(nrrd(tmp_path / "a.nrrd", more))


@pytest.mark.parametrize(
    ("more", "words"),
    [("", "size of a voxel"), ("ElementSpacing = 9 9 9\nDistanceUnits = um\n", "distances in um")],
)
def test_what_a_metaimage_header_leaves_open_is_noted(tmp_path, more, words):
    with pytest.warns(VolumeWarning, match=words):
        read_volume(meta(tmp_path / "a.mha", more))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.jpg"])
def test_a_picture_has_no_size_of_a_voxel(tmp_path, name):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOXELS[0].astype(np.uint8)), str(tmp_path / name))
    with pytest.warns(VolumeWarning, match="counts as 1 x 1 x 1 mm"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("name", ["a.vtk", "a.gipl", "a.mrc"])
def test_a_format_without_directions_is_noted(tmp_path, name):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOXELS), str(tmp_path / name))
    with pytest.warns(VolumeWarning, match="how the image lies"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.mnc", "a.hdf5"])
def test_a_file_that_says_all_needs_no_note(tmp_path, name, recwarn):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOXELS), str(tmp_path / name))
    read_volume(tmp_path / name)
    assert not recwarn.list


@pytest.mark.parametrize("space", ["right-anterior-superior-time", "LAST"])
def test_places_in_space_and_time_that_itk_would_mirror_are_refused(tmp_path, space):
    more = f"space: {space}\nspace directions: (1,0,0,0) (0,1,0,0) (0,0,2,0) (0,0,0,1)\n"
    path = nrrd(tmp_path / "a.nrrd", more)
    path.write_bytes(
        path.read_bytes().replace(b"dimension: 3", b"dimension: 4").replace(b"4 3 2", b"4 3 2 1")
    )
    with pytest.raises(InputError, match="without the time axis"):
        read_volume(path)


@pytest.mark.parametrize("name", ["A.MHA", "A.GIPL", "A.NRRD", "A.VTK"])
def test_suffixes_in_capitals_are_known(tmp_path, name):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOXELS), str(tmp_path / name.lower()))
    (tmp_path / name.lower()).rename(tmp_path / name)
    np.testing.assert_array_equal(read_volume(tmp_path / name).voxels, VOXELS)


def test_packing_that_is_not_read_is_named(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", "space: RAS\n" + PLACED)
    path.write_bytes(path.read_bytes().replace(b"encoding: raw", b"encoding: bzip2"))
    with pytest.raises(InputError, match="packed with bzip2"):
        read_volume(path)
