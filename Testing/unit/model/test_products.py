"""Products of matrices are the same by either library, and the quicker one is taken."""

import pytest
import torch
import torch.nn.functional as F

from medsam2.model import products
from medsam2.model.products import Linear, is_onednn_quicker, linear, packed, times_as_quick

HAS_ONEDNN = torch.backends.mkldnn.is_available()
needs_onednn = pytest.mark.skipif(not HAS_ONEDNN, reason="torch without oneDNN")
needs_bf16 = pytest.mark.skipif(
    not HAS_ONEDNN or not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="a processor without bf16"
)


@pytest.fixture
def onednn_calls(monkeypatch):
    """How many products oneDNN computed, as if it was the quicker one."""
    monkeypatch.setattr(products, "is_onednn_quicker", lambda: True)
    calls, operator = [], torch.ops.mkldnn._linear_pointwise

    def counted(*arguments):
        calls.append(arguments)
        return operator(*arguments)

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", counted)
    return calls


@needs_onednn
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("shape", [(256, 96), (1, 256, 96), (2, 16, 8, 96)])
def test_either_library_finds_the_same(shape, has_bias, onednn_calls):
    torch.manual_seed(1)
    x, layer = torch.randn(shape), Linear(96, 64, bias=has_bias)
    with torch.inference_mode():
        assert torch.allclose(layer(x), F.linear(x, layer.weight, layer.bias), atol=1e-5)
    assert len(onednn_calls) == 1


@needs_onednn
def test_a_transposed_weight_is_as_good(onednn_calls):
    x, weight = torch.randn(256, 96), torch.randn(96, 64).T
    with torch.inference_mode():
        assert torch.allclose(linear(x, weight), x @ weight.T, atol=1e-5)
    assert len(onednn_calls) == 1


@needs_bf16
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("shape", [(256, 96), (2, 16, 8, 96)])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_packed_weight_is_the_same_weight(precision, shape, has_bias):
    torch.manual_seed(1)
    x, layer = torch.randn(shape).to(precision), Linear(96, 64, bias=has_bias).to(torch.bfloat16)
    with torch.inference_mode():
        weight = packed(layer.weight)
        assert weight.is_mkldnn
        found, expected = linear(x, weight, layer.bias), layer(x.bfloat16())
        assert found.dtype == torch.bfloat16
        assert torch.allclose(found, expected, atol=0.01)


def test_a_torch_that_cannot_pack_keeps_the_weight(monkeypatch):
    def absent(*_):
        raise NotImplementedError("Could not run 'mkldnn::_reorder_linear_weight'")

    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_linear_weight", absent)
    weight = torch.randn(64, 96)
    assert packed(weight) is weight


@needs_onednn
def test_what_it_is_not_for_goes_through_torch_s_operator(onednn_calls):
    x, layer = torch.randn(256, 96), Linear(96, 64)
    layer(x).sum().backward()
    assert layer.weight.grad is not None
    with torch.inference_mode():
        layer(x[:2])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        assert layer.to(torch.bfloat16)(x.bfloat16()).dtype == torch.bfloat16
    assert not onednn_calls


@pytest.fixture
def measured_anew():
    is_onednn_quicker.cache_clear()
    yield
    is_onednn_quicker.cache_clear()


@pytest.mark.parametrize(("ratio", "is_quicker"), [(2.0, True), (1.1, False), (0.5, False)])
def test_only_what_is_clearly_quicker_is_taken(ratio, is_quicker, monkeypatch, measured_anew):
    monkeypatch.setattr(products, "times_as_quick", lambda usual, other: ratio)
    assert is_onednn_quicker() is is_quicker


def test_a_torch_without_it_goes_the_usual_way(monkeypatch, measured_anew):
    def absent(*_):
        raise NotImplementedError("Could not run 'mkldnn::_linear_pointwise'")

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", absent)
    assert is_onednn_quicker() is False


def test_the_quicker_way_is_told_by_its_time():
    few, many = torch.zeros(1), torch.randn(1024, 1024)
    assert times_as_quick(lambda: many @ many, lambda: few) > 2


def test_ways_are_measured_on_one_core_and_all_are_taken_again():
    """Another program that keeps one of two cores busy would decide otherwise."""
    threads, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        times_as_quick(lambda: torch.zeros(1), lambda: seen.append(torch.get_num_threads()))
        assert set(seen[1:]) == {1}
        assert torch.get_num_threads() == 2

        calls = iter([torch.zeros(1)])
        with pytest.raises(StopIteration):
            times_as_quick(lambda: torch.zeros(1), lambda: next(calls))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
