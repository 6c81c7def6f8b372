"""How the self-sorting bank weights its memories for the current image."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsam2.model.segmentation_network import MemorySelection
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


def test_a_memory_of_weight_n_counts_as_much_as_n_copies(network):
    generator = torch.Generator().manual_seed(5)
    config, size = network.config, network.config.image_size // 16
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
