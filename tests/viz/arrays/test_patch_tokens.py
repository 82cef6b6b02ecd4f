"""Patch tokens of every library against the library itself; likeness, lengths and neighbours by hand."""

import pytest
import timm
import torch
import torchvision
from torch import nn
from transformers import (
    Dinov2Config,
    Dinov2ForImageClassification,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)

from course_lib.models import VisionTransformer, resnet
from course_lib.viz.arrays.patches import (
    outliers,
    patch_similarity,
    patch_tokens,
    token_norms,
)

SMALL = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def tiny_timm(**options):
    size = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 2, "num_classes": 5}
    return timm.models.VisionTransformer(**size, dynamic_img_size=True, **options)


def sized(model, x):
    return model(x, interpolate_pos_encoding=True).last_hidden_state


MODELS = {
    "course": (lambda: VisionTransformer(32, 8, 24, 2, 2, registers=2), lambda m, x: m.all_tokens(x), 3),
    "timm": (lambda: tiny_timm(reg_tokens=4), lambda m, x: m.forward_features(x), 5),
    "timm without CLS": (
        lambda: tiny_timm(class_token=False, global_pool="avg", fc_norm=False),
        lambda m, x: m.forward_features(x),
        0,
    ),
    "hf vit": (lambda: ViTModel(ViTConfig(**SMALL)), sized, 1),
    "hf vit classifier": (
        lambda: ViTForImageClassification(ViTConfig(**SMALL)),
        lambda m, x: sized(m.vit, x),
        1,
    ),
    "hf dinov2 classifier": (
        lambda: Dinov2ForImageClassification(Dinov2Config(**SMALL)),
        lambda m, x: m.dinov2(x).last_hidden_state,
        1,
    ),
    "hf registers": (
        lambda: Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**SMALL, num_register_tokens=3)),
        lambda m, x: m(x).last_hidden_state,
        4,
    ),
    "torchvision": (
        lambda: torchvision.models.VisionTransformer(32, 8, 2, 2, 24, 48),
        lambda m, x: m.encoder(torch.cat([m.class_token.expand(len(x), -1, -1), m._process_input(x)], 1)),
        1,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_tokens_are_those_of_the_library(name):
    make, own, prefix = MODELS[name]
    torch.manual_seed(0)
    model = make().train()
    x = images(2, 3, 32, 32 if name == "torchvision" else 48)
    got = patch_tokens(model, x)
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())
    with torch.no_grad():
        expected = own(model.eval(), x)
    assert got.grid == (4, x.shape[3] // 8)
    assert got.prefix.shape == (2, prefix, 24)
    torch.testing.assert_close(torch.cat([got.prefix, got.tokens], 1), expected, atol=1e-6, rtol=1e-5)
    before = patch_tokens(model, x, normalised=False).tokens
    torch.testing.assert_close(
        nn.functional.layer_norm(before, (24,), eps=1e-6), got.tokens, atol=1e-3, rtol=0
    )
    assert token_norms(got.tokens).std() < 0.01 < token_norms(before).std()  # the norm hides lengths


def test_torchvision_in_another_size():
    model = torchvision.models.VisionTransformer(32, 8, 2, 2, 24, 48)
    assert patch_tokens(model, images(1, 3, 32, 48)).grid == (4, 6)


def test_positions_of_a_convolutional_network_are_patches():
    encoder, x = resnet((4, 8), (1, 1)).eval(), images(2, 3, 16, 24)
    got = patch_tokens(encoder, x)
    maps = encoder.features_at(x, -1)[0].detach()
    assert got.grid == (4, 6)
    assert got.prefix.shape == (2, 0, 8)
    assert torch.equal(got.tokens[1, 1 * 6 + 5], maps[1, :, 1, 5])
    model = torchvision.models.mobilenet_v2(num_classes=2).eval()
    with torch.no_grad():
        features = model.features(images(1, 3, 64, 96))
    got = patch_tokens(model, images(1, 3, 64, 96))
    assert got.grid == (2, 3)
    assert torch.equal(got.tokens[0, 4], features[0, :, 1, 1])


def test_likeness_to_a_clicked_patch():
    right, up = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])
    tokens = torch.stack([torch.stack([right, up, -3 * right]), torch.stack([up, right + up / 2, 0 * up])])
    inside = patch_similarity(tokens, 0)
    torch.testing.assert_close(inside, torch.tensor([[1, 0, -1], [1, 0.5**0.5, 0]]))
    across = patch_similarity(tokens, (0, 0))
    torch.testing.assert_close(across, torch.tensor([[1, 0, -1], [0, 0.5**0.5, 0]]))
    across = patch_similarity(tokens, (1, 0))
    torch.testing.assert_close(across, torch.tensor([[0.0, 1, 0], [1, 0.5**0.5, 0]]))
    for wrong in (3, -1, (2, 0), (0, 3)):
        with pytest.raises(ValueError, match="patches are numbered 0 to 2, images 0 to 1"):
            patch_similarity(tokens, wrong)
    with pytest.raises(ValueError, match="give a tensor \\(B, N, D\\)"):
        patch_similarity(tokens[0], 0)


def test_artefacts_stand_out_by_length():
    tokens = torch.zeros(2, 6, 4)
    tokens[:, :, 0] = torch.tensor([[1.0, 1, 1, 1, 3.5, 2.9], [10, 10, 10, 20, 10, 31]])
    tokens[0, 0] = torch.tensor([0.5, -0.5, 0.5, 0.5])  # length 1 too
    norms = token_norms(tokens)
    assert norms[0].tolist() == pytest.approx([1, 1, 1, 1, 3.5, 2.9])
    assert outliers(norms).tolist() == [[False] * 4 + [True, False], [False] * 5 + [True]]  # per image
    assert outliers(norms, factor=1.5).sum(1).tolist() == [2, 2]
    assert torch.equal(outliers(norms * 7), outliers(norms))
    with pytest.raises(ValueError, match="factor=1"):
        outliers(norms, factor=1)


def test_bad_images_and_models_are_answered_in_a_sentence():
    vit = VisionTransformer(32, 8, 24, 2, 2)
    with pytest.raises(ValueError, match="multiple"):
        patch_tokens(vit, images(1, 3, 32, 36))
    with pytest.raises(ValueError, match="give \\(B, 3, H, W\\)"):
        patch_tokens(vit, images(3, 32, 32))
    with pytest.raises(ValueError, match="gives a map"):
        patch_tokens(nn.Sequential(nn.Flatten(), nn.Linear(192, 5)), images(1, 3, 8, 8))
    with pytest.raises(TypeError, match="model is str"):
        patch_tokens("vit", images(1, 3, 8, 8))
