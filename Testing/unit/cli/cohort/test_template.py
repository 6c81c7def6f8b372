"""Prompts by the place of a template's structures."""

import warnings

import numpy as np
import pytest
import SimpleITK

from medsam2.cli.cohort.template import Template, carried_objects
from medsam2.errors import InputError
from medsam2.volume import Geometry, Volume, VolumeSlices
from unit.cli.cohort.volumes import SHAPE, write
from unit.cli.grids import geometry, grids

LABELS = np.zeros(SHAPE, np.uint8)
LABELS[2:5, 10:21, 30:36] = 3  # k, j, i
LABELS[1, 40, 40] = 7


@pytest.fixture
def template(tmp_path):
    scan = write(tmp_path / "t.nrrd", np.zeros(SHAPE, np.int16), origin=(10.0, 20.0, 30.0))
    mask = write(tmp_path / "m.nrrd", LABELS, origin=(10.0, 20.0, 30.0))
    return Template(scan, mask)


def slices(grid: Geometry, axis="k") -> VolumeSlices:
    return VolumeSlices(Volume(np.zeros(grid.shape, np.int16), grid), axis)


def own_grid(template: Template) -> Geometry:
    return Geometry.from_image(SimpleITK.ReadImage(str(template.volume)))


def test_on_its_own_grid_the_box_of_each_structure_is_that_of_its_mask(template):
    large, small = carried_objects(slices(own_grid(template)), template)
    assert (large.label, small.label) == (3, 7)
    assert large.span == (2, 4)
    (prompt,) = large.prompts
    assert prompt.slice_index == 3
    assert prompt.box == pytest.approx((10, 30, 20, 35))
    assert small.prompts[0].box == pytest.approx((39.5, 39.5, 40.5, 40.5))


def test_the_middle_slice_alone_leaves_the_way_free(template):
    large, small = carried_objects(
        slices(own_grid(template)), Template(template.volume, template.mask, "slice")
    )
    assert large.span is small.span is None
    assert large.prompts[0].slice_index == 3
    assert large.prompts[0].box == pytest.approx((10, 30, 20, 35))


@pytest.mark.filterwarnings("ignore::medsam2.errors.VolumeWarning")
@pytest.mark.parametrize("order_and_signs", list(grids()))
def test_the_box_lies_at_the_same_millimetres_on_any_grid(template, order_and_signs):
    order, signs = order_and_signs
    here = own_grid(template)
    turned = geometry(order, signs)
    # The middle of the structure in the middle of the grid, which is large enough for it.
    matrix = turned.ijk_to_ras.copy()
    middle = here.kji_to_ras((3, 15, 32.5))
    shape = (41, 43, 45)
    matrix[:3, 3] = middle - matrix[:3, :3] @ (np.array(shape[::-1]) // 2)
    grid = Geometry(shape, matrix)
    large = carried_objects(slices(grid), template)[0]
    (prompt,) = large.prompts
    low, high = large.span
    corners = [(low, *prompt.box[:2]), (high, *prompt.box[2:])]
    ras = np.sort(grid.kji_to_ras(corners), axis=0)
    expected = np.sort(here.kji_to_ras([(2, 10, 30), (4, 20, 35)]), axis=0)
    assert np.abs(ras - expected).max() <= np.abs(matrix[:3, :3]).max() / 2 + 1e-6
    assert prompt.slice_index == (low + high) // 2


def test_what_reaches_beyond_the_image_is_clipped_and_what_misses_it_is_noted(template):
    here = own_grid(template)
    part = Geometry((4, 16, 48), here.ijk_to_ras)
    with pytest.warns(match=r"7|Segment"):
        (large,) = carried_objects(slices(part), template)
    assert large.span == (2, 3)
    assert large.prompts[0].box == pytest.approx((10, 30, 15, 35))


def test_an_image_that_meets_no_structure_is_refused(template):
    matrix = own_grid(template).ijk_to_ras.copy()
    matrix[0, 3] += 500
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match="outside of the image"):
            carried_objects(slices(Geometry(SHAPE, matrix)), template)


def test_thin_slices_of_a_case_see_the_whole_middle_slice_of_a_thick_template(template):
    here = own_grid(template)
    matrix = here.ijk_to_ras.copy()
    matrix[:3, 2] /= 6  # half a millimetre
    thin = Geometry((36, 48, 48), matrix)
    rule = Template(template.volume, template.mask, "slice")
    large = carried_objects(slices(thin), rule)[0]
    assert large.prompts[0].slice_index == 18
    assert large.prompts[0].box == pytest.approx((10, 30, 20, 35))
