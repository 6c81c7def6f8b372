"""Streamed masks into voxels: the same as if each slice were replaced at once, in few writes."""

import numpy as np
import pytest
from MedSAM2SlicerLib.logic.SegmentContent import SegmentContent
from MedSAM2SlicerLib.logic.SegmentWriter import LONGEST_RUN, SegmentWriter, commonBox, runs

from medsam2.placed_mask import PlacedMask
from medsam2.protocol import FieldOfViewBox, Mask

SHAPE = (40, 12, 14)


class Grid:
    """Slabs as (array slices, planes first), and one segment, written as the editor would."""

    def __init__(self, voxels):
        self.voxels, self.writes, self.touched = voxels.copy(), 0, 0

    def slab(self, axis, first, planes, row=0, column=0):
        place = [slice(row, row + planes.shape[1]), slice(column, column + planes.shape[2])]
        place.insert("kji".index(axis), slice(first, first + len(planes)))
        return tuple(place), np.moveaxis(planes, 0, "kji".index(axis)) > 0

    def content(self, _segmentId):
        where = np.argwhere(self.voxels)
        if not len(where):
            return SegmentContent(np.zeros((0, 0, 0), np.uint8), (0, 0, 0), 1)
        part = [slice(low, high + 1) for low, high in zip(where.min(0), where.max(0), strict=True)]
        return SegmentContent(self.voxels[tuple(part)] * 7, tuple(where.min(0).tolist()), 7)

    def write(self, _segmentId, gained, lost):
        self.writes += 1
        for slab, value in ((gained, True), (lost, False)):
            if slab is not None:
                place, planes = slab
                self.touched += planes.size
                self.voxels[place][planes] = value


@pytest.fixture
def aClock():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


def answer(index, mask):
    return Mask(1, "a", index, mask, "k", 0.9, 5.0, FieldOfViewBox(0, 0, 14, 14))


def finish(writer):
    while writer.waiting:
        writer.writeNext()


@pytest.mark.parametrize("axis", "kji")
@pytest.mark.parametrize("seed", range(4))
def test_slices_are_replaced(axis, seed, aClock):
    rng = np.random.default_rng(seed)
    before, after = rng.random(SHAPE) < 0.2 * seed, rng.random(SHAPE) < 0.1
    segment = Grid(before)
    writer = SegmentWriter(segment.write, segment, axis, aClock)
    dimension = "kji".index(axis)
    chosen = rng.permutation(SHAPE[dimension])[: SHAPE[dimension] * 2 // 3]
    expected = np.moveaxis(before.copy(), dimension, 0)
    for index in chosen:
        plane = np.moveaxis(after, dimension, 0)[index]
        expected[index] = plane
        writer.put(answer(int(index), PlacedMask.cropped(plane)))
        aClock.now += rng.random() * 0.1
        writer.writeIfDue()
    finish(writer)
    np.testing.assert_array_equal(segment.voxels, np.moveaxis(expected, 0, dimension))


def test_writes_wait_for_their_time_and_are_short(aClock):
    segment = Grid(np.zeros(SHAPE, bool))
    writer = SegmentWriter(segment.write, segment, "k", aClock)
    for index in range(40):
        writer.put(answer(index, PlacedMask.packed(np.ones((4, 5), bool), 2, 3)))
        writer.writeIfDue()
    assert segment.writes == 0
    aClock.now = 1.0
    writer.writeIfDue()
    assert segment.voxels.any(axis=(1, 2)).sum() == LONGEST_RUN


def test_only_what_changes_is_written(aClock):
    before = np.zeros(SHAPE, bool)
    before[5:8, 2:6, 2:6] = True
    segment = Grid(before)
    writer = SegmentWriter(segment.write, segment, "k", aClock)
    for index in range(5, 8):
        writer.put(answer(index, PlacedMask.packed(np.ones((4, 5), bool), 2, 2)))
    writer.writeNext()
    assert segment.writes == 1
    assert segment.touched == 3 * 4, "a column more on three slices"
    for index in range(5, 8):
        writer.put(answer(index, PlacedMask.packed(np.ones((4, 5), bool), 2, 2)))
    writer.writeNext()
    assert segment.writes == 1, "what is there already needs no write, and no view is drawn"
    writer.put(answer(6, PlacedMask.cropped(np.zeros((4, 5), bool))))
    writer.writeNext()
    assert segment.touched == 3 * 4 + 4 * 5, "a slice is emptied"
    assert segment.voxels.sum() == 2 * 20
    assert not writer.waiting


def test_at_most_four_writes_a_second(aClock):
    segment = Grid(np.zeros(SHAPE, bool))
    writer = SegmentWriter(segment.write, segment, "k", aClock)
    for step in range(40):
        aClock.now = step / 40
        writer.put(answer(step, PlacedMask.packed(np.ones((4, 5), bool), 2, 3)))
        writer.writeIfDue()
    assert 3 <= segment.writes <= 4


def test_runs_and_boxes():
    assert runs([1, 2, 3, 5, 7, 8]) == [[1, 2, 3], [5], [7, 8]]
    assert commonBox([]) is None
    assert commonBox([(3, 4, 2, 5), (1, 6, 1, 9)]) == (1, 4, 4, 11)
