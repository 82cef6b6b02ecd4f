"""Grad-CAM against closed forms, a second way to the same gradient, and input that it must refuse."""

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersForImageClassification

from course_lib.methods import SimCLR
from course_lib.models import VisionTransformer, resnet
from course_lib.viz.arrays.foreign import describe
from course_lib.viz.arrays.grad_cam import grad_cam, min_max, weighted_map


def images(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


class LinearOnMean(nn.Module):
    """convolution -> relu -> mean over the map -> linear: the network of Zhou et al."""

    def __init__(self, classes=5, channels=7):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, channels, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.head = nn.Linear(channels, classes)

    def forward(self, x):
        return self.head(self.body(x).mean(dim=(2, 3)))


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("target", [None, 3, [4, 0]])
def test_linear_on_pooled_features_is_the_class_activation_map(target):
    model, x = LinearOnMean(), images(2, 3, 12, 20)
    with torch.no_grad():
        wanted = model(x).argmax(1) if target is None else torch.as_tensor(target).expand(2)
        cam = torch.einsum("bk,bkhw->bhw", model.head.weight[wanted], model.body(x)).relu()
    cam = (cam - cam.amin((1, 2), True)) / (cam.amax((1, 2), True) - cam.amin((1, 2), True))
    expected = F.interpolate(cam[:, None], (12, 20), mode="bilinear")[:, 0]
    shown = grad_cam(model, x, target)
    assert shown.shape == (2, 12, 20)
    assert shown.dtype == torch.float32
    torch.testing.assert_close(shown, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(grad_cam(model, x, target, full_size=False), cam, atol=1e-5, rtol=0)


def test_weights_are_the_mean_gradient_and_negative_evidence_is_cut():
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])  # two channels of 1 x 2
    gradients = torch.tensor([[[[2.0, 0.0]], [[-1.0, -1.0]]]])  # means 1 and -1
    assert weighted_map(maps, gradients).tolist() == [[[0.0, 2.0]]]
    with pytest.raises(ValueError, match="give \\(B, C, h, w\\) twice"):
        weighted_map(maps, gradients[0])


def test_a_constant_map_is_zero_and_never_nan():
    assert min_max(torch.full((1, 2, 2), 3.0)).tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    model = LinearOnMean()
    with torch.no_grad():
        model.head.weight[1] = -1.0  # nothing speaks for class 1
    assert (grad_cam(model, images(2, 3, 8, 8), 1) == 0).all()


def test_each_image_has_its_own_scale_and_does_not_know_its_batch():
    model, x = LinearOnMean(), images(3, 3, 10, 14)
    together = grad_cam(model, x, 2)
    for i in range(3):
        torch.testing.assert_close(together[i], grad_cam(model, x[i : i + 1], 2)[0], atol=1e-5, rtol=0)


def test_a_layer_in_front_of_an_in_place_relu_keeps_its_own_output():
    model, x = LinearOnMean(), images(1, 3, 8, 12)
    features = model.body[0](x).detach()
    mean_gradient = model.head.weight[0].detach() * (features > 0).float().mean((2, 3))
    cam = (mean_gradient[:, :, None, None] * features).sum(1).relu()
    expected = F.interpolate(min_max(cam)[:, None], (8, 12), mode="bilinear")[:, 0]
    shown = grad_cam(model, x, 0, layer=model.body[0])
    torch.testing.assert_close(shown, expected, atol=1e-5, rtol=0)


def test_nothing_is_left_behind():
    model = LinearOnMean().train()
    model.body.eval()  # a mixed state must come back
    before = [m.training for m in model.modules()]
    for parameter in model.parameters():
        parameter.requires_grad_(False)  # frozen weights have gradients of activations all the same
    x = images(1, 3, 8, 8)
    with torch.no_grad():
        frozen = grad_cam(model, x)
    with torch.inference_mode():
        assert torch.equal(grad_cam(model, x), frozen)
    assert not frozen.requires_grad
    with pytest.raises(ValueError, match="target is 9"):
        grad_cam(model, x, 9)
    with pytest.raises(RuntimeError, match="on purpose"):
        grad_cam(model, x, lambda output: (_ for _ in ()).throw(RuntimeError("on purpose")))
    assert [m.training for m in model.modules()] == before
    assert hooks(model) == 0
    assert x.grad is None
    assert all(p.grad is None for p in model.parameters())


def test_dropout_and_batch_norm_are_in_eval_mode():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 3)
    )
    model.train()
    x = images(2, 3, 8, 8)
    assert torch.equal(grad_cam(model, x, 1), grad_cam(model, x, 1))
    assert model[1].num_batches_tracked == 0


def test_an_encoder_is_asked_for_a_feature_or_for_the_likeness_to_another_picture():
    torch.manual_seed(0)
    encoder, x = resnet((4, 8), (1, 1)).eval(), images(2, 3, 24, 40)
    with pytest.raises(ValueError, match="features, not classes"):
        grad_cam(encoder, x)
    one = grad_cam(encoder, x, 5)  # feature 5 is the mean of channel 5
    channel = encoder.features_at(x, -1)[0][:, 5].detach()
    expected = F.interpolate(min_max(channel)[:, None], (24, 40), mode="bilinear")[:, 0]
    torch.testing.assert_close(one, expected, atol=1e-5, rtol=0)
    other = encoder(images(1, 3, 24, 40, seed=1)).detach()

    def likeness(features):
        return F.cosine_similarity(features, other)

    shown = grad_cam(encoder, x, likeness)
    assert shown.shape == (2, 24, 40)
    assert 0 <= shown.min() < shown.max() <= 1
    assert torch.equal(shown, grad_cam(SimCLR(encoder), x, likeness))  # of a method, its encoder
    with pytest.raises(ValueError, match="features, not classes"):
        grad_cam(timm.create_model("resnet10t", num_classes=0), x)


def tiny_dinov2():
    config = Dinov2WithRegistersConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8,
        num_register_tokens=3, num_labels=5,
    )  # fmt: skip
    return Dinov2WithRegistersForImageClassification(config)


def tiny_timm():
    options = {"patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 2, "num_classes": 5}
    return timm.models.VisionTransformer(img_size=32, dynamic_img_size=True, reg_tokens=2, **options)


def tiny_torchvision():
    return torchvision.models.VisionTransformer(32, 8, 2, 2, 24, 48, num_classes=5)


VITS = {
    "course": (lambda: VisionTransformer(32, 8, 24, 2, 2, registers=2), lambda m: m.blocks[-1].norm1, 3),
    "timm": (tiny_timm, lambda m: m.blocks[-1].norm1, 3),
    "hugging face": (tiny_dinov2, lambda m: m.dinov2_with_registers.encoder.layer[-1].norm1, 4),
    "torchvision": (tiny_torchvision, lambda m: m.encoder.layers[-1].ln_1, 1),
}


@pytest.mark.parametrize("library", VITS)
def test_a_transformers_tokens_are_laid_out_without_prefix_in_a_grid_that_is_not_square(library):
    make, last_norm, prefix = VITS[library]
    torch.manual_seed(0)
    model = make().eval()
    for parameter in model.parameters():  # torchvision's and Hugging Face's heads start at or near zero
        nn.init.normal_(parameter, std=0.2)
    x = images(2, 3, 32, 48)  # 4 x 6 patches
    kept = []
    handle = last_norm(model).register_forward_hook(lambda m, i, output: kept.append(output))
    output = describe(model).forward(x.clone().requires_grad_())  # with positions interpolated to 4 x 6
    handle.remove()
    scores, peaks = getattr(output, "logits", output).sum(0), []
    for target in range(5):
        (gradient,) = torch.autograd.grad(scores[target], kept[0], retain_graph=True)
        tokens, gradient = kept[0][:, prefix:].detach(), gradient[:, prefix:]
        assert tokens.shape[1] == 24
        cam = torch.stack([(tokens[b] @ gradient[b].mean(0)).relu().view(4, 6) for b in range(2)])
        expected = F.interpolate(min_max(cam)[:, None], (32, 48), mode="bilinear")[:, 0]
        torch.testing.assert_close(grad_cam(model, x, target), expected, atol=1e-4, rtol=0)
        peaks.append(cam.max())
    assert max(peaks) > 0
    assert hooks(model) == 0


def test_patches_behind_the_last_block_have_no_gradient_and_that_is_said():
    encoder, x = VisionTransformer(32, 8, 24, 2, 2), images(1, 3, 32, 32)
    with pytest.raises(ValueError, match="CLS alone"):
        grad_cam(encoder, x, 3, layer=encoder.blocks[-1])
    mean = VisionTransformer(32, 8, 24, 2, 2, pool="mean")
    assert grad_cam(mean, x, 3, layer=mean.blocks[-1]).max() > 0


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050", "convnext_atto", "densenet121"])
def test_timms_convolutional_networks_are_read_at_their_last_map(name):
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=6).eval()
    x = images(1, 3, 64, 96)
    shown = grad_cam(model, x, 2)
    assert shown.shape == (1, 64, 96)
    with torch.no_grad():
        features = model.forward_features(x)
    assert features.shape[2:] == (2, 3)
    if name == "resnet10t":  # it ends in mean and linear: the class activation map
        cam = torch.einsum("k,bkhw->bhw", model.fc.weight[2], features).relu().detach()
        expected = F.interpolate(min_max(cam)[:, None], (64, 96), mode="bilinear")[:, 0]
        torch.testing.assert_close(shown, expected, atol=1e-4, rtol=0)


def test_windows_models_of_timm_put_channels_last():
    torch.manual_seed(0)
    model = timm.create_model(
        "swin_tiny_patch4_window7_224", img_size=(64, 96), window_size=2, num_classes=6, embed_dim=12,
        depths=(1, 1), num_heads=(1, 2),
    ).eval()  # fmt: skip
    with torch.no_grad():
        nn.init.normal_(model.head.fc.weight)
        features = model.forward_features(images(1, 3, 64, 96))  # (1, 8, 12, 24), behind the last norm
        cam = (features @ model.head.fc.weight[2]).relu()
    expected = F.interpolate(min_max(cam)[:, None], (64, 96), mode="bilinear")[:, 0]
    shown = grad_cam(model, images(1, 3, 64, 96), 2)
    torch.testing.assert_close(shown, expected, atol=1e-4, rtol=0)


def test_bad_input_is_answered_in_a_sentence():
    model, x = LinearOnMean(), images(2, 3, 8, 8)
    with pytest.raises(ValueError, match="no layer of Sequential gives a map"):
        grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(192, 5)), x)
    with pytest.raises(ValueError, match="is no part of this LinearOnMean"):
        grad_cam(model, x, layer=nn.Conv2d(3, 3, 1))
    with pytest.raises(TypeError, match="layer is str; give a module"):
        grad_cam(model, x, layer="body")
    for target in (5, -1, [0, 5], 1.5, True):
        with pytest.raises((ValueError, TypeError), match="whole numbers from 0 to 4"):
            grad_cam(model, x, target)
    with pytest.raises(ValueError, match="must turn"):
        grad_cam(model, x, lambda output: output)
    with pytest.raises(ValueError, match="no gradient of the target reaches"):
        grad_cam(model, x, lambda output: output[:, 0].detach())
    with pytest.raises(ValueError, match="give \\(B, 3, H, W\\)"):
        grad_cam(model, x[0])
    with pytest.raises(TypeError, match="as_float"):
        grad_cam(model, (x * 255).to(torch.uint8))
    with pytest.raises(ValueError, match="one position"):
        grad_cam(resnet((4, 8), (1, 1)), images(1, 3, 4, 4), 0)
    with pytest.raises(ValueError, match="Give another layer"):
        grad_cam(model, x, 0, layer=model.head)
    with pytest.raises(TypeError, match="one vector"):
        grad_cam(nn.Sequential(nn.Conv2d(3, 3, 3)), x)
    unused = LinearOnMean()
    unused.spare = nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match="gave no tensor"):
        grad_cam(unused, x, layer=unused.spare)
