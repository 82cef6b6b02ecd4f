"""Gradient relevance against the recurrence written out by hand, and on a model whose answer is known."""

import copy

import pytest
import timm
import torch
from torch import nn
from torchvision.models.vision_transformer import VisionTransformer as TorchvisionViT

from course_lib.models import VisionTransformer, resnet
from course_lib.viz.arrays.relevance import relevance
from course_lib.viz.arrays.target import scores_of


def by_hand(attention: list[torch.Tensor], gradients: list[torch.Tensor]) -> torch.Tensor:
    """R = I; R <- R + mean over heads of relu(gradient * A) R, loop by loop."""
    batch, heads, tokens, _ = attention[0].shape
    out = []
    for image in range(batch):
        r = torch.eye(tokens)
        for a, g in zip(attention, gradients, strict=True):
            e = torch.zeros(tokens, tokens)
            for head in range(heads):
                e += (g[image, head] * a[image, head]).clamp(min=0) / heads
            r = r + e @ r
        out.append(r)
    return torch.stack(out)


def test_equals_the_recurrence_on_timms_own_unfused_attention():
    torch.manual_seed(0)
    model = timm.create_model(
        "vit_tiny_patch16_224", dynamic_img_size=True, depth=3, num_classes=5, reg_tokens=2
    ).eval()
    images = torch.rand(2, 3, 32, 48)
    eager, kept = copy.deepcopy(model), []
    for block in eager.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda module, given, out: kept.append(out))
    score = eager(images)[:, 3].sum()
    expected = by_hand([a.detach() for a in kept], torch.autograd.grad(score, kept))
    found = relevance(model, images, 3)
    assert torch.allclose(found, expected, atol=1e-6)
    assert (found - torch.eye(9)).abs().max() > 1e-4, "nothing but the identity was compared"
    assert torch.allclose(relevance(eager, images, 3), expected, atol=1e-6), "from a written-out softmax"
    part = relevance(model, images, 3, start=2)
    last = by_hand([kept[2].detach()], torch.autograd.grad(eager(images)[:, 3].sum(), kept[-1:]))
    assert torch.allclose(part, last, atol=1e-6)


class OnePatchDecides(nn.Module):
    """CLS attends evenly; only the value of patch 2 reaches the score: all relevance must lie there."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        tokens = torch.zeros(len(images), 1, 5, 4)  # CLS and four patches
        value = torch.zeros_like(tokens) + 0 * images.mean()
        value[:, :, 3] = 1.0
        return nn.functional.scaled_dot_product_attention(tokens, tokens, value)[:, 0, 0] * self.weight


def test_all_relevance_lies_on_the_patch_that_decides():
    found = relevance(OnePatchDecides(), torch.rand(2, 3, 16, 16), 0)[:, 0]
    assert torch.allclose(found[:, [1, 2, 4]], torch.zeros(2, 3))
    assert (found[:, 3] > 0.01).all()


@pytest.mark.parametrize("kind", ["course", "torchvision"])
def test_other_models_and_frozen_weights(kind):
    torch.manual_seed(0)
    model = (
        VisionTransformer(32, 16, 24, 2, 3)
        if kind == "course"
        else TorchvisionViT(32, 16, 2, 3, 24, 48, num_classes=4)
    )
    if kind == "torchvision":
        nn.init.normal_(model.heads.head.weight)  # zero in torchvision: no class would rest on anything
    images = torch.rand(2, 3, 32, 32)
    free = relevance(model, images, 1)
    model.requires_grad_(False)
    # Without gradients of the weights PyTorch may take other kernels: equal but for the last bit.
    assert torch.allclose(relevance(model.train(), images, 1), free, rtol=1e-6, atol=1e-6)
    assert model.training
    assert free.shape == (2, 5, 5)
    assert not free.requires_grad
    assert (free - torch.eye(5)).abs().max() > 1e-7


def test_images_do_not_mix():
    torch.manual_seed(0)
    model, images = VisionTransformer(32, 8, 24, 2, 3), torch.rand(3, 3, 32, 32)
    together = relevance(model, images, torch.tensor([0, 5, 2]))
    alone = torch.cat([relevance(model, images[i : i + 1], t) for i, t in enumerate((0, 5, 2))])
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_function_of_the_output_can_be_explained():
    """Self-supervised: the score is the likeness to another picture."""
    torch.manual_seed(0)
    model, images = VisionTransformer(32, 8, 24, 2, 3), torch.rand(2, 3, 32, 32)
    other = model(torch.rand(1, 3, 32, 32)).detach()
    found = relevance(model, images, lambda out: nn.functional.cosine_similarity(out, other))
    opposite = relevance(model, images, lambda out: -nn.functional.cosine_similarity(out, other))
    assert not torch.allclose(found, opposite)


def test_scores_are_taken_as_asked():
    output = torch.tensor([[1.0, 5, 2], [7, 0, 3]])
    assert scores_of(output).tolist() == [5, 7]
    assert scores_of(output, 2).tolist() == [2, 3]
    assert scores_of(output, torch.tensor([0, 2])).tolist() == [1, 3]
    assert scores_of(output, lambda out: out.sum(1)).tolist() == [8, 10]
    with pytest.raises(ValueError, match="whole numbers from 0 to 2"):
        scores_of(output, 3)
    with pytest.raises(ValueError, match="whole numbers"):
        scores_of(output, torch.tensor([0.5, 1.0]))
    with pytest.raises(ValueError, match=r"target gave \(2, 3\)"):
        scores_of(output, lambda out: out)
    with pytest.raises(TypeError, match="one vector"):
        scores_of([output])


def test_bad_input_is_a_sentence():
    images = torch.rand(1, 3, 32, 32)
    with pytest.raises(ValueError, match=r"no attention over patches.*use grad_cam"):
        relevance(resnet(), images)
    with pytest.raises(ValueError, match="start=2; there are 2 layers"):
        relevance(VisionTransformer(32, 8, 24, 2, 3), images, start=2)
    with pytest.raises(ValueError, match="whole numbers from 0 to 23"):
        relevance(VisionTransformer(32, 8, 24, 2, 3), images, 24)
