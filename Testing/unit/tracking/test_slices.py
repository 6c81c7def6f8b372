import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.slice_grid import SliceGrid
from medsam2.tracking import FieldOfView, SliceMask
from medsam2.volume import ImageSet, VolumeMasks
from unit.tracking.examples import volume_slices

TRUTH = np.zeros((3, 4, 5), bool)
TRUTH[1, 2, 3] = True


@pytest.mark.parametrize(
    ("axis", "shape", "spacing", "place"),
    [
        ("k", (4, 5), (2.0, 1.0), (1, 2, 3)),
        ("j", (3, 5), (4.0, 1.0), (2, 1, 3)),
        ("i", (3, 4), (4.0, 2.0), (3, 1, 2)),
    ],
)
def test_slices_masks_and_places_of_every_axis_agree(axis, shape, spacing, place):
    slices = volume_slices(TRUTH, axis, (4.0, 2.0, 1.0))
    index, row, column = slices.position(np.array([1, 2, 3]))
    assert (index, row, column) == place
    assert slices.grid(index) == SliceGrid(shape, spacing)
    row, column = int(row), int(column)
    assert slices.pixels(index)[row, column] == 1
    assert slices.pixels(index).sum() == 1
    masks = VolumeMasks(slices)
    masks.put(
        SliceMask(
            "a",
            index,
            PlacedMask.packed(np.ones((1, 1), bool), row, column),
            1,
            1,
            FieldOfView(0, 0, 8, 8),
            np.zeros((4, 4)),
        )
    )
    np.testing.assert_array_equal(masks["a"], TRUTH)
    assert not masks["never seen"].any()


def test_a_slice_is_replaced_when_it_is_put_again():
    masks = VolumeMasks(volume_slices(TRUTH))
    for mask in (np.ones((4, 5), bool), np.zeros((0, 0), bool)):
        masks.put(SliceMask("a", 1, PlacedMask.packed(mask), 1, 1, FieldOfView(0, 0, 8, 8), np.zeros((4, 4))))
    assert not masks["a"].any()


@pytest.mark.parametrize(("k", "index"), [(0.6, 1), (-0.5, 0), (0.49, 0), (0.5, 1), (1.5, 2), (2.49, 2)])
def test_a_place_between_slices_belongs_to_the_nearest_and_at_halves_to_the_higher(k, index):
    assert volume_slices(TRUTH).position(np.array([k, 1.5, 2.25])) == (index, 1.5, 2.25)


def test_images_of_a_set_may_differ_in_size():
    images = ImageSet([np.zeros((3, 4)), np.ones((5, 6))])
    assert images.count == 2
    assert [images.grid(index).shape for index in range(2)] == [(3, 4), (5, 6)]
    assert images.pixels(1).dtype == np.float32


def test_an_empty_set_is_refused():
    with pytest.raises(InputError, match="at least one image"):
        ImageSet([])
