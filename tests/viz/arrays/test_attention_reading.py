"""Attention read beside a fused pass equals what each library computes unfused; nothing stays behind."""

import copy
import gc

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models.vision_transformer import VisionTransformer as TorchvisionViT

from course_lib import methods
from course_lib.models import VisionTransformer, resnet
from course_lib.viz.arrays.attention import attention_maps, attention_rows, read_attention
from course_lib.viz.arrays.foreign import describe
from course_lib.viz.arrays.tap import AttentionTap

SIZES = [(224, 224), (480, 480), (320, 192)]
DEPTH, WIDTH, HEADS = 2, 48, 3
WEIGHTS = {"need_weights": True, "average_attn_weights": False}


def timm_vit(registers: int = 0):
    return timm.create_model(
        "vit_small_patch16_224",
        dynamic_img_size=True,
        depth=DEPTH,
        embed_dim=WIDTH,
        num_heads=HEADS,
        reg_tokens=registers,
        num_classes=5,
    )


def hugging_face(registers: int | None = None):
    from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel, ViTConfig, ViTModel

    shape = {
        "hidden_size": WIDTH,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "patch_size": 16,
        "image_size": 224,
        "intermediate_size": 2 * WIDTH,
    }
    if registers is None:
        return ViTModel(ViTConfig(**shape))
    return Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**shape, num_register_tokens=registers))


MODELS = {
    "timm": timm_vit,
    "timm, 4 registers": lambda: timm_vit(4),
    "Hugging Face": hugging_face,
    "Hugging Face, 4 registers": lambda: hugging_face(4),
    "torchvision": lambda: TorchvisionViT(224, 16, DEPTH, HEADS, WIDTH, 2 * WIDTH, num_classes=5),
    "course": lambda: VisionTransformer(224, 16, WIDTH, DEPTH, HEADS),
    "course, 4 registers": lambda: VisionTransformer(224, 16, WIDTH, DEPTH, HEADS, registers=4),
}


@pytest.fixture(scope="module")
def models():
    """Sharp attention, so that a wrong scale or a missing bias shows."""
    made = {}
    for name, make in MODELS.items():
        torch.manual_seed(1)
        made[name] = make().eval()
        with torch.no_grad():
            for parameter in made[name].parameters():
                if parameter.ndim == 2:
                    parameter.mul_(2.0)
                if parameter.ndim == 1:
                    parameter.add_(0.2 * torch.randn_like(parameter))
    return made


@torch.no_grad()
def unfused(name: str, model, images) -> torch.Tensor:
    """Each library's own attention weights, all layers, (L, B, H, T, T)."""
    kept = []
    if name.startswith("timm"):
        model = copy.deepcopy(model)
        for block in model.blocks:
            block.attn.fused_attn = False
            block.attn.attn_drop.register_forward_hook(lambda module, given, out: kept.append(out))
        model(images)
    elif name.startswith("Hugging"):
        model = copy.deepcopy(model)
        model.set_attn_implementation("eager")
        asks = {} if "registers" in name else {"interpolate_pos_encoding": True}
        kept = list(model(images, output_attentions=True, **asks).attentions)
    elif name == "torchvision":
        model = copy.deepcopy(model)
        for layer in model.encoder.layers:
            layer.self_attention.register_forward_pre_hook(
                lambda module, args, given: (args, given | WEIGHTS), with_kwargs=True
            )
            layer.self_attention.register_forward_hook(lambda module, given, out: kept.append(out[1]))
        describe(model).forward(images)
    else:
        x = model.tokens(images)
        for block in model.blocks:
            qkv = block.attention.qkv(block.norm1(x)).unflatten(2, (3, HEADS, WIDTH // HEADS))
            q, k, _ = qkv.permute(2, 0, 3, 1, 4)
            kept.append((q @ k.transpose(-2, -1) / (WIDTH // HEADS) ** 0.5).softmax(-1))
            x = block(x)
    return torch.stack(kept)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MODELS)
def test_equals_the_unfused_computation_of_the_library(models, name, size):
    model, images = models[name], torch.randn(1, 3, *size) * 0.5 + 0.5
    expected = unfused(name, model, images)
    found = attention_maps(model, images, None)
    assert found.dtype == torch.float32
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-6
    assert expected.std() * expected.shape[-1] > 0.05, "the reference is all but uniform: nothing was tested"
    rows = attention_rows(model, images, [0, 7], layers=[1])
    assert (rows[0] - expected[1][:, :, [0, 7]]).abs().max() <= 1e-6


@pytest.mark.parametrize("name", MODELS)
def test_says_where_the_patches_begin_and_which_path_was_used(models, name):
    reading = read_attention(models[name], torch.rand(2, 3, 32, 64), [0, -1])
    assert reading.prefix == (5 if "registers" in name else 1)
    assert reading.grid == (2, 4)
    assert reading.numbers == [0, 1]
    assert reading.depth == DEPTH
    library, how = reading.path.split(": ")
    assert library.lower().split()[0] in (name.lower().split(",")[0].split()[0], "this")
    assert {"torchvision": "MultiheadAttention", "course": "skipped"}.get(name.split(",")[0], "fused") in how


def test_torchvision_at_another_size_reads_patches_row_by_row(models):
    """Its own forward refuses such images; the tokens that enter the first layer are compared one by one."""
    model, images, kept = copy.deepcopy(models["torchvision"]), torch.rand(1, 3, 32, 48), []
    nn.init.zeros_(model.encoder.pos_embedding)
    model.encoder.layers[0].register_forward_pre_hook(lambda module, given: kept.append(given[0]))
    with torch.no_grad():
        describe(model).forward(images)
        for number, (row, column) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]):
            patch = images[:, :, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            assert torch.allclose(kept[0][:, 1 + number], model.conv_proj(patch)[:, :, 0, 0], atol=1e-5)


@pytest.mark.parametrize(("name", "prefix"), [("Siglip", 0), ("CLIP", 1), ("Beit", 1), ("DeiT", 2)])
def test_the_prefix_of_other_hugging_face_models_is_read_from_their_parameters(name, prefix):
    """SigLIP has no CLS, and pools with one more attention, which is no layer; BEiT adds a bias."""
    import transformers

    vision = "Vision" if name in ("Siglip", "CLIP") else ""
    config = getattr(transformers, f"{name}{vision}Config")(
        hidden_size=WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        patch_size=16,
        image_size=64,
        intermediate_size=WIDTH,
    )
    model, images = getattr(transformers, f"{name}{vision}Model")(config).eval(), torch.rand(1, 3, 64, 64)
    reading = read_attention(model, images, None)
    assert (reading.prefix, reading.grid, reading.depth) == (prefix, (4, 4), DEPTH)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        expected = torch.stack(model(images, output_attentions=True).attentions)
    assert (reading.maps() - expected).abs().max() <= 1e-6


def test_a_layer_asked_for_twice_or_backwards_comes_in_that_order(models):
    for name in ("timm", "course"):
        images = torch.rand(1, 3, 64, 64)
        whole = attention_maps(models[name], images, None)
        assert torch.equal(attention_maps(models[name], images, [1, 0, 1]), whole[[1, 0, 1]])
        assert torch.equal(attention_maps(models[name], images), whole[-1:])


def test_models_that_write_attention_out_are_read_from_their_softmax(models):
    model, images = copy.deepcopy(models["Hugging Face"]), torch.rand(1, 3, 64, 64)
    fused = attention_maps(model, images, None)
    model.set_attn_implementation("eager")
    reading = read_attention(model, images, None)
    assert "softmax" in reading.path
    assert (reading.maps() - fused).abs().max() <= 1e-6
    assert (reading.rows(3) - fused[:, :, :, 3]).abs().max() <= 1e-6


def test_a_mask_a_causal_pass_and_another_scale_are_respected():
    class Masked(nn.Module):
        def __init__(self, **how):
            super().__init__()
            self.how, self.weight = how, nn.Parameter(torch.zeros(1))

        def forward(self, images):
            q, k = images.flatten(2)[:, :, :20].reshape(1, 3, 5, 4), images.flatten(2)[:, :, 20:40]
            return nn.functional.scaled_dot_product_attention(q, k.reshape(1, 3, 5, 4), q, **self.how)

    images = torch.randn(1, 3, 16, 16)
    q, k = (images.flatten(2)[:, :, part].reshape(1, 3, 5, 4) for part in (slice(0, 20), slice(20, 40)))
    allowed, bias = torch.rand(5, 5) < 0.6, torch.randn(3, 5, 5)
    allowed[:, 0] = True
    minus = torch.tensor(float("-inf"))
    lower = torch.where(torch.ones(5, 5).tril() > 0, 0.0, minus)
    cases = [
        ({"attn_mask": allowed}, q @ k.mT / 2 + torch.where(allowed, 0.0, minus)),
        ({"attn_mask": bias}, q @ k.mT / 2 + bias),
        ({"is_causal": True}, q @ k.mT / 2 + lower),
        ({"scale": 0.1}, q @ k.mT * 0.1),
    ]
    for how, scores in cases:
        reading = read_attention(Masked(**how), images, patch_size=8, prefix=1)
        expected = scores.softmax(-1)
        assert (reading.maps()[0] - expected).abs().max() < 1e-6, how
        assert (reading.rows([4, 1])[0] - expected[:, :, [4, 1]]).abs().max() < 1e-6, how


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.sampled_from([1, 2, 4]))
def test_rows_sum_to_one_and_cls_maps_keep_the_removed_mass(rows, columns, registers, heads):
    model = VisionTransformer((8 * rows, 8 * columns), 8, 16, 2, heads, registers=registers)
    reading = read_attention(model, torch.rand(2, 3, 8 * rows, 8 * columns), None)
    maps, removed = reading.cls_maps()
    assert maps.shape == (2, 2, heads, rows, columns)
    assert torch.allclose(maps.sum((-1, -2)) + removed, torch.ones(2, 2, heads), atol=1e-5)
    assert torch.allclose(reading.maps().sum(-1), torch.ones(1), atol=1e-5)
    whole = reading.maps()[:, :, :, 0, 1 + registers :]
    assert torch.allclose(maps.flatten(-2), whole, atol=1e-6)


def test_a_method_is_read_through_its_encoder():
    encoder = VisionTransformer(32, 8, 16, 2, 2)
    images = torch.rand(1, 3, 32, 32)
    expected = encoder.attention(images, None)
    assert torch.equal(attention_maps(methods.MAE(encoder), images, None), expected)


@pytest.mark.parametrize("name", ["timm", "torchvision", "Hugging Face", "course"])
def test_looking_leaves_no_trace(models, name):
    """Modes, hooks, gradients and tensors are as they were; dropout is off while looking."""
    model = copy.deepcopy(models[name]).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.5
    images = torch.rand(1, 3, 64, 64)
    if name == "torchvision":
        images = torch.rand(1, 3, 224, 224)

    def hooks() -> int:
        kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)

    first, before = attention_maps(model, images), hooks()
    gc.collect()
    alive = sum(isinstance(one, torch.Tensor) for one in gc.get_objects())
    for _ in range(100):
        read_attention(model, images)
    gc.collect()
    assert sum(isinstance(one, torch.Tensor) for one in gc.get_objects()) <= alive
    assert hooks() == before
    assert all(module.training for module in model.modules())
    assert torch.equal(attention_maps(model, images), first)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not first.requires_grad


def test_modes_are_put_back_after_an_error():
    model = timm_vit().train()
    with pytest.raises(ValueError, match="layers has 9; there are 2"):
        read_attention(model, torch.rand(1, 3, 64, 64), 9)
    with pytest.raises(ValueError, match="cannot be cut into patches of 16 x 16"):
        read_attention(model, torch.rand(1, 3, 60, 64))
    assert all(module.training for module in model.modules())


def test_bad_input_is_a_sentence(models):
    images, vit = torch.rand(1, 3, 64, 64), models["course"]
    with pytest.raises(ValueError, match=r"ResNet has no attention over patches.*grad_cam"):
        read_attention(resnet(), images)
    with pytest.raises(TypeError, match="give a PyTorch module"):
        read_attention("dino", images)
    with pytest.raises(TypeError, match=r"give model\._orig_mod"):
        read_attention(torch.compile(vit), images)
    with pytest.raises(TypeError, match="TorchScript"):
        read_attention(torch.jit.trace(nn.Linear(2, 2), torch.rand(1, 2)), images)
    with pytest.raises(TypeError, match="is quantised"):
        read_attention(torch.ao.quantization.quantize_dynamic(copy.deepcopy(vit), {nn.Linear}), images)
    with pytest.raises(TypeError, match="uint8; give a float tensor"):
        read_attention(vit, (images * 255).byte())
    with pytest.raises(ValueError, match=r"shape \(3, 64, 64\)"):
        read_attention(vit, images[0])
    with pytest.raises(ValueError, match=r'move the images with images.to\("cpu"\)'):
        read_attention(vit, images.to("meta"))
    with pytest.raises(ValueError, match="cannot be cut"):
        read_attention(vit, torch.rand(1, 3, 50, 64))
    for name in ("timm", "course", "torchvision"):
        with pytest.raises(ValueError, match="layers has 2; there are 2"):
            read_attention(models[name], torch.rand(1, 3, 224, 224), 2)
        with pytest.raises(ValueError, match="layers is empty"):
            read_attention(models[name], torch.rand(1, 3, 224, 224), [])
    with pytest.raises(ValueError, match="query is 99"):
        attention_rows(vit, images, 99)
    fixed = timm.create_model("vit_small_patch16_224", depth=1, embed_dim=24, num_heads=3)
    with pytest.raises(ValueError, match="dynamic_img_size=True"):
        read_attention(fixed, images)


def test_a_model_of_an_unknown_library_asks_for_patch_size_and_prefix():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.cut, self.attention = nn.Conv2d(3, 8, 8, 8), nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, images):
            x = self.cut(images).flatten(2).mT
            return self.attention(x, x, x)[0]

    images = torch.rand(1, 3, 16, 24)
    with pytest.raises(ValueError, match="give patch_size, and prefix"):
        read_attention(Own(), images)
    reading = read_attention(Own(), images, patch_size=8, prefix=0)
    assert reading.grid == (2, 3)
    assert reading.path.startswith("other:")
    with pytest.raises(ValueError, match="6 tokens, but 2 x 3 patches and 1 prefix"):
        read_attention(Own(), images, patch_size=8, prefix=1)
    with pytest.raises(ValueError, match="no CLS token"):
        reading.cls_maps()


def test_windows_are_asked_for_one_at_a_time():
    class Windows(nn.Module):
        def forward(self, images):
            for tokens in (4, 2):
                x = torch.rand(1, 2, tokens, 3)
                nn.functional.scaled_dot_product_attention(x, x, x)

    with pytest.raises(ValueError, match="ask for one layer at a time"):
        read_attention(Windows(), torch.rand(1, 3, 16, 16), None, patch_size=8, prefix=0).maps()


def test_the_tap_does_not_change_what_is_computed(models):
    images = torch.rand(1, 3, 224, 224)
    for name in ("timm", "torchvision"):
        with torch.no_grad():
            plain = models[name](images)
            with AttentionTap(lambda number: True):
                listened = models[name](images)
            with AttentionTap(lambda number: True, differentiable=True) as written:
                out = models[name](images)
        assert torch.allclose(plain, listened, atol=1e-6)
        assert torch.allclose(plain, out, atol=1e-4)
        assert len(written.attention) == DEPTH
