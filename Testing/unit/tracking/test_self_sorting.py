"""What the self-sorting bank keeps."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsam2.errors import InputError
from medsam2.tracking import SelfSortingMemory
from medsam2.tracking.memory_bank import MemoryEntry
from medsam2.tracking.self_sorting import SelfSortingBank
from unit.tracking.examples import a_bank, confident, entry, filled, random_entries

SEEDS = st.integers(0, 2**20)
FAST = settings(max_examples=30, deadline=None)


def slices_of(bank: SelfSortingBank) -> set[int]:
    return {each.slice_index for each in bank.entries}


def cosine(a: MemoryEntry, b: MemoryEntry) -> float:
    dot = sum(float(x) * float(y) for x, y in zip(a.key, b.key, strict=True))
    return dot / math.sqrt(sum(float(x) ** 2 for x in a.key) * sum(float(y) ** 2 for y in b.key))


def summed_dissimilarity(candidates: list[MemoryEntry]) -> list[float]:
    """D of every candidate as section 3.2 of the paper writes it, in O(N² d)."""
    return [
        math.fsum(1 - cosine(one, other) for other in candidates if other is not one) for one in candidates
    ]


@FAST
@given(SEEDS, st.integers(1, 5), st.integers(0, 15))
def test_capacity_is_never_exceeded(seed, capacity, count):
    bank = a_bank(capacity=capacity)
    for each in random_entries(seed, count):
        bank.add(each)
        assert len(bank.entries) <= capacity


@FAST
@given(SEEDS, st.integers(1, 5))
def test_prompted_slices_are_kept_whatever_their_confidence(seed, capacity):
    entries = random_entries(seed, 15, prompted_share=0.3)
    for each in entries:
        if each.prompted:
            each.iou, each.object_score = 0.0, -9.0
    bank = a_bank(capacity=capacity)
    prompted: set[int] = set()
    for each in entries:
        bank.add(each)
        prompted |= {each.slice_index} if each.prompted else set()
        assert prompted <= slices_of(bank)
        assert len(bank.entries) <= max(capacity, len(prompted))


@FAST
@given(SEEDS, st.integers(1, 8))
def test_the_most_redundant_memory_goes(seed, capacity):
    bank = a_bank(capacity=capacity)
    for each in confident(seed, 14):
        candidates = [*bank.entries, each]
        scores = summed_dissimilarity(candidates)
        bank.add(each)
        if len(candidates) <= capacity:
            assert slices_of(bank) == {one.slice_index for one in candidates}
            continue
        (dropped,) = {one.slice_index for one in candidates} - slices_of(bank)
        place = [one.slice_index for one in candidates].index(dropped)
        assert scores[place] <= min(scores) + 1e-4


@FAST
@given(SEEDS, st.integers(1, 8))
def test_protected_slices_do_not_save_their_neighbours(seed, capacity):
    """Among the slices that may go, the one of least D goes; the protected ones count in D."""
    entries = confident(seed, capacity + 1)
    entries[0].prompted = True
    bank = filled(entries, capacity=capacity)
    scores = summed_dissimilarity(entries)
    (dropped,) = set(range(capacity + 1)) - slices_of(bank)
    assert dropped != 0
    assert scores[dropped] <= min(scores[1:]) + 1e-4


@FAST
@given(SEEDS, st.integers(1, 7), st.randoms(use_true_random=False))
def test_order_of_arrival_of_one_candidate_set_does_not_matter(seed, capacity, random):
    entries = confident(seed, capacity + 1)
    shuffled = random.sample(entries, len(entries))
    assert slices_of(filled(entries, capacity=capacity)) == slices_of(filled(shuffled, capacity=capacity))


@FAST
@given(SEEDS, st.integers(4, 8))
def test_order_does_not_matter_between_equal_images(seed, count):
    """Equal images have equal D; rounding must not bring the order of arrival back in."""
    rng = np.random.default_rng(seed)
    keys = torch.from_numpy(rng.normal(size=(count, 500)) + 1).float()
    entries = [entry(index, keys[index // 2]) for index in range(count)]
    orders = (rng.permutation(count) for _ in range(8))
    kept = {
        frozenset(slices_of(filled([entries[place] for place in order], capacity=count - 1)))
        for order in orders
    }
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("iou", "score", "is_kept"), [(0.7, 1, True), (0.69, 1, False), (0.9, 0, False), (0.9, -3, False)]
)
def test_admission_by_confidence(iou, score, is_kept):
    bank = a_bank(iou_threshold=0.7)
    bank.add(entry(0, iou=iou, score=score))
    assert len(bank.entries) == is_kept


def test_a_slice_seen_again_replaces_its_memory():
    bank = filled([entry(0), entry(1)])
    again = entry(1, torch.tensor([1.0, 0, 0]))
    bank.add(again)
    assert [each for each in bank.entries if each.slice_index == 1] == [again]
    np.testing.assert_allclose(bank.dissimilarity(), summed_dissimilarity(bank.entries), atol=1e-5)
    bank.add(entry(1, iou=0.1))
    assert slices_of(bank) == {0}


def test_a_forgotten_slice_is_gone_from_the_similarities():
    bank = filled(confident(1, 5))
    bank.forget(2)
    bank.forget(77)
    assert slices_of(bank) == {0, 1, 3, 4}
    np.testing.assert_allclose(bank.dissimilarity(), summed_dissimilarity(bank.entries), atol=1e-5)


def test_an_update_costs_k_dot_products(monkeypatch):
    """One product of the K + 1 keys with the new key: never all pairs."""
    entries = confident(6, 20)
    bank = filled(entries[:16], capacity=16)
    products = []
    keys = SelfSortingBank._keys

    class Counting:
        def __init__(self, matrix):
            self.matrix = matrix

        def __matmul__(self, other):
            products.append(len(self.matrix) * (other.shape[1] if other.ndim == 2 else 1))
            return self.matrix @ other

    monkeypatch.setattr(SelfSortingBank, "_keys", lambda bank: Counting(keys(bank)))
    for each in entries[16:]:
        products.clear()
        bank.add(each)
        assert products == [17]


def test_a_capacity_below_one_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        SelfSortingMemory(capacity=0)


def test_prompted_slices_alone_outlive_forgetting_what_was_tracked():
    entries = confident(5, 6)
    entries[2].prompted = True
    bank = filled(entries, capacity=8)
    bank.forget_tracked()
    assert slices_of(bank) == {2}
    assert bank.dissimilarity().tolist() == [0]
