"""Attention: on a CPU it trains in float32 even under bf16, and gives the same as written out."""

import pytest
import torch

from course_lib.models.attention import Attention, attention_matrix


def written_out(attention: Attention, x: torch.Tensor) -> torch.Tensor:
    """softmax(q k^T / sqrt(d)) v, then the projection."""
    q, k, v = attention.qkv(x).unflatten(2, (3, attention.heads, -1)).permute(2, 0, 3, 1, 4)
    mixed = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1) @ v
    return attention.projection(mixed.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("bf16", [False, True])
def test_value_and_gradient_equal_the_written_out_attention(bf16):
    torch.manual_seed(0)
    attention = Attention(24, heads=3)
    x = torch.randn(4, 7, 24, requires_grad=True)
    (expected,) = torch.autograd.grad(written_out(attention, x).square().sum(), x)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        y = attention(x)
    (found,) = torch.autograd.grad(y.float().square().sum(), x)
    tolerance = 0.03 if bf16 else 1e-5
    torch.testing.assert_close(y.float(), written_out(attention, x), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    assert y.dtype == (torch.bfloat16 if bf16 else torch.float32)


@pytest.mark.parametrize(("learning", "kernel"), [(True, torch.float32), (False, torch.bfloat16)])
def test_the_kernel_whose_way_back_is_slow_is_not_used_for_training(learning, kernel, monkeypatch):
    seen = []

    def spy(q, k, v):
        lower = torch.is_autocast_enabled("cpu")  # then autocast would turn float32 into bf16 again
        seen.append(torch.get_autocast_dtype("cpu") if lower else q.dtype)
        return v

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.set_grad_enabled(learning):
        Attention(24, 3)(torch.randn(4, 7, 24))
    assert seen == [kernel]


def test_matrix_rows_sum_to_one():
    torch.manual_seed(0)
    q, k = torch.randn(2, 2, 3, 5, 4)
    torch.testing.assert_close(attention_matrix(q, k).sum(-1), torch.ones(2, 3, 5))
