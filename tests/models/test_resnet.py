import pytest
import torch
import torchvision
from torch import nn

from course_lib.models import Encoder, mlp, resnet

SHAPES = {
    "resnet18": ((64, 128, 256, 512), (2, 2, 2, 2), "imagenet"),
    "resnet50": ((64, 128, 256, 512), (3, 4, 6, 3), "imagenet", True),
}


@pytest.mark.parametrize("name", SHAPES)
def test_equals_torchvision_with_its_weights(name):
    torch.manual_seed(0)
    reference = getattr(torchvision.models, name)()
    reference.fc = nn.Identity()
    model = resnet(*SHAPES[name])
    count = sum(p.numel() for p in model.parameters())
    assert count == sum(p.numel() for p in reference.parameters())
    names = [key for key in model.state_dict() if key not in ("mean", "std")]  # same order of layers
    for value in reference.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) * 0.1 + 0.01)  # running averages and scales that matter
    model.load_state_dict(dict(zip(names, reference.state_dict().values(), strict=True)), strict=False)
    reference.eval()
    model.eval()
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        expected = reference((images - model.mean) / model.std)
        assert torch.allclose(model(images), expected, rtol=1e-4)
        maps = model.features_at(images)
        assert torch.allclose(maps[-1].mean(dim=(2, 3)), expected, rtol=1e-4)
    assert model.width == expected.shape[1]


@pytest.mark.parametrize(("stem", "first"), [("small", 32), ("stride2", 16), ("imagenet", 8)])
def test_stems_and_stages_halve_the_map(stem, first):
    model = resnet((8, 12, 20), (1, 2, 1), stem).eval()
    images = torch.rand(2, 3, 32, 64)
    sizes = [tuple(m.shape[1:]) for m in model.features_at(images)]
    assert sizes == [(c, first >> i, (2 * first) >> i) for i, c in enumerate((8, 12, 20))]
    assert model(images).shape == (2, 20)
    picked = model.features_at(images, [-1, 0])
    assert torch.equal(picked[0], model.features_at(images)[2])
    assert torch.equal(picked[1], model.features_at(images, 0)[0])


def test_default_is_the_laptop_size():
    assert 0.15e6 < sum(p.numel() for p in resnet().parameters()) < 0.2e6


def test_every_encoder_standardises_its_own_input():
    model = resnet(mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.125))
    images = torch.rand(2, 3, 8, 8)
    expected = torch.stack(
        [(images[:, 0] - 0.1) * 2, (images[:, 1] - 0.2) * 4, (images[:, 2] - 0.3) * 8], dim=1
    )
    assert torch.allclose(model.standardise(images), expected, atol=1e-6)
    assert {"mean", "std"} <= set(model.state_dict())  # they travel with the weights
    seen = []
    model.stem.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model.eval()(images)
    assert torch.allclose(seen[0], expected, atol=1e-6)


def test_bad_input_is_a_sentence():
    with pytest.raises(ValueError, match='stem is "large"'):
        resnet(stem="large")
    with pytest.raises(ValueError, match=r"blocks=\[1, 1\]"):
        resnet((8, 16, 32), (1, 1))
    with pytest.raises(ValueError, match="stages has 3"):
        resnet().features_at(torch.rand(1, 3, 32, 32), 3)
    with pytest.raises(TypeError, match="uint8"):
        resnet()(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"\(3, 32, 32\)"):
        resnet()(torch.rand(3, 32, 32))
    with pytest.raises(ValueError, match="std"):
        Encoder(3, std=(1.0, 0.0, 1.0))


def layers_of(head):
    return [type(layer).__name__ for layer in head]


def test_heads_have_the_shapes_of_the_papers():
    assert layers_of(mlp(96, 96, 128)) == ["Linear", "BatchNorm1d", "ReLU", "Linear"]  # SimCLR v1
    v2 = mlp(96, 64, 128, layers=3)
    assert [layer.weight.shape for layer in v2 if isinstance(layer, nn.Linear)] == [
        (64, 96),
        (64, 64),
        (128, 64),
    ]
    assert layers_of(mlp(96, 96, 128, layers=1)) == ["Linear"]  # MoCo v1
    assert layers_of(mlp(96, 96, 128, norm=False)) == ["Linear", "ReLU", "Linear"]  # MoCo v2
    last = mlp(96, 96, 128, last_norm=True)
    assert layers_of(last)[-1] == "BatchNorm1d"
    assert last[-1].weight is None
    assert last[-2].bias is None
    with pytest.raises(ValueError, match="layers=0"):
        mlp(96, 96, 128, layers=0)
