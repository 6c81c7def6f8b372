"""How the self-sorting bank weights its memories for the current image."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsam2.model.network import MemorySelection
from medsam2.tracking.self_sorting import SelfSortingBank
from unit.tracking.examples import confident, entry, filled

SEEDS = st.integers(0, 2**20)
FAST = settings(max_examples=30, deadline=None)


@FAST
@given(SEEDS, st.randoms(use_true_random=False))
def test_selection_does_not_depend_on_the_order_of_entries(seed, random):
    entries = confident(seed, 6)
    query = torch.nn.functional.normalize(torch.ones(6), dim=0)
    weights = []
    for order in (entries, random.sample(entries, len(entries))):
        selection = filled(order).select(9, False, 10, query)
        pairs = zip(selection.entries, selection.log_weights.tolist(), strict=True)
        weights.append({each.slice_index: weight for each, weight in pairs})
    assert weights[0] == pytest.approx(weights[1], abs=1e-5)


def shares(bank: SelfSortingBank, query: torch.Tensor) -> np.ndarray:
    similarities = [max(float(each.key @ query), 1e-3) for each in bank.entries]
    return np.array(similarities) / sum(similarities)


@FAST
@given(SEEDS)
def test_expected_weights_are_log_p(seed):
    bank = filled(confident(seed, 7))
    query = torch.nn.functional.normalize(
        torch.randn(6, generator=torch.Generator().manual_seed(seed)), dim=0
    )
    selection = bank.select(99, False, 100, query)
    np.testing.assert_allclose(selection.log_weights.exp(), shares(bank, query), atol=1e-5)
    assert selection.time_index is None
    assert not selection.pointers


def test_opposite_images_count_a_little():
    bank = filled([entry(0, torch.tensor([1.0, 0, 0])), entry(1, torch.tensor([-1.0, 0, 0]))])
    weights = bank.select(2, False, 3, torch.tensor([1.0, 0, 0])).log_weights
    assert torch.isfinite(weights).all()
    assert weights[1].exp() < 0.01


def test_without_resampling_every_memory_counts_once():
    bank = filled(confident(1, 7), resample="none")
    selection = bank.select(9, False, 10, torch.ones(6))
    assert {each.slice_index for each in selection.entries} == set(range(7))
    assert selection.log_weights is None


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


def test_draws_follow_p():
    entries = confident(2, 5)
    bank = filled(entries, resample="paper", capacity=8)
    query = entries[0].key
    total = 8 * 600
    p = shares(bank, query)
    assert p.max() > 2 * p.min()
    deviation = np.sqrt(p * (1 - p) / total)
    assert (np.abs(draws(bank, query, 600) / total - p) < 5 * deviation).all()


@FAST
@given(SEEDS)
def test_same_seed_same_draws(seed):
    entries = confident(seed, 6)
    first, again = (filled(entries, resample="paper", seed=seed) for _ in range(2))
    for _ in range(3):
        one, other = (bank.select(9, False, 10, entries[0].key) for bank in (first, again))
        assert [each.slice_index for each in one.entries] == [each.slice_index for each in other.entries]
        assert torch.equal(one.log_weights, other.log_weights)


def test_other_seeds_other_draws():
    entries = confident(4, 6)
    found = {
        tuple(
            filled(entries, resample="paper", seed=seed)
            .select(9, False, 10, entries[0].key)
            .log_weights.tolist()
        )
        for seed in range(4)
    }
    assert len(found) > 1


def test_a_memory_drawn_n_times_weighs_as_much_as_n_copies(network):
    generator = torch.Generator().manual_seed(5)
    config, size = network.config, network.config.grid_size
    s16 = torch.randn(1, config.model_dim, size, size, generator=generator)
    memories = torch.randn(1, 3, config.memory_dim, size, size, generator=generator)
    no_pointers = torch.zeros(1, 0, config.model_dim)

    def conditioned(places: list[int], log_weights: torch.Tensor | None) -> torch.Tensor:
        with torch.no_grad():
            selection = MemorySelection(memories[:, places], None, no_pointers, [], log_weights)
            return network.condition(s16, selection)

    copied = conditioned([0, 1, 1, 1, 2, 2], None)
    weighted = conditioned([0, 1, 2], torch.tensor([1.0, 3.0, 2.0]).log())
    torch.testing.assert_close(weighted, copied, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(conditioned([0, 1, 2], None), copied, rtol=1e-3, atol=1e-4)
