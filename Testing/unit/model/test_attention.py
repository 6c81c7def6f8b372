"""Attention by plain products finds what torch's own finds."""

import pytest
import torch
import torch.nn.functional as F

from medsam2.model import attention, products
from medsam2.model.attention import (
    BYTES_OF_LOGITS,
    QUERIES,
    QUERIES_OF_SIGMOIDS,
    attend,
    is_sigmoid_quick,
    takes_narrow_values,
)
from medsam2.model.products import LACKING, sigmoid_of_linear

SHAPES = {  # images, heads, queries, keys, width
    "few keys": (3, 2, 16, 16, 24),
    "windows": (2, 3, 100, 196, 24),
    "many logits": (2, 2, 600, 300, 24),
}


@pytest.fixture(params=[False, True], ids=["MKL", "oneDNN"])
def library(request, monkeypatch):
    for module in (attention, products):
        monkeypatch.setattr(module, "is_onednn_quicker", lambda: request.param)


def drawn(shape, width_of_values=None):
    images, heads, queries, keys, width = SHAPES[shape]
    torch.manual_seed(1)
    # As heads lie in a network: side by side, in tokens of all heads.
    q, k = (torch.randn(images, count, heads, width).transpose(1, 2) for count in (queries, keys))
    return q, k, torch.randn(images, keys, heads, width_of_values or width).transpose(1, 2)


@pytest.mark.parametrize("width_of_values", [None, 5])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_as_torch_s_own(shape, has_bias, width_of_values, library):
    q, k, v = drawn(shape, width_of_values)
    bias = torch.randn(len(q), 1, q.shape[2], k.shape[2]) if has_bias else None
    expected = (q @ k.mT * q.shape[-1] ** -0.5 + (0 if bias is None else bias)).softmax(-1) @ v
    with torch.inference_mode():
        assert torch.allclose(attend(q, k, v, bias), expected, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_one_row_of_bias_is_for_all_queries(shape, library):
    q, k, v = drawn(shape)
    bias = torch.randn(1, 1, 1, k.shape[2])
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(-1, -1, q.shape[2], -1))
    with torch.inference_mode():
        assert torch.allclose(attend(q, k, v, bias), expected, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_in_bf16_it_loses_what_the_numbers_lose(shape, library):
    q, k, v = drawn(shape)
    expected = F.scaled_dot_product_attention(q, k, v)
    with torch.inference_mode():
        found = attend(*(each.bfloat16() for each in (q, k, v)))
    assert found.dtype == torch.bfloat16
    assert (found - expected).norm() < 0.01 * expected.norm()


needs_sigmoids = pytest.mark.skipif(
    not is_sigmoid_quick(torch.bfloat16), reason="torch without sigmoids of products"
)


@pytest.fixture(params=[torch.bfloat16, torch.float32], ids=["bf16", "fp32"])
def dtype(request, monkeypatch):
    """Where fp32 goes by oneDNN."""
    monkeypatch.setattr(attention, "is_sigmoid_quick", lambda _: True)
    monkeypatch.setattr(products, "is_onednn_quicker", lambda: True)
    monkeypatch.setattr(attention, "is_onednn_quicker", lambda: True)
    return request.param


@pytest.fixture
def measured_anew():
    is_sigmoid_quick.cache_clear()
    yield
    is_sigmoid_quick.cache_clear()


LOST = {torch.bfloat16: 0.01, torch.float32: 5e-6}
"""So much of what is found, at most."""


@pytest.fixture
def softmax_calls(monkeypatch):
    """Numbers of queries that softmax answered."""
    calls, by_softmax = [], attention._by_softmax

    def counted(q, *rest):
        calls.append(len(q))
        return by_softmax(q, *rest)

    monkeypatch.setattr(attention, "_by_softmax", counted)
    return calls


def drawn_in(dtype, longest=1.0, keys=300, queries=600):
    """One image of two heads, whose longest query is so many times as long as the others."""
    torch.manual_seed(1)
    q, k, v = (torch.randn(1, 2, count, 64).to(dtype) for count in (queries, keys, keys))
    q[..., 7, :] *= longest
    return q, k, v


def off(found, q, k, v, bias=0.0):
    """The error of what was found, relative to what there is."""
    expected = (q.double() @ k.double().mT * q.shape[-1] ** -0.5 + bias).softmax(-1) @ v.double()
    return (found - expected).norm() / expected.norm()


@needs_sigmoids
@pytest.mark.parametrize("keys", [300, BYTES_OF_LOGITS // (600 * 4) + 300])
@pytest.mark.parametrize("queries", [600, QUERIES_OF_SIGMOIDS + 100])
@pytest.mark.parametrize("has_bias", [False, True])
def test_sigmoids_find_what_softmax_finds(keys, queries, has_bias, dtype, softmax_calls, monkeypatch):
    q, k, v = drawn_in(dtype, keys=keys, queries=queries)
    bias = torch.randn(1, 1, 1, keys) - 20 if has_bias else None
    with torch.inference_mode():
        by_sigmoids = attend(q, k, v, bias)
        assert not softmax_calls
        monkeypatch.setattr(attention, "is_sigmoid_quick", lambda _: False)
        by_softmax = attend(q, k, v, bias)
    assert sum(softmax_calls) == 2 * queries
    added = 0 if bias is None else bias
    error, usual = off(by_sigmoids, q, k, v, added), off(by_softmax, q, k, v, added)
    assert by_sigmoids.dtype == dtype
    assert error < LOST[dtype]
    assert error < (0.9 if dtype == torch.bfloat16 else 3) * usual


@needs_sigmoids
@pytest.mark.parametrize("least", [-90.0, 40.0])
def test_a_bias_of_any_height_leaves_them_far_below_0(least, dtype, softmax_calls):
    q, k, v = drawn_in(dtype)
    bias = least + 3 * torch.rand(1, 1, 1, 300)
    with torch.inference_mode():
        assert off(attend(q, k, v, bias), q, k, v, bias) < LOST[dtype]
    assert not softmax_calls


@needs_sigmoids
def test_a_bias_of_its_own_for_each_query_goes_by_softmax(dtype, softmax_calls):
    q, k, v = drawn_in(dtype)
    bias = torch.randn(1, 2, 600, 300)
    with torch.inference_mode():
        assert off(attend(q, k, v, bias), q, k, v, bias) < 2 * LOST[dtype]
    assert sum(softmax_calls) == 2 * 600


@needs_sigmoids
@pytest.mark.parametrize("size", [10.0, 100.0, 1000.0])
def test_logits_of_any_height_are_told_apart(size, dtype, softmax_calls):
    """Queries and keys that all point the same way."""
    torch.manual_seed(1)
    way = (8 * size) ** 0.5 / 8
    q, k = ((way + 0.05 * torch.randn(1, 1, count, 64)).to(dtype) for count in (600, 300))
    v = torch.randn(1, 1, 300, 64).to(dtype)
    with torch.inference_mode():
        found = attend(q, k, v)
    assert off(found, q, k, v) < LOST[dtype] + 2e-7 * size  # no number in fp32 is more exact than that
    assert not softmax_calls


@needs_sigmoids
def test_keys_that_do_not_count_are_left_out(dtype, softmax_calls):
    q, k, v = drawn_in(dtype)
    bias = torch.zeros(1, 1, 1, 300)
    bias[..., 100:] = -torch.inf
    with torch.inference_mode():
        found = attend(q, k, v, bias)
    assert off(found, q, k[:, :, :100], v[:, :, :100]) < LOST[dtype]
    assert not softmax_calls


@needs_sigmoids
@pytest.mark.parametrize(("longest", "heads"), [(4.0, 0), (8.0, 1), (30.0, 2)])
@pytest.mark.parametrize("has_bias", [False, True])
def test_a_query_whose_sigmoids_are_no_exponentials_goes_by_softmax(
    longest, heads, has_bias, dtype, softmax_calls
):
    """A long query has higher logits than the sample shows, in so many heads too high ones."""
    q, k, v = drawn_in(dtype, longest)
    bias = torch.randn(1, 1, 1, 300) if has_bias else None
    with torch.inference_mode():
        found = attend(q, k, v, bias)
    added = 0 if bias is None else bias
    assert off(found, q, k, v, added) < 2 * LOST[dtype]
    if dtype == torch.float32:  # a softmax in bf16 loses more of logits as high
        assert off(found[:, :, 7:8], q[:, :, 7:8], k, v, added) < 1.5e-6 + 1e-7 * longest
    assert softmax_calls == [1] * heads


@needs_sigmoids
@pytest.mark.parametrize("lower", [20.0, 55.0])
def test_a_query_whose_sigmoids_are_0_goes_by_softmax(lower, dtype, softmax_calls):
    """All keys are so much lower for one query than for the others."""
    q, k, v = drawn_in(dtype)
    q[..., 0], k[..., 0] = 0, 8
    q[..., 7, 0] = -lower
    with torch.inference_mode():
        assert off(attend(q, k, v), q, k, v) < 2 * LOST[dtype]
    assert softmax_calls == ([1] * 2 if lower > 50 else [])


@needs_sigmoids
def test_where_queries_differ_too_much_sigmoids_are_not_tried(dtype, softmax_calls, monkeypatch):
    monkeypatch.delattr(attention, "_by_sigmoids")
    q, k, v = drawn_in(dtype)
    q[..., 0], k[..., 0] = 0, 8
    q[..., 300:, 0] = -55
    with torch.inference_mode():
        assert off(attend(q, k, v), q, k, v) < 10 * LOST[dtype]
    assert sum(softmax_calls) == 2 * 600


@needs_sigmoids
def test_pieces_are_small_and_add_up_without_rounding(dtype, softmax_calls, monkeypatch):
    pieces = []

    def counted(x, weight, bias):
        pieces.append(len(x) * len(weight) * x.itemsize)
        return sigmoid_of_linear(x, weight, bias)

    monkeypatch.setattr(attention, "sigmoid_of_linear", counted)
    monkeypatch.setattr(attention, "BYTES_OF_LOGITS", 2**17)
    q, k, v = drawn_in(dtype, keys=4000)
    with torch.inference_mode():
        assert off(attend(q, k, v), q, k, v) < (0.004 if dtype == torch.bfloat16 else LOST[dtype])
    assert not softmax_calls
    assert 2**16 < max(pieces) <= 2**17


@needs_sigmoids
def test_few_queries_go_by_softmax_in_fp32(dtype, softmax_calls):
    q, k, v = drawn_in(dtype, keys=600, queries=QUERIES)
    with torch.inference_mode():
        assert off(attend(q, k, v), q, k, v) < LOST[dtype]
    assert softmax_calls == ([QUERIES] * 2 if dtype == torch.float32 else [])


@pytest.mark.parametrize("is_quicker", [False, True])
def test_fp32_takes_sigmoids_where_it_goes_by_onednn_alone(is_quicker, monkeypatch, measured_anew):
    monkeypatch.setattr(attention, "is_onednn_quicker", lambda: is_quicker)
    monkeypatch.setattr(attention, "times_as_quick", lambda *_: 1.0)
    assert is_sigmoid_quick(torch.bfloat16)
    assert is_sigmoid_quick(torch.float32) == is_quicker


def test_what_is_measured_goes_by_sigmoids_alone(softmax_calls, monkeypatch, measured_anew):
    def other_way(_, other):
        try:
            other()
        except LACKING:
            pytest.skip("torch without sigmoids of products")
        return 1.0

    monkeypatch.setattr(attention, "is_onednn_quicker", lambda: True)
    monkeypatch.setattr(attention, "times_as_quick", other_way)
    for each in (torch.bfloat16, torch.float32):
        assert is_sigmoid_quick(each)
    assert not softmax_calls


def test_a_torch_without_sigmoids_goes_by_softmax(monkeypatch, measured_anew):
    def absent(*_):
        raise NotImplementedError("Could not run 'mkldnn::_linear_pointwise'")

    monkeypatch.setattr(attention, "sigmoid_of_linear", absent)
    q, k, v = drawn_in(torch.bfloat16)
    with torch.inference_mode():
        assert off(attend(q, k, v), q, k, v) < 0.01
    assert not is_sigmoid_quick(torch.bfloat16)


def test_what_is_to_be_learnt_in_bf16_takes_a_bias_in_fp32():
    q, k, v = (each.requires_grad_() for each in drawn_in(torch.bfloat16))
    bias = torch.randn(1, 1, 1, 300)
    found = attend(q, k, v, bias)
    found.sum().backward()
    assert off(found.detach(), q.detach(), k.detach(), v.detach(), bias) < 0.02
    assert q.grad.isfinite().all()


def test_what_is_to_be_learnt_goes_through_torch_s_own(monkeypatch):
    for way in ("_all_heads", "_head_by_head"):
        monkeypatch.delattr(attention, way)
    q, k, v = (each.requires_grad_() for each in drawn("many logits"))
    assert not takes_narrow_values(q)
    attend(q, k, v).sum().backward()
    assert q.grad.abs().sum() > 0
