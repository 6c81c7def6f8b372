"""Products in int8 are right to what 8 bits hold, whatever they are of."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medsam2.model import attention, int8
from medsam2.model.attention import attend_in_int8
from medsam2.model.int8 import Int8Linear, Int8Rows, is_int8_quick, is_int8_whole, times
from medsam2.model.products import LACKING


def has_int8() -> bool:
    """Whether oneDNN's products of whole numbers are right here, asked without the code under test."""
    most, ones = torch.full((1, 64), 255, dtype=torch.uint8), torch.ones(16)
    try:
        rows = torch.ops.onednn.qlinear_prepack(torch.full((16, 64), 127, dtype=torch.int8), None)
        weight = (rows, ones, torch.zeros(16, dtype=torch.int64))
        found = torch.ops.onednn.qlinear_pointwise(
            most, 1.0, 0, *weight, None, 1.0, 0, torch.float32, "none", [], ""
        )
    except LACKING:
        return False
    return bool((found == 64 * 255 * 127).all())


needs_int8 = pytest.mark.skipif(not has_int8(), reason="a processor without products in int8")


def test_our_own_question_has_the_same_answer():
    assert is_int8_whole() == has_int8()


def far_apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The error as a part of what is expected."""
    return float((found.double() - expected.double()).norm() / expected.double().norm())


@needs_int8
@given(least=st.floats(-1e4, 1e4), width=st.floats(1e-3, 1e4), seed=st.integers(0, 99), half=st.booleans())
def test_rounding_is_off_by_half_a_step_at_most(least, width, seed, half):
    generator = torch.Generator().manual_seed(seed)
    x = least + width * torch.rand(40, 64, generator=generator)
    x = x.bfloat16() if half else x
    found = times(x, Int8Rows.of(torch.eye(64)))
    step = (max(float(x.max()), 0) - min(float(x.min()), 0)) / 254
    rounded = 2**-8 * x.abs().float() if half else 0
    assert found.dtype == x.dtype
    assert ((found.float() - x.float()).abs() <= 0.51 * step + rounded).all()


@needs_int8
@pytest.mark.parametrize("size", [1.0, 1e-12, 1e12])
def test_no_number_leaves_the_bits_it_has(size):
    """Wherever zero lies between the least and the greatest; what left them would be at the other end."""
    rows = Int8Rows.of(torch.eye(4))
    for least in torch.linspace(-1, 0, 509):
        x = size * torch.stack((least, least + 1, least / 3, (least + 1) / 3))[None]
        assert ((times(x, rows) - x).abs() <= 0.51 * size / 254).all()


@needs_int8
def test_weights_are_off_by_half_a_step_of_their_row_at_most():
    torch.manual_seed(1)
    weight = torch.randn(40, 64) * torch.logspace(-9, 9, 40)[:, None]
    weight[:, 0] = weight.abs().amax(dim=1)
    weight[:, 1] = -weight[:, 0]
    found = times(torch.eye(64), Int8Rows.of(weight)).T
    assert ((found - weight).abs() <= 0.501 * weight[:, :1] / 127).all()


@needs_int8
@pytest.mark.parametrize("shape", [(40, 96), (1, 96), (2, 5, 4, 96)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_a_layer_in_int8_is_nearly_the_layer(shape, has_bias):
    torch.manual_seed(1)
    layer, x = nn.Linear(96, 33, bias=has_bias), torch.randn(shape)
    with torch.inference_mode():
        layer.weight[3] *= 1000  # no row spoils another
        in_int8 = Int8Linear(layer)
        most = x.norm(dim=-1, keepdim=True) * layer.weight.norm(dim=1)
        assert ((in_int8(x) - layer(x)).abs() < 0.01 * most).all()
        assert ((in_int8.without_bias(x) - F.linear(x, layer.weight)).abs() < 0.01 * most).all()


@needs_int8
def test_what_lies_in_memory_otherwise_is_the_same():
    x, weight = torch.randn(96, 40), torch.randn(33, 2, 96)[:, 1]
    expected = times(x.T.contiguous(), Int8Rows.of(weight.contiguous()))
    assert torch.equal(times(x.T, Int8Rows.of(weight)), expected)


@needs_int8
def test_nothing_remains_nothing_and_what_is_not_finite_shows():
    rows = Int8Rows.of(torch.cat((torch.zeros(1, 64), torch.ones(1, 64))))
    assert not times(torch.zeros(3, 64), rows).any()
    assert torch.equal(times(torch.full((3, 64), -2.0), rows)[:, 0], torch.zeros(3))
    for value in (float("nan"), float("inf"), -float("inf")):
        x = torch.ones(3, 64)
        x[1, 2] = value
        assert times(x, rows)[:, 1].isnan().all()


def test_a_torch_or_a_processor_that_cannot_is_not_asked(monkeypatch):
    asked = is_int8_quick.__wrapped__
    assert not asked("cuda")
    with monkeypatch.context() as patched:
        patched.setattr(int8, "times_as_quick", lambda usual, other: 9.0)
        patched.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
        assert asked("cpu") == is_int8_whole()
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "SVE256")
            assert not asked("cpu")
        # Pairs of products that are cut off at 32,767.
        patched.setattr(int8, "times", lambda x, rows: torch.full((16, 16), 32.5))
        assert not asked("cpu")

    def lacking(*arguments):
        raise AttributeError("qlinear_prepack")

    monkeypatch.setattr(Int8Rows, "of", lacking)
    assert not asked("cpu")


@needs_int8
def test_it_is_taken_only_where_it_is_quicker(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    for quicker in (9.0, 1.5):
        monkeypatch.setattr(int8, "times_as_quick", lambda usual, other, quicker=quicker: quicker)
        assert is_int8_quick.__wrapped__("cpu") == (quicker > 2)


def some_heads(queries: int = 300, keys: int = 700, dtype=torch.float32):
    torch.manual_seed(2)
    return (
        torch.randn(2, 3, queries, 64).to(dtype),
        torch.randn(2, 3, keys, 64).to(dtype),
        torch.randn(2, 3, keys, 32).to(dtype),
    )


@torch.inference_mode()
def exact(q, k, v, bias=None):
    mask = None if bias is None else bias.double().expand(q.shape[-2], -1)
    return F.scaled_dot_product_attention(q.double(), k.double(), v.double(), attn_mask=mask)


@pytest.fixture
def no_softmax(monkeypatch):
    """What is asked is found without the way that is kept for logits too far apart."""

    def asked(*arguments):
        raise AssertionError("some queries found nothing")

    monkeypatch.setattr(attention, "_by_softmax", asked)


@needs_int8
@torch.inference_mode()
@pytest.mark.parametrize("bytes_at_once", [2**23, 2**16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_in_int8_finds_nearly_the_same(dtype, bytes_at_once, monkeypatch, no_softmax):
    monkeypatch.setattr(attention, "BYTES_OF_LOGITS", bytes_at_once)
    q, k, v = some_heads(dtype=dtype)
    found = attend_in_int8(q, k, v)
    assert found.dtype == dtype
    assert far_apart(found, exact(q, k, v)) < 0.03
    few = q[:, :, :1], k[:, :, :5], v[:, :, :5]
    assert far_apart(attend_in_int8(*few), exact(*few)) < 0.03


@needs_int8
@torch.inference_mode()
def test_high_logits_are_put_down(no_softmax):
    q, k, v = some_heads(keys=5000)
    # Beyond what has an exponential in fp32, and by about as much for each key.
    q[..., 0], k[..., 0] = 60, 30
    assert (q @ k.mT / 8).amin() > 150
    assert far_apart(attend_in_int8(q, k, v), exact(q, k, v)) < 0.7


@needs_int8
@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_bias_weighs_keys_and_takes_them_away(dtype, no_softmax):
    q, k, v = some_heads(dtype=dtype)
    bias = torch.randn(700)
    assert far_apart(attend_in_int8(q, k, v, bias), exact(q, k, v, bias)) < 0.03
    bias[100:400] = -torch.inf
    found = attend_in_int8(q, k, v, bias)
    assert found.dtype == dtype
    assert far_apart(found, exact(q, k, v, bias)) < 0.03


@needs_int8
@torch.inference_mode()
def test_logits_that_the_sample_does_not_show_are_found_by_softmax():
    q, k, v = some_heads(keys=5000)
    q[1, 2, 7] = 60.0
    k[1, 2, 4001] = 60.0  # which is none of every fourth
    found, expected = attend_in_int8(q, k, v), exact(q, k, v)
    assert found.isfinite().all()
    assert far_apart(found[1, 2, 7], expected[1, 2, 7]) < 1e-5
    bias = torch.zeros(5000)
    bias[::4] = -torch.inf
    k[0, 0, ::4] += 40 * q[0, 0, 9]
    found, expected = attend_in_int8(q, k, v, bias), exact(q, k, v, bias)
    assert far_apart(found[0, 0, 9], expected[0, 0, 9]) < 1e-5
    k[1, 1, ::4] += 400
    q[1, 1] = q[1, 1].abs()  # more than are answered at a time
    found, expected = attend_in_int8(q, k, v, bias), exact(q, k, v, bias)
    assert far_apart(found[1, 1], expected[1, 1]) < 1e-5
