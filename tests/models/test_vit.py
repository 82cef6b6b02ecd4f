import numpy as np
import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer as TimmViT

from course_lib.models import VisionTransformer
from course_lib.models.attention import attention_matrix, attention_rows
from course_lib.models.patches import PatchProjection, interpolate_positions

SIZES = [(48, 48), (96, 96), (64, 40), (32, 80)]


def random_timm(registers=0, size=48, patch=8, layer_scale=None):
    """A small timm ViT with random weights, none of which is zero or one."""
    torch.manual_seed(registers)
    model = TimmViT(
        img_size=size, patch_size=patch, embed_dim=48, depth=3, num_heads=3, num_classes=0,
        reg_tokens=registers, no_embed_class=False, dynamic_img_size=True, init_values=layer_scale,
    )  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def copy_weights(source, target):
    """timm's names and layout -> ours. timm gives registers a position as well; it is added to the token."""
    state = dict(source.state_dict())
    positions, registers = state.pop("pos_embed"), source.num_prefix_tokens - 1
    new = {
        "mean": target.mean,
        "std": target.std,
        "cls_token": state.pop("cls_token"),
        "registers": state.pop("reg_token", torch.zeros(1, 0, target.width))
        + positions[:, 1 : 1 + registers],
        "positions": torch.cat([positions[:, :1], positions[:, 1 + registers :]], dim=1),
    }
    names = {
        "patch_embed.proj": "patches", "attn.qkv": "attention.qkv", "attn.proj": "attention.projection",
        "mlp.fc1": "mlp.0", "mlp.fc2": "mlp.2",
    }  # fmt: skip
    for i in range(len(target.blocks)):
        scales = [state.pop(f"blocks.{i}.ls{j}.gamma", None) for j in (1, 2)]
        if scales[0] is not None:
            new[f"blocks.{i}.layer_scale"] = torch.stack(scales)
    for name, value in state.items():
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        new[name] = value
    target.load_state_dict(new)
    return target.eval()


def pair(registers=0, layer_scale=None):
    source = random_timm(registers, layer_scale=layer_scale)
    target = VisionTransformer(48, 8, 48, 3, 3, registers=registers, layer_scale=layer_scale)
    return source, copy_weights(source, target)


def timm_attention(model, images):
    """What timm's unfused path puts through attn_drop, (L, B, H, T, T)."""
    maps, hooks = [], []
    for block in model.blocks:
        block.attn.fused_attn = False
        hooks.append(block.attn.attn_drop.register_forward_pre_hook(lambda _, args: maps.append(args[0])))
    model(images)
    for hook in hooks:
        hook.remove()
    return torch.stack(maps)


@pytest.mark.parametrize(("registers", "layer_scale"), [(0, None), (4, None), (0, 0.1)])
@pytest.mark.parametrize("size", SIZES)
def test_outputs_and_attention_equal_timms_unfused_ones(registers, layer_scale, size):
    source, model = pair(registers, layer_scale)
    images = torch.rand(2, 3, *size)
    with torch.no_grad():
        standardised = (images - model.mean) / model.std
        expected_attention = timm_attention(source, standardised)
        expected = source.forward_features(standardised)
        assert torch.allclose(model.all_tokens(images), expected, atol=2e-4, rtol=1e-4)
        assert torch.allclose(model(images), expected[:, 0], atol=2e-4, rtol=1e-4)
    attention = model.attention(images, layers=None)
    tokens = 1 + registers + (size[0] // 8) * (size[1] // 8)
    assert attention.shape == (3, 2, 3, tokens, tokens)
    # the first layer sees the same input up to rounding; deeper ones inherit the rounding of the layers below
    assert (attention - expected_attention).abs().max() <= 5e-6
    assert torch.allclose(attention.sum(-1), torch.ones(()), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(480, 480), (320, 192)])
@pytest.mark.parametrize("registers", [0, 4])
def test_small_16_equals_timm_at_large_and_non_square_sizes(size, registers):
    torch.manual_seed(0)
    source = timm.create_model(
        "vit_small_patch16_224", num_classes=0, reg_tokens=registers, dynamic_img_size=True
    ).eval()
    model = copy_weights(source, VisionTransformer(224, 16, 384, 12, 6, registers=registers))
    images = torch.rand(1, 3, *size)
    with torch.no_grad():
        standardised = (images - model.mean) / model.std
        expected_attention = timm_attention(source, standardised)
        assert torch.allclose(model(images), source(standardised), atol=1e-5)
    attention = model.attention(images, layers=None)
    assert (attention - expected_attention).abs().max() <= 1e-6


def test_attention_equals_the_explicit_computation_within_a_millionth():
    torch.manual_seed(0)
    model = VisionTransformer((40, 64), 8, 48, 4, 4, registers=2).eval()
    images, inputs = torch.rand(2, 3, 40, 64), []
    hooks = [
        b.attention.register_forward_pre_hook(lambda _, args: inputs.append(args[0])) for b in model.blocks
    ]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    attention = model.attention(images, layers=None)
    for block, x, ours in zip(model.blocks, inputs, attention, strict=True):
        q, k, _ = block.attention.qkv(x).double().detach().chunk(3, dim=-1)
        for h in range(4):
            part = slice(12 * h, 12 * h + 12)
            scores = q[..., part] @ k[..., part].transpose(1, 2) / np.sqrt(12)
            assert (ours[:, h] - scores.softmax(-1)).abs().max() <= 1e-6


def test_rows_are_rows_of_the_matrix_and_layers_can_be_picked():
    model = VisionTransformer(48, 8, 48, 3, 3, registers=1).eval()
    images = torch.rand(2, 3, 48, 48)
    full = model.attention(images, layers=None)
    assert torch.allclose(model.attention_rows(images, 5, layers=None), full[:, :, :, 5], atol=1e-6)
    assert torch.allclose(
        model.attention_rows(images, [0, -1], layers=1), full[1:2, :, :, [0, -1]], atol=1e-6
    )
    assert torch.allclose(model.attention(images), full[-1:], atol=1e-6)
    assert torch.allclose(model.attention(images, layers=[-1, 0]), full[[2, 0]], atol=1e-6)
    q, k = model.queries_keys(images, 1)[0]
    assert torch.allclose(attention_matrix(q, k), full[1], atol=1e-6)
    assert torch.allclose(attention_rows(q, k, range(3)), full[1][:, :, :3], atol=1e-6)


def test_looking_leaves_forward_training_mode_and_running_averages_alone():
    model = VisionTransformer(48, 8, 48, 3, 3, conv_stem=True).train()
    images = torch.rand(4, 3, 48, 48)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    model.attention(images)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert model.patches.training
    model.eval()
    before = model(images)
    model.attention(images, layers=None)
    assert torch.equal(model(images), before)


def test_uniform_attention_when_all_keys_are_equal():
    q, k = torch.randn(1, 2, 5, 4), torch.ones(1, 2, 5, 4)
    assert torch.allclose(attention_matrix(q, k), torch.full((1, 2, 5, 5), 0.2))


def cubic(x):
    """Keys' kernel with a = -0.75, torch's and dinov2's choice."""
    x, a = abs(x), -0.75
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def resample_line(size, new, offset):
    """(new, size) weights of dinov2's rule: output i looks at (i + 0.5) * size / (new + offset) - 0.5."""
    weights = np.zeros((new, size))
    for i in range(new):
        centre = (i + 0.5) * size / (new + offset) - 0.5
        for tap in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            weights[i, min(max(tap, 0), size - 1)] += cubic(centre - tap)
    return weights


@pytest.mark.parametrize("new", [(4, 9), (11, 7), (6, 8)])
def test_dinov2_rule_equals_the_formula_with_the_offset(new):
    old = (6, 5)
    positions = torch.randn(1, old[0] * old[1], 3)
    expected = np.einsum(
        "ai,bj,ijd->abd",
        resample_line(old[0], new[0], 0.1),
        resample_line(old[1], new[1], 0.1),
        positions.reshape(*old, 3).numpy(),
    )
    ours = interpolate_positions(positions, old, new, "dinov2").reshape(*new, 3)
    assert np.allclose(ours.numpy(), expected, atol=1e-5)
    without = interpolate_positions(positions, old, new, "timm").reshape(*new, 3)
    assert not np.allclose(without.numpy(), expected, atol=1e-2)


def test_timm_rule_equals_timm():
    positions = torch.randn(1, 36, 5)
    expected = timm.layers.resample_abs_pos_embed(positions, [4, 9], num_prefix_tokens=0)
    assert torch.equal(interpolate_positions(positions, (6, 6), (4, 9), "timm"), expected)
    assert interpolate_positions(positions, (6, 6), (6, 6), "timm") is positions


def test_features_are_maps_in_row_order():
    model = VisionTransformer((16, 24), 8, 16, 2, 2, registers=3).eval()
    images = torch.rand(2, 3, 16, 24)
    maps = model.features_at(images)
    assert [m.shape for m in maps] == [(2, 16, 2, 3)] * 2
    last = model.norm(model.features_at(images, -1)[0].permute(0, 2, 3, 1))
    assert torch.allclose(last.reshape(2, 6, 16), model.all_tokens(images)[:, 4:], atol=1e-6)
    mean = VisionTransformer((16, 24), 8, 16, 2, 2, registers=3, pool="mean").eval()
    mean.load_state_dict(model.state_dict())
    assert torch.allclose(mean(images), last.mean(dim=(1, 2)), atol=1e-6)


def test_conv_stem_gives_the_same_grid_and_only_its_size_in_tokens():
    model = VisionTransformer(48, 8, 32, 1, 2, conv_stem=True).eval()
    assert model.tokens(torch.rand(1, 3, 32, 64)).shape == (1, 1 + 4 * 8, 32)


TINY = VisionTransformer(48, 8, 32, 1, 2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: VisionTransformer(50, 8, 32, 1, 2), "50 x 50"),
        (lambda: VisionTransformer(48, 8, 32, 1, 3), "heads=3"),
        (lambda: VisionTransformer(48, 8, 32, 1, 2, pool="max"), '"max"'),
        (lambda: VisionTransformer(48, 8, 32, 1, 2, position_rule="mae"), '"mae"'),
        (lambda: VisionTransformer(48, 12, 32, 1, 2, conv_stem=True), "12"),
        (lambda: TINY(torch.rand(1, 3, 48, 44)), "48 x 44"),
        (lambda: TINY.attention(torch.rand(1, 3, 48, 48), 1), "layers has 1"),
        (lambda: TINY.attention(torch.rand(1, 3, 48, 48), []), "layers is empty"),
        (
            lambda: TINY.attention_rows(torch.rand(1, 3, 48, 48), 37),
            "query is 37",
        ),
    ],
)
def test_bad_input_is_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_patch_projection_is_the_convolution_that_it_stores(layout):
    torch.manual_seed(0)
    layer = PatchProjection(4, 6)
    images = torch.rand(2, 3, 12, 20, requires_grad=True)
    found = layer.to(memory_format=layout)(images.to(memory_format=layout))
    expected = torch.nn.functional.conv2d(images, layer.weight, layer.bias, stride=4)
    torch.testing.assert_close(found, expected)
    weights = torch.rand_like(expected)
    for a, b in zip(
        torch.autograd.grad((found * weights).sum(), [images, layer.weight, layer.bias]),
        torch.autograd.grad((expected * weights).sum(), [images, layer.weight, layer.bias]),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
