"""The axis of tracking: by letter, by plane, or that of the thick slices."""

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.volume import Geometry, choose_axis

TILTED = [[0.9, 0, 0.44, 0], [0, 1, 0, 0], [-0.44, 0, 0.9, 0], [0, 0, 0, 1]]


def grid(spacing, shape=(9, 8, 7)) -> Geometry:
    """A grid along R, A, S with a spacing along k, j, i."""
    return Geometry(shape, np.diag([*spacing[::-1], 1.0]))


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [
        ((5, 1, 1), "k"),
        ((1, 5, 1), "j"),
        ((1, 1, 5), "i"),
        ((0.7, 0.7, 1.5), "i"),
        ((1, 1, 1), "k"),
        ((0.5, 0.9, 0.9), "k"),
        ((0.98, 1, 1), "k"),
        ((1, 1, 1.0001), "k"),
    ],
)
def test_auto_is_the_direction_of_thick_slices_and_else_k(spacing, axis):
    assert choose_axis(grid(spacing)) == axis


@pytest.mark.parametrize(("shape", "axis"), [((1, 8, 7), "k"), ((9, 1, 7), "j"), ((9, 8, 1), "i")])
def test_auto_is_a_single_slices_own_axis(shape, axis):
    assert choose_axis(grid((5, 1, 1), shape)) == axis


@pytest.mark.parametrize(
    ("matrix", "axes"),
    [
        (np.eye(4), {"axial": "k", "coronal": "j", "sagittal": "i"}),
        (np.diag([-1.0, -1, -2, 1]), {"axial": "k", "coronal": "j", "sagittal": "i"}),
        (np.eye(4)[[2, 0, 1, 3]], {"axial": "j", "coronal": "i", "sagittal": "k"}),
        (np.eye(4)[[1, 2, 0, 3]], {"axial": "i", "coronal": "k", "sagittal": "j"}),
        (np.array(TILTED), {"axial": "k", "coronal": "j", "sagittal": "i"}),
    ],
)
def test_planes_are_those_of_the_patient(matrix, axes):
    geometry = Geometry((9, 8, 7), matrix)
    for plane, axis in axes.items():
        for word in (plane, plane.upper(), plane.title()):
            assert choose_axis(geometry, word) == axis


def test_letters_take_any_case():
    assert [choose_axis(grid((1, 1, 1)), word) for word in ("k", "J", "i", "AUTO")] == ["k", "j", "i", "k"]


@pytest.mark.parametrize("word", ["", "x", "transversal", "kj"])
def test_other_words_are_answered_with_those_there_are(word):
    with pytest.raises(InputError, match="give auto, axial, coronal, sagittal, k, j or i"):
        choose_axis(grid((1, 1, 1)), word)
