import pytest
import torch

from course_lib.models import VisionTransformer


def make(**options):
    torch.manual_seed(0)
    return VisionTransformer((16, 24), 8, 16, 2, 2, registers=1, **options).eval()


def test_masked_patches_are_replaced_before_positions_are_added():
    model, images, token = make(), torch.rand(2, 3, 16, 24), torch.randn(16)
    mask = torch.tensor([[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=torch.bool)
    plain, masked = model.tokens(images), model.tokens(images, mask, token)
    patches = masked[:, model.prefix :]
    assert torch.allclose(patches[mask], (token + model.positions[0, 1:])[mask[0]], atol=1e-6)
    assert torch.equal(patches[~mask], plain[:, model.prefix :][~mask])
    assert torch.equal(masked[:, : model.prefix], plain[:, : model.prefix])  # CLS and registers stay


def test_what_is_hidden_does_not_matter_and_the_token_learns():
    model, token = make(), torch.randn(16, requires_grad=True)
    images = torch.rand(1, 3, 16, 24)
    other = images.clone()
    other[..., :8, :8] = torch.rand(1, 3, 8, 8)
    mask = torch.tensor([[1, 0, 0, 0, 0, 0]], dtype=torch.bool)
    first, second = (model.run(model.tokens(x, mask, token)) for x in (images, other))
    assert torch.equal(first, second)
    assert not torch.allclose(model.all_tokens(images), model.all_tokens(other))
    first.square().sum().backward()
    assert token.grad.abs().sum() > 0


def test_pooled_is_what_forward_returns():
    images = torch.rand(2, 3, 16, 24)
    for pool in ("cls", "mean"):
        model = make(pool=pool)
        assert torch.equal(model.pooled(model.all_tokens(images)), model(images))


@pytest.mark.parametrize(
    ("mask", "token"),
    [
        (torch.zeros(1, 5, dtype=torch.bool), torch.zeros(16)),
        (torch.zeros(1, 6), torch.zeros(16)),
        (torch.zeros(1, 6, dtype=torch.bool), None),
    ],
)
def test_bad_masks_are_a_sentence(mask, token):
    with pytest.raises(ValueError, match=r"give a bool mask \(1, 6\) together with mask_token \(16,\)"):
        make().tokens(torch.rand(1, 3, 16, 24), mask, token)
