"""Which memories a slice looks at under SAM 2's rule; a starter network has 7 slots and 16 pointers."""

import pytest
import torch

from medsam2.model.config import network_config
from medsam2.tracking import TemporalMemory
from medsam2.tracking.memory_bank import TemporalBank
from unit.tracking.examples import entry

CONFIG = network_config("starter")
QUERY = torch.ones(3)


def a_bank(prompted: list[int], tracked: list[int]) -> TemporalBank:
    bank = TemporalMemory().bank(CONFIG)
    for index in prompted:
        bank.add(entry(index, prompted=True))
    for index in tracked:
        bank.add(entry(index))
    return bank


# prompted, tracked, slice, reverse, slices in all -> {slice: temporal code}, {slice: frames to it}, span
FORWARD_TO_5 = ([0], [1, 2, 3, 4], 5, False, 20)
CASES = [
    (*([0], [], 1, False, 20), {0: 6}, {0: 1}, 15),
    (*FORWARD_TO_5, {0: 6, 1: 3, 2: 2, 3: 1, 4: 0}, {0: 5, 1: 4, 2: 3, 3: 2, 4: 1}, 15),
    # The six before, and no more; the pointers reach 15 back.
    (
        *([0], list(range(1, 20)), 20, False, 40),
        {0: 6, 14: 5, 15: 4, 16: 3, 17: 2, 18: 1, 19: 0},
        {0: 20, **{index: 20 - index for index in range(5, 20)}},
        15,
    ),
    # Downward, "before" is above.
    (*([9], [7, 8], 6, True, 20), {9: 6, 8: 1, 7: 0}, {9: 3, 8: 2, 7: 1}, 15),
    (*([9], [10, 11], 8, True, 20), {9: 6, 10: 1, 11: 2}, {9: 1, 10: 2, 11: 3}, 15),
    # A gap stays a gap: codes are distances, not ranks.
    (*([0], [2, 5], 6, False, 20), {0: 6, 5: 0, 2: 3}, {0: 6, 5: 1, 2: 4}, 15),
    # A prompted slice that lies ahead is looked at, but its pointer is not.
    (*([0, 9], [4], 5, False, 20), {0: 6, 9: 6, 4: 0}, {0: 5, 4: 1}, 15),
    (*([0, 9], [8], 7, True, 20), {0: 6, 9: 6, 8: 0}, {9: 2, 8: 1}, 15),
    # A prompted slice among the last six takes the prompted code only.
    (*([3], [2, 4], 5, False, 20), {3: 6, 2: 2, 4: 0}, {3: 2, 2: 3, 4: 1}, 15),
    # Correcting a prompted slice: it looks at itself, at distance 0.
    (*([3], [2], 3, False, 20), {3: 6, 2: 0}, {3: 0, 2: 1}, 15),
    # Short volumes scale pointer distances by their own length.
    (*([0], [1], 2, False, 3), {0: 6, 1: 0}, {0: 2, 1: 1}, 2),
    (*([0], [], 1, False, 2), {0: 6}, {0: 1}, 1),
    # Tracked slices ahead of the direction are not looked at.
    (*([5], [6, 7], 4, False, 20), {5: 6}, {}, 15),
]


@pytest.mark.parametrize(
    ("prompted", "tracked", "index", "reverse", "count", "codes", "frames", "span"), CASES
)
def test_selection(prompted, tracked, index, reverse, count, codes, frames, span):
    selection = a_bank(prompted, tracked).select(index, reverse, count, QUERY)
    found = {
        each.slice_index: code for each, code in zip(selection.entries, selection.time_index, strict=True)
    }
    assert found == codes
    pointers = {each.slice_index: distance for each, distance in selection.pointers}
    assert pointers == pytest.approx({index: frame / span for index, frame in frames.items()})
    assert len(selection.entries) == len(codes)
    assert len(selection.pointers) == len(frames)
    assert selection.log_weights is None


def test_a_slice_seen_again_replaces_its_memory():
    bank = a_bank([0], [1])
    corrected = entry(1, prompted=True)
    bank.add(corrected)
    selection = bank.select(2, False, 20, QUERY)
    assert selection.time_index == [6, 6]
    assert corrected in selection.entries
    tracked = entry(1)
    bank.add(tracked)
    assert bank.select(2, False, 20, QUERY).entries[1] is tracked


@pytest.mark.parametrize("forgotten", [0, 1])
def test_a_forgotten_slice_is_gone(forgotten):
    bank = a_bank([0], [1])
    bank.forget(forgotten)
    bank.forget(17)
    (left,) = bank.select(2, False, 20, QUERY).entries
    assert left.slice_index == 1 - forgotten


def test_an_empty_bank_selects_nothing():
    selection = a_bank([], []).select(2, False, 20, QUERY)
    assert not selection.entries
    assert not selection.pointers


def test_prompted_slices_alone_outlive_forgetting_what_was_tracked():
    bank = a_bank(prompted=[3], tracked=[2, 4])
    bank.forget_tracked()
    assert [each.slice_index for each in bank.select(5, False, 20, QUERY).entries] == [3]
