import numpy as np

from medsam2.polyline import distances, telling

CORNER = np.array([(0.0, 0), (0, 2), (0.1, 5), (0, 10), (4, 10.1), (9, 10)])


def test_a_distance_is_to_the_way_and_not_beyond_its_ends():
    ends = np.array([0.0, 0]), np.array([0.0, 10])
    places = np.array([(3.0, 5), (3, 14), (0, -2)])
    np.testing.assert_allclose(distances(places, *ends), [3, 5, 2])
    assert distances(np.array([3.0, 4]), np.zeros(2), np.zeros(2)) == 5, "of a way without length"


def test_ends_are_kept_and_then_the_sharpest_bend():
    assert telling(CORNER, 0, 2) == [0, 5]
    assert telling(CORNER, 0, 3) == [0, 3, 5]


def test_what_lies_within_the_tolerance_is_left_out():
    assert telling(CORNER, 0.5, 100) == [0, 3, 5]
    assert telling(CORNER, 0.05, 100) == [0, 2, 3, 4, 5]


def test_positions_at_one_place_are_one():
    assert telling(np.zeros((1, 2)), 0.5, 9) == [0]
    assert telling(np.zeros((4, 2)), 0, 9) == [0, 3]
