"""Attention: fused, or the plain formula where that is faster; the same values and gradients either way."""

import pytest
import torch

from course_lib.models import VisionTransformer, attention
from course_lib.models.attention import Attention, attention_matrix


def written_out(layer: Attention, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """softmax(q k^T / sqrt(d)) v, then the projection; where the mask is False the score is -infinity."""
    q, k, v = layer.qkv(x).unflatten(2, (3, layer.heads, -1)).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    mixed = scores.softmax(-1) @ v
    return layer.projection(mixed.transpose(1, 2).flatten(2))


def masks() -> list:
    """None, one mask for all images, and one for each of four; a token always sees itself."""
    torch.manual_seed(1)
    return [None, torch.rand(7, 7) + torch.eye(7) > 0.5, torch.rand(4, 1, 7, 7) + torch.eye(7) > 0.5]


@pytest.mark.parametrize("way", ["float32", "bf16, few tokens", "bf16, many tokens"])
@pytest.mark.parametrize("mask", masks(), ids=["no mask", "one mask", "a mask each"])
def test_value_and_gradient_equal_the_written_out_attention(way, mask, monkeypatch):
    bf16 = way != "float32"
    monkeypatch.setattr(attention, "WRITTEN_OUT", 6 if way == "bf16, many tokens" else 7)
    torch.manual_seed(0)
    layer = Attention(24, heads=3)
    x = torch.randn(4, 7, 24, requires_grad=True)
    (expected,) = torch.autograd.grad(written_out(layer, x, mask).square().sum(), x)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        y = layer(x, mask=mask)
    (found,) = torch.autograd.grad(y.float().square().sum(), x)
    tolerance = 0.03 if bf16 else 1e-5
    torch.testing.assert_close(y.float(), written_out(layer, x, mask), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    assert y.dtype == (torch.bfloat16 if bf16 else torch.float32)


@pytest.mark.parametrize(
    ("learning", "most", "kernel"),
    [(True, 7, []), (True, 6, [torch.float32]), (False, 7, [torch.bfloat16]), (False, 6, [torch.bfloat16])],
)
def test_the_kernel_whose_way_back_is_slow_is_not_used_for_training(learning, most, kernel, monkeypatch):
    seen = []

    def spy(q, k, v, mask):
        lower = torch.is_autocast_enabled("cpu")  # then autocast would turn float32 into bf16 again
        seen.append(torch.get_autocast_dtype("cpu") if lower else q.dtype)
        return v

    monkeypatch.setattr(attention, "WRITTEN_OUT", most)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.set_grad_enabled(learning):
        Attention(24, 3)(torch.randn(4, 7, 24))
    assert seen == kernel


def test_matrix_rows_sum_to_one():
    torch.manual_seed(0)
    q, k = torch.randn(2, 2, 3, 5, 4)
    torch.testing.assert_close(attention_matrix(q, k).sum(-1), torch.ones(2, 3, 5))


def test_what_may_not_be_looked_at_gets_a_gradient_of_exactly_zero():
    torch.manual_seed(0)
    model = VisionTransformer(16, 8, 16, depth=3, heads=2)
    tokens = torch.randn(2, 5, 16, requires_grad=True)
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    for place in range(5):
        (gradient,) = torch.autograd.grad(model.run(tokens, causal)[:, place].square().sum(), tokens)
        assert gradient[:, place + 1 :].eq(0).all()
        assert gradient[:, : place + 1].ne(0).any(dim=2).all()
    everything = torch.ones(5, 5, dtype=torch.bool)
    torch.testing.assert_close(model.run(tokens, everything), model.run(tokens))
