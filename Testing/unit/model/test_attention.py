"""Attention by plain products finds what torch's own finds."""

import pytest
import torch
import torch.nn.functional as F

from medsam2.model import attention, products
from medsam2.model.attention import attend, takes_narrow_values

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


def test_what_is_to_be_learnt_goes_through_torch_s_own(monkeypatch):
    for way in ("_all_heads", "_head_by_head"):
        monkeypatch.delattr(attention, way)
    q, k, v = (each.requires_grad_() for each in drawn("many logits"))
    assert not takes_narrow_values(q)
    attend(q, k, v).sum().backward()
    assert q.grad.abs().sum() > 0
