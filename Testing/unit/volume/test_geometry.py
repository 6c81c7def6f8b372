import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from medsam2.errors import InputError
from medsam2.volume import Geometry, axis_index

FLIPS = st.tuples(*[st.sampled_from([1.0, -1.0])] * 3)
ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)


@st.composite
def images(draw) -> SimpleITK.Image:
    """Images on rotated and mirrored grids of any spacing and origin."""
    image = SimpleITK.Image(draw(st.tuples(*[st.integers(1, 9)] * 3)), SimpleITK.sitkUInt8)
    rotation = Rotation.from_euler("xyz", draw(ANGLES), degrees=True).as_matrix()
    image.SetDirection((rotation * draw(FLIPS)).ravel().tolist())
    image.SetSpacing(draw(st.tuples(*[st.floats(0.05, 20)] * 3)))
    image.SetOrigin(draw(st.tuples(*[st.floats(-500, 500)] * 3)))
    return image


POINTS = arrays(np.float64, (4, 3), elements=st.floats(-50, 50))


@settings(deadline=None)
@given(images(), POINTS)
def test_points_agree_with_itk_and_return(image, kji):
    geometry = Geometry.from_image(image)
    ras = geometry.kji_to_ras(kji)
    lps = [image.TransformContinuousIndexToPhysicalPoint(point[::-1].tolist()) for point in kji]
    np.testing.assert_allclose(ras, np.array(lps) * [-1, -1, 1], atol=1e-6)
    np.testing.assert_allclose(geometry.ras_to_kji(ras), kji, atol=1e-6)
    np.testing.assert_allclose(geometry.kji_to_ras(kji[0]), ras[0], atol=1e-9)


@settings(deadline=None)
@given(images())
def test_an_image_made_from_the_geometry_has_it_too(image):
    geometry = Geometry.from_image(image)
    again = geometry.to_image(np.zeros(geometry.shape, np.uint8))
    np.testing.assert_allclose(again.GetSpacing(), image.GetSpacing())
    np.testing.assert_allclose(again.GetOrigin(), image.GetOrigin())
    np.testing.assert_allclose(again.GetDirection(), image.GetDirection(), atol=1e-9)
    np.testing.assert_allclose(Geometry.from_image(again).ijk_to_ras, geometry.ijk_to_ras, atol=1e-6)


@settings(deadline=None)
@given(images())
def test_shape_and_spacing_are_in_array_order(image):
    geometry = Geometry.from_image(image)
    assert geometry.shape == image.GetSize()[::-1]
    np.testing.assert_allclose(geometry.spacing, image.GetSpacing()[::-1])


def test_a_2d_image_is_one_slice_of_one_millimetre():
    image = SimpleITK.Image(7, 5, SimpleITK.sitkUInt8)
    image.SetSpacing((0.5, 0.25))
    image.SetOrigin((10, 20))
    image.SetDirection((0, 1, -1, 0))
    geometry = Geometry.from_image(image)
    assert geometry.shape == (1, 5, 7)
    assert geometry.spacing == (1, 0.25, 0.5)
    lps = image.TransformIndexToPhysicalPoint((3, 2))
    np.testing.assert_allclose(geometry.kji_to_ras([0, 2, 3]), [-lps[0], -lps[1], 0])


def test_voxels_reach_half_a_voxel_round_their_centres():
    geometry = Geometry((4, 5, 6), np.eye(4))
    inside = [[0, 0, 0], [-0.5, 0, 0], [3.49, 4.49, 5.49]]
    outside = [[-0.51, 0, 0], [3.5, 0, 0], [0, 5, 0], [0, 0, 6], [np.nan, 0, 0]]
    assert geometry.contains(inside).all()
    assert not geometry.contains(outside).any()
    assert geometry.contains(inside[0])


def test_axes_name_array_dimensions():
    assert [axis_index(axis) for axis in "kji"] == [0, 1, 2]
    assert [Geometry.plane_axes(axis) for axis in "kji"] == [(1, 2), (0, 2), (0, 1)]


@pytest.mark.parametrize("axis", ["", "x", "kj", "K", 0, None])
def test_another_axis_is_refused(axis):
    with pytest.raises(InputError, match="choose k, j or i"):
        axis_index(axis)


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 4), (1, 2, 3, 4)])
def test_an_empty_or_flat_grid_is_refused(shape):
    with pytest.raises(InputError, match="at least one voxel"):
        Geometry(shape, np.eye(4))


@pytest.mark.parametrize(
    "matrix", [np.diag([1, 1, 0, 1]), np.diag([1, 1, np.nan, 1]), np.eye(3), np.ones((4, 4)), 2 * np.eye(4)]
)
def test_a_matrix_that_is_no_grid_is_refused(matrix):
    with pytest.raises(InputError, match="do not span space"):
        Geometry((2, 2, 2), matrix)


@pytest.mark.parametrize("spacing", [1e-30, 1e300])
def test_absurd_spacings_are_refused(spacing):
    with pytest.raises(InputError, match="do not span space"):
        Geometry((2, 2, 2), np.diag([spacing] * 3 + [1]))


def test_an_origin_may_be_far_away():
    matrix = np.diag([0.5, 0.5, 2, 1])
    matrix[:3, 3] = 1e9
    geometry = Geometry((2, 2, 2), matrix)
    np.testing.assert_allclose(geometry.ras_to_kji(geometry.kji_to_ras([1, 0, 1])), [1, 0, 1], atol=1e-6)


def test_micrometre_grids_are_ordinary():
    assert Geometry((2, 2, 2), np.diag([1e-5, 1e-5, 1e-5, 1])).spacing == pytest.approx((1e-5,) * 3)


def test_the_matrix_is_a_read_only_copy():
    matrix = np.eye(4)
    geometry = Geometry((2, 2, 2), matrix)
    matrix[0, 3] = 9
    assert geometry.ijk_to_ras[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        geometry.ijk_to_ras[0, 3] = 9


def test_voxels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="on a grid of"):
        Geometry((2, 2, 2), np.eye(4)).to_image(np.zeros((2, 2, 3), np.uint8))


def test_a_sheared_voxel_is_no_larger_for_its_shear():
    matrix = np.diag([0.7, 0.9, 2.5, 1.0])
    matrix[1, 2] = 2.5
    assert Geometry((2, 2, 2), matrix).voxel_ml == pytest.approx(0.7 * 0.9 * 2.5 / 1000)


def test_a_sheared_voxel_is_smaller_than_its_sides():
    sheared = np.array([[-0.7, 0, 0, -10], [0, -0.9, -0.67, 20], [0, 0, 2.5, 30], [0, 0, 0, 1]])
    geometry = Geometry((2, 2, 2), sheared)
    assert geometry.voxel_ml == pytest.approx(0.7 * 0.9 * 2.5 / 1000)
    assert not geometry.is_right_angled
    assert Geometry((2, 2, 2), np.diag([1.0, 2, 3, 1])).is_right_angled
