"""Rollout on attentions whose answer is known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.viz.arrays.rollout import rollout


def softmax_rows(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).mul(2).softmax(-1)


def test_tokens_that_look_at_themselves_keep_what_they_have():
    identity = torch.eye(5).expand(3, 2, 4, 5, 5)
    assert torch.allclose(rollout(identity), torch.eye(5).expand(2, 5, 5))


def test_uniform_attention_leaves_half_of_itself_in_every_layer():
    """A = 1/T everywhere: after L layers (1/2)^L of each token is its own, the rest is spread evenly."""
    layers, tokens = 3, 4
    found = rollout(torch.full((layers, 1, 2, tokens, tokens), 1 / tokens))[0]
    own = 0.5**layers
    expected = own * torch.eye(tokens) + (1 - own) / tokens
    assert torch.allclose(found, expected, atol=1e-6)


def test_later_layers_stand_on_the_left():
    """Layer 1: patch 1 reads patch 2. Layer 2: CLS reads patch 1. So CLS knows patch 2; not in reverse."""
    first, second = torch.eye(3), torch.eye(3)
    first[1] = torch.tensor([0.0, 0, 1])
    second[0] = torch.tensor([0.0, 1, 0])
    order = torch.stack([first, second])[:, None, None]
    assert rollout(order)[0, 0, 2] == pytest.approx(0.25)  # half of what layer 2 takes, half of layer 1
    assert rollout(order.flip(0))[0, 0, 2] == 0


def test_one_layer_is_half_attention_half_identity_by_the_definition():
    attention = softmax_rows(1, 2, 3, 6, 6)
    expected = 0.5 * attention[0].mean(1) + 0.5 * torch.eye(6)
    assert torch.allclose(rollout(attention), expected, atol=1e-6)
    for name, joined in (("max", attention[0].amax(1)), ("min", attention[0].amin(1))):
        joined = joined / joined.sum(-1, keepdim=True)
        assert torch.allclose(rollout(attention, name), 0.5 * joined + 0.5 * torch.eye(6), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(2, 7), st.sampled_from([0.0, 0.3, 0.9]), st.integers(0, 99))
def test_rows_sum_to_one_whatever_is_discarded(layers, tokens, discard, seed):
    found = rollout(softmax_rows(layers, 2, 3, tokens, tokens, seed=seed), discard=discard)
    assert found.shape == (2, tokens, tokens)
    assert torch.allclose(found.sum(-1), torch.ones(2, tokens), atol=1e-5)
    assert found.min() >= 0


def test_patches_may_be_renumbered():
    attention, order = softmax_rows(3, 1, 2, 6, 6), torch.tensor([0, 3, 1, 5, 4, 2])
    found = rollout(attention[:, :, :, order][..., order], discard=0.4)
    assert torch.allclose(found, rollout(attention, discard=0.4)[:, order][..., order], atol=1e-6)


def test_discarding_takes_the_smallest_of_each_row_but_never_cls():
    row = torch.tensor([0.01, 0.04, 0.45, 0.2, 0.3])
    found = rollout(row.expand(1, 1, 1, 5, 5), discard=0.4)[0, 0]  # 2 of 5: 0.04 and 0.2
    kept = torch.tensor([0.01, 0, 0.45, 0, 0.3])
    expected = 0.5 * kept / kept.sum()
    expected[0] += 0.5
    assert torch.allclose(found, expected, atol=1e-6)


def test_bad_input_is_a_sentence():
    good = softmax_rows(2, 1, 1, 3, 3)
    for bad in (good[0], good[..., :2], good - 1):
        with pytest.raises(ValueError, match=r"give softmax rows \(L, B, H, T, T\)"):
            rollout(bad)
    with pytest.raises(ValueError, match='heads="sum"'):
        rollout(good, "sum")
    with pytest.raises(ValueError, match=r"discard=1\.0"):
        rollout(good, discard=1.0)
