import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.volume import Geometry, Volume, check_axis

SPACING_IJK = (0.5, 0.75, 2.0)


def a_volume(shape=(3, 4, 5)) -> Volume:
    voxels = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    return Volume(voxels, Geometry(shape, np.diag([*SPACING_IJK, 1])))


def test_slices_keep_array_order_and_share_memory():
    volume = a_volume()
    for axis, dimension in zip("kji", range(3), strict=True):
        assert volume.slice_count(axis) == volume.voxels.shape[dimension]
        for index in range(volume.slice_count(axis)):
            plane = volume.slice(axis, index)
            np.testing.assert_array_equal(plane, np.take(volume.voxels, index, dimension))
            assert np.shares_memory(plane, volume.voxels)


def test_slice_spacing_is_row_then_column():
    volume = a_volume()
    assert volume.slice_spacing("k") == (0.75, 0.5)
    assert volume.slice_spacing("j") == (2.0, 0.5)
    assert volume.slice_spacing("i") == (2.0, 0.75)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_slice_outside_the_volume_is_refused(index):
    with pytest.raises(InputError, match="axis k has slices 0 to 2"):
        a_volume().slice("k", index)


def test_any_axis_of_a_3d_volume_will_do():
    for axis in "kji":
        check_axis(a_volume(), axis)


@pytest.mark.parametrize(("shape", "own"), [((1, 4, 5), "k"), ((4, 1, 5), "j"), ((4, 5, 1), "i")])
def test_a_single_slice_has_one_axis(shape, own):
    volume = a_volume(shape)
    check_axis(volume, own)
    for axis in set("kji") - {own}:
        with pytest.raises(InputError, match=f"along axis {axis}: choose its own, {own}"):
            check_axis(volume, axis)


def test_voxels_must_fit_the_geometry():
    with pytest.raises(ValueError, match="on a grid of"):
        Volume(np.zeros((2, 2, 2)), Geometry((2, 2, 3), np.eye(4)))


@pytest.mark.parametrize("shape", [(1, 1, 24), (1, 24, 1), (24, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("axis", ["k", "j", "i"])
def test_a_single_row_is_refused_as_such(shape, axis):
    with pytest.raises(InputError, match="a single row of voxels"):
        check_axis(Volume(np.zeros(shape, np.int16), Geometry(shape, np.eye(4))), axis)
