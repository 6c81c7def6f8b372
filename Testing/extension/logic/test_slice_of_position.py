"""Slicer's side and the command choose the same slice and voxel for a position in the patient."""

import numpy as np
import pytest
import slicer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from MedSAM2SlicerLib.logic.SegmentationGrid import SegmentationGrid

from fakes.make_nodes import makeSegmentation, rotation
from medsam2.cli.coordinates import Coordinates
from medsam2.errors import InputError
from medsam2.slice_grid import AXES, nearest_voxel
from medsam2.volume import Geometry, Volume, VolumeSlices

SHAPE = (3, 4, 5)
HALVES = st.integers(-2, 11).map(lambda number: number / 2)
ANYWHERE = st.floats(-1, 6)


@st.composite
def matrices(draw):
    """Array indices (i, j, k) to RAS: turned, flipped, with spacings as scanners write them."""
    turned = rotation(draw(st.sampled_from([0, 0, 17.3, 90, 211])), draw(st.sampled_from("RAS")))
    spacing = draw(st.tuples(*[st.sampled_from([0.3, 0.7421875, 1.0, 3.3, 5.0])] * 3))
    signs = draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))
    matrix = turned @ np.diag([*np.multiply(spacing, signs), 1.0])
    matrix[:3, 3] = draw(st.tuples(*[st.sampled_from([0.0, -123.7, 1000.1])] * 3))
    return matrix


def slicerGrid(matrix, node, first):
    """The same grid as Slicer's side has it; its voxels are counted from ``first`` on."""
    placed = matrix @ np.array([[1, 0, 0, -first], [0, 1, 0, -first], [0, 0, 1, -first], [0, 0, 0, 1]])
    image = slicer.vtkOrientedImageData()
    image.SetExtent(*(each for length in SHAPE[::-1] for each in (first, first + length - 1)))
    image.AllocateScalars(3, 1)
    image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(placed))
    return SegmentationGrid(image, node)


@pytest.mark.parametrize("axis", AXES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(matrix=matrices(), kji=st.tuples(*[st.one_of(HALVES, ANYWHERE)] * 3), first=st.sampled_from([0, -3]))
def test_both_ends_choose_the_same_slice_and_voxel(aScene, axis, matrix, kji, first):
    # What counts as on a border has borders itself, where the last digits decide.
    assume(not any(abs(each % 1 - 0.5 + 1e-6) < 1e-7 for each in kji))
    slices = VolumeSlices(Volume(np.zeros(SHAPE, np.int16), Geometry(SHAPE, matrix), "CT"), axis)
    ras = slices.volume.geometry.kji_to_ras(np.array(kji))
    place = slicerGrid(matrix, makeSegmentation(), first).position(ras, axis)
    inside = all(-0.5 <= each < length - 0.5 for each, length in zip(kji, SHAPE, strict=True))
    if place is None:
        assert not inside or min(abs(each % 1 - 0.5) for each in kji) < 1e-6
        with pytest.raises(InputError, match="outside"):
            Coordinates(slices, ijk=False).position(ras)
        return
    index, row, column = Coordinates(slices, ijk=False).position(ras)
    assert index == place.sliceIndex == nearest_voxel(kji[slices.axis_index])
    assert nearest_voxel(row) == nearest_voxel(place.row)
    assert nearest_voxel(column) == nearest_voxel(place.column)
