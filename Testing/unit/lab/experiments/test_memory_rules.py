"""The rules of the self-sorting bank that experiments compare with the one users have."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.tracking.memory_bank import MemoryEntry
from medsam2.tracking.self_sorting import SelfSortingBank
from medsam2_lab.experiments.memory_rules import (
    SWAP_MARGIN,
    DrawnBank,
    EqualWeightsBank,
    LatestBank,
    OtherRule,
    SwapBank,
)
from unit.tracking.examples import a_tracker, ball, click, confident, entry, random_entries

SEEDS = st.integers(0, 2**20)
RULES = st.sampled_from([EqualWeightsBank, LatestBank, DrawnBank, SwapBank])
FAST = settings(max_examples=30, deadline=None)
CONFIG = network_config("starter")


def filled(rule: type[SelfSortingBank], entries: list[MemoryEntry], capacity: int = 16) -> SelfSortingBank:
    bank = OtherRule(capacity, rule=rule).bank(CONFIG)
    for each in entries:
        bank.add(each)
    return bank


def slices_of(bank: SelfSortingBank) -> set[int]:
    return {each.slice_index for each in bank.entries}


def cosine(a: MemoryEntry, b: MemoryEntry) -> float:
    return float(a.key.double() @ b.key.double())


@FAST
@given(SEEDS, RULES, st.integers(1, 5), st.integers(0, 15))
def test_capacity_is_never_exceeded(seed, rule, capacity, count):
    bank = filled(rule, [], capacity)
    for each in random_entries(seed, count):
        bank.add(each)
        assert len(bank.entries) <= capacity


@FAST
@given(SEEDS, RULES, st.integers(1, 5))
def test_prompted_slices_are_kept_whatever_their_confidence(seed, rule, capacity):
    entries = random_entries(seed, 15, prompted_share=0.3)
    for each in entries:
        if each.prompted:
            each.iou, each.object_score = 0.0, -9.0
    bank = filled(rule, [], capacity)
    prompted: set[int] = set()
    for each in entries:
        bank.add(each)
        prompted |= {each.slice_index} if each.prompted else set()
        assert prompted <= slices_of(bank)
        assert len(bank.entries) <= max(capacity, len(prompted))


def test_without_sorting_the_latest_stay():
    entries = confident(3, 9)
    bank = filled(LatestBank, entries, capacity=4)
    assert [each.slice_index for each in bank.entries] == [each.slice_index for each in entries[-4:]]


def swapped(kept: list[MemoryEntry], new: MemoryEntry) -> set[int]:
    """The released code's rule, in its own four steps."""
    to_new = [cosine(one, new) for one in kept]
    m = to_new.index(min(to_new))
    others = [index for index in range(len(kept)) if index != m]
    names = {one.slice_index for one in kept}
    if not others:
        return names
    n = max(others, key=lambda index: cosine(kept[m], kept[index]))
    if to_new[m] < cosine(kept[m], kept[n]) and new.iou > kept[n].iou - SWAP_MARGIN:
        return names - {kept[n].slice_index} | {new.slice_index}
    return names


@FAST
@given(SEEDS, st.integers(1, 6))
def test_swap_rule(seed, capacity):
    entries = confident(seed, 16)
    rng = np.random.default_rng(seed)
    for each in entries:
        each.iou = rng.uniform(0.5, 1)
    bank = filled(SwapBank, [], capacity)
    for each in entries:
        kept = list(bank.entries)
        expected = swapped(kept, each) if len(kept) == capacity else slices_of(bank) | {each.slice_index}
        bank.add(each)
        assert slices_of(bank) == expected


def test_swap_spares_prompted_slices():
    same = torch.tensor([1.0, 0, 0])
    entries = [entry(0, same, prompted=True), entry(1, same), entry(2, torch.tensor([0.5, 1, 0]))]
    bank = filled(SwapBank, [*entries, entry(3, torch.tensor([0.0, 0, 1]))], capacity=3)
    assert slices_of(bank) == {0, 2, 3}


@pytest.mark.parametrize("rule", [EqualWeightsBank, LatestBank])
def test_without_weights_every_memory_counts_once(rule):
    selection = filled(rule, confident(1, 7)).select(9, False, 10, torch.ones(6))
    assert {each.slice_index for each in selection.entries} == set(range(7))
    assert selection.log_weights is None


def test_without_weights_objects_in_one_batch_do_not_disturb_each_other_in_the_real_network():
    torch.manual_seed(0)
    network = MedSAM2(CONFIG).eval()
    shape, places = (24, 48, 48), {"a": (20, 22), "b": (40, 8)}
    truth = (ball(shape, (12, 20, 22), 8) | ball(shape, (12, 40, 8), 5))[10:13]

    def logits(names: str) -> dict[tuple[str, int], torch.Tensor]:
        memory = OtherRule(rule=EqualWeightsBank)
        options = {"field_of_view": "slice", "memory": memory, "absent_stop": None, "connected": False}
        tracker = a_tracker(truth, network=network, **options)
        for name in names:
            tracker.prompt(name, click(0, *places[name]))
        masks = tracker.propagate()
        return {(mask.object_id, mask.slice_index): torch.from_numpy(mask.logits) for mask in masks}

    alone = {**logits("a"), **logits("b")}
    together = logits("ab")
    assert together.keys() == alone.keys()
    for name, answer in together.items():
        torch.testing.assert_close(answer, alone[name], atol=1e-3, rtol=1e-3)


def draws(bank: SelfSortingBank, query: torch.Tensor, times: int) -> np.ndarray:
    """How often each memory was drawn in a number of selections, (N,)."""
    counts = np.zeros(len(bank.entries))
    for _ in range(times):
        selection = bank.select(99, False, 100, query)
        copies = selection.log_weights.exp().numpy()
        assert copies.sum() == pytest.approx(bank.settings.capacity, abs=1e-3)
        for each, number in zip(selection.entries, copies, strict=True):
            counts[each.slice_index] += number
    return counts


def test_draws_follow_the_likeness_to_the_current_image():
    entries = confident(2, 5)
    query = entries[0].key
    total = 8 * 600
    likeness = np.array([max(float(each.key @ query), 1e-3) for each in entries])
    p = likeness / likeness.sum()
    assert p.max() > 2 * p.min()
    deviation = np.sqrt(p * (1 - p) / total)
    found = draws(filled(DrawnBank, entries, capacity=8), query, 600)
    assert (np.abs(found / total - p) < 5 * deviation).all()


@FAST
@given(SEEDS)
def test_every_bank_draws_the_same(seed):
    entries = confident(seed, 6)
    first, again = (filled(DrawnBank, entries) for _ in range(2))
    for _ in range(3):
        one, other = (bank.select(9, False, 10, entries[0].key) for bank in (first, again))
        assert [each.slice_index for each in one.entries] == [each.slice_index for each in other.entries]
        assert torch.equal(one.log_weights, other.log_weights)


def test_each_slice_draws_anew():
    entries = confident(4, 6)
    bank = filled(DrawnBank, entries)
    found = {tuple(bank.select(9, False, 10, entries[0].key).log_weights.tolist()) for _ in range(4)}
    assert len(found) > 1


def test_nothing_is_drawn_from_an_empty_bank():
    assert filled(DrawnBank, []).select(0, False, 10, torch.ones(6)).entries == []
