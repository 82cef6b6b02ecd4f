import pytest
import torch

from course_lib.losses.patches import patchify
from course_lib.methods.causal import causal_mask, encode_before
from course_lib.models import VisionTransformer

from .small import pictures


def tiny_vit(**options):
    return VisionTransformer(
        **{"image_size": 16, "patch_size": 4, "width": 12, "depth": 2, "heads": 2, **options}
    )


def test_mask_by_hand():
    first, second = causal_mask(4, torch.tensor([0, 3]))[:, 0].int().tolist()
    assert first == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert second == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert torch.equal(causal_mask(4, torch.tensor([0])), causal_mask(4, torch.tensor([1])))
    assert causal_mask(5, torch.tensor([5])).all()


@pytest.mark.parametrize("registers", [0, 2])
@pytest.mark.parametrize("seen", [0, 1, 5])
def test_an_entry_depends_on_the_patches_before_it_and_on_no_other(registers, seen):
    torch.manual_seed(0)
    encoder = tiny_vit(registers=registers)
    images = (pictures(2).float() / 255).requires_grad_()
    before = encode_before(encoder, images, torch.tensor([seen]))
    assert before.shape == (2, 16, 12)
    for k in range(16):
        (gradient,) = torch.autograd.grad(before[:, k].square().sum(), images, retain_graph=True)
        moved = patchify(gradient, 4).ne(0).any(dim=2)  # (2, 16)
        known = max(k, seen)
        assert moved[:, :known].all()
        assert not moved[:, known:].any()


def test_entries_are_the_tokens_before_each_patch():
    torch.manual_seed(0)
    encoder = tiny_vit(registers=2).eval()
    images, seen = pictures(2).float() / 255, torch.tensor([4, 9])
    every = encoder.run(encoder.tokens(images), causal_mask(19, 3 + seen))
    before = encode_before(encoder, images, seen)
    assert torch.equal(before[:, 0], every[:, 2])  # the last register
    assert torch.equal(before[:, 15], every[:, 17])  # patch 14


def test_with_a_prefix_of_the_whole_image_attention_is_what_it_is_afterwards():
    torch.manual_seed(0)
    encoder = tiny_vit().eval()
    images = pictures(2).float() / 255
    before = encode_before(encoder, images, torch.tensor([16]))
    assert torch.allclose(before, encoder.all_tokens(images)[:, :-1], atol=1e-6)
