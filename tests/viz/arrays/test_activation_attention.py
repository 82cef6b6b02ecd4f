"""Activation attention: sums written out, rotation of the picture, powers, and whose maps are taken."""

import pytest
import torch
import torchvision
from torch import nn

from course_lib.models import VisionTransformer, resnet
from course_lib.viz.arrays.activation import activation_attention


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def symmetric(model):
    """Make every kernel the same when turned by 90 degrees."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            turned = [torch.rot90(module.weight.data, k, (2, 3)) for k in range(4)]
            module.weight.data = torch.stack(turned).mean(0)
    return model


def test_it_is_the_sum_of_powers():
    torch.manual_seed(0)
    encoder, x = resnet((4, 8, 12), (1, 1, 1)).eval(), images(2, 3, 24, 32)
    maps = encoder.features_at(x)
    got = activation_attention(encoder, x, power=[1, 2, 4])
    assert [tuple(one.shape) for one in got] == [(2, 12, 16), (2, 6, 8), (2, 3, 4)]
    for one, full, p in zip(got, maps, (1, 2, 4), strict=True):
        torch.testing.assert_close(one, sum(full[:, c].detach().abs() ** p for c in range(full.shape[1])))
        assert not one.requires_grad
    (last,) = activation_attention(encoder, x, stages=-1)
    torch.testing.assert_close(last, maps[2].detach().square().sum(1))


def test_signs_do_not_matter():
    layer = nn.Conv2d(3, 2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, 0, 0], [0, -2.0, 0]])[:, :, None, None]
    model = nn.Sequential(layer)
    x = torch.tensor([1.0, 3.0, 5.0]).view(1, 3, 1, 1).expand(1, 3, 1, 2)
    for power, value in ((1, 7.0), (2, 37.0), (3, 217.0), (0.5, 1 + 6**0.5)):
        (got,) = activation_attention(model, x, stages=layer, power=power)
        assert got.flatten().tolist() == pytest.approx([value, value])


def test_a_turned_picture_has_a_turned_map():
    torch.manual_seed(0)
    widths = (4, 6)
    # with stride 2 the grid of an odd side maps to itself when turned
    encoder, x = (
        symmetric(resnet(widths, (1, 1), stem="small")).double().eval(),
        images(1, 3, 25, 33).double(),
    )
    straight = activation_attention(encoder, x, power=[1, 4])
    turned = activation_attention(encoder, torch.rot90(x, 1, (2, 3)), power=[1, 4])
    for a, b in zip(straight, turned, strict=True):
        torch.testing.assert_close(torch.rot90(a, 1, (1, 2)), b, rtol=1e-5, atol=1e-6)
        assert (a - a.mean()).abs().max() > 1e-3  # not merely flat
    usual = resnet(widths, (1, 1), stem="small").double().eval()
    a, b = (activation_attention(usual, y)[0] for y in (x, torch.rot90(x, 1, (2, 3))))
    assert (torch.rot90(a, 1, (1, 2)) - b).abs().max() > 1e-3


def test_other_networks_by_their_modules_and_tokens_as_maps():
    torch.manual_seed(0)
    model, x = torchvision.models.resnet18(num_classes=3).train(), images(1, 3, 64, 96)
    before = model.bn1.running_mean.clone()
    # bn1 is followed by a relu in place; what bn1 itself gave has negative values
    bn, layer1, layer4 = activation_attention(model, x, [model.bn1, model.layer1, model.layer4], power=1)
    assert model.training
    assert torch.equal(model.bn1.running_mean, before)
    assert [tuple(y.shape) for y in (bn, layer1, layer4)] == [(1, 32, 48), (1, 16, 24), (1, 2, 3)]
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(bn, model.bn1(model.conv1(x)).abs().sum(1))
    assert not any(m._forward_hooks for m in model.modules())
    vit = VisionTransformer(32, 8, 12, 2, 2, registers=3).eval()
    by_number, by_module = (activation_attention(vit, images(1, 3, 32, 48), s)[0] for s in (1, vit.blocks[1]))
    assert by_number.shape == (1, 4, 6)
    assert torch.equal(by_number, by_module)


def test_bad_input_is_answered_in_a_sentence():
    encoder, x = resnet((4, 8), (1, 1)), images(1, 3, 16, 16)
    with pytest.raises(ValueError, match="power=\\[1, 2, 4\\] for 2 stages"):
        activation_attention(encoder, x, power=[1, 2, 4])
    with pytest.raises(ValueError, match="power=0 for 2 stages"):
        activation_attention(encoder, x, power=0)
    with pytest.raises(ValueError, match="stages has 2; there are 2"):
        activation_attention(encoder, x, stages=2)
    with pytest.raises(ValueError, match="stages is empty"):
        activation_attention(encoder, x, stages=[])
    other = torchvision.models.resnet18()
    with pytest.raises(ValueError, match=r"consists of: conv1, bn1, .*layer4"):
        activation_attention(other, x)
    with pytest.raises(TypeError, match="layer is int; give a module"):
        activation_attention(other, x, stages=[1])
    with pytest.raises(ValueError, match="Give another layer"):
        activation_attention(other, images(1, 3, 64, 64), stages=other.fc)
    with pytest.raises(ValueError, match="give \\(B, 3, H, W\\)"):
        activation_attention(encoder, x[:, :1])
