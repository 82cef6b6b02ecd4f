import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.losses.masked_pixels import masked_pixels, standardise_patches
from course_lib.losses.patches import patchify, unpatchify
from course_lib.methods.mae import MAE
from course_lib.methods.masking import encode_visible, random_masking, removed, visible_count
from course_lib.models import VisionTransformer

from .small import Pixels, assert_resumed_equals_whole, pictures, train


def tiny_vit(**options):
    options = {"image_size": 16, "patch_size": 4, "width": 12, "depth": 1, "heads": 2, **options}
    return VisionTransformer(**options)


def make(encoder=None, **options):
    torch.manual_seed(0)
    options = {"decoder_width": 8, "decoder_depth": 1, "decoder_heads": 2, **options}
    return MAE(encoder or tiny_vit(), **options)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth(number=16, side=16):
    """Ramps in random directions: what is missing can be told from what is there."""
    direction = torch.randn(number, 3, 2, 1, 1, generator=seeded(1))
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    images = (0.5 + 0.2 * (direction[:, :, 0] * y + direction[:, :, 1] * x)).clamp(0, 1)
    return (images * 255).to(torch.uint8)


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 5), patches=st.integers(2, 40), percent=st.integers(1, 99), seed=st.integers(0, 99)
)
def test_counts_are_exact_in_every_image(batch, patches, percent, seed):
    count = patches * (100 - percent) // 100  # in whole numbers
    if count == 0:
        with pytest.raises(ValueError, match=f"of {patches} patches 0 would stay"):
            visible_count(patches, percent / 100)
        return
    kept = random_masking(batch, patches, percent / 100, seeded(seed))
    mask = removed(kept, patches)
    assert kept.shape == (batch, count)
    assert (mask.sum(1) == patches - count).all()
    assert mask.unique().tolist() in ([0, 1], [1], [0])
    for row, places in zip(mask, kept, strict=True):
        assert (row[places] == 0).all()


def test_papers_count():
    assert visible_count(196, 0.75) == 49
    assert visible_count(10, 0.9) == 1  # 10 * (1 - 0.9) is 0.9999999999999998 in floating point
    with pytest.raises(ValueError, match="at least 1 must go"):
        visible_count(10, 0.0)


def test_every_patch_is_removed_equally_often_and_images_differ():
    kept = random_masking(4000, 16, 0.75, seeded())
    often = removed(kept, 16).mean(0)
    assert (often - 0.75).abs().max() < 4 * (0.75 * 0.25 / 4000) ** 0.5
    first = kept[:, 0].bincount(minlength=16) / 4000  # the order is random as well
    assert (first - 1 / 16).abs().max() < 4 * (1 / 16 / 4000) ** 0.5
    assert not torch.equal(kept[0].sort()[0], kept[1].sort()[0])
    assert torch.equal(kept, random_masking(4000, 16, 0.75, seeded()))


@pytest.mark.parametrize("registers", [0, 3])
def test_positions_come_before_masking_and_the_prefix_stays(registers):
    encoder = tiny_vit(registers=registers).eval()
    images, kept = pictures(2).float() / 255, torch.tensor([[7, 0, 3], [1, 15, 2]])
    tokens = encoder.tokens(images)
    expected = torch.stack(
        [torch.cat([tokens[b, : 1 + registers], tokens[b, 1 + registers :][kept[b]]]) for b in range(2)]
    )
    assert torch.allclose(encode_visible(encoder, images, kept), encoder.run(expected), atol=1e-6)


def test_a_visible_token_knows_nothing_of_removed_pixels_and_the_target_nothing_of_visible_ones():
    method = make().eval()
    view, kept = method.views(pictures(4), generator=seeded())
    mask = removed(kept, 16)
    noise = torch.rand_like(view)
    pixels = unpatchify(mask[:, :, None].expand(-1, -1, 48), 4, (4, 4))  # 1 where removed
    other = torch.where(pixels > 0, noise, view)
    assert torch.allclose(method.predict(view, kept), method.predict(other, kept), atol=1e-6)
    assert not torch.allclose(method.loss([view, kept]), method.loss([other, kept]))


def test_loss_is_masked_pixels_of_the_prediction():
    method = make().eval()
    view, kept = method.views(pictures(4), generator=seeded())
    assert kept.dtype == torch.int64
    assert kept.shape == (4, 4)
    expected = masked_pixels(method.predict(view, kept), view, removed(kept, 16), 4)
    assert torch.equal(method.loss([view, kept]), expected)
    plain = make(normalize=False).eval()
    plain.load_state_dict(method.state_dict())
    expected = masked_pixels(plain.predict(view, kept), view, removed(kept, 16), 4, normalize=False)
    assert torch.equal(plain.loss([view, kept]), expected)


def test_views_draw_from_the_generator_only():
    method = make()
    first, second, other = (method.views(pictures(4), generator=seeded(s)) for s in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[1], other[1])


def test_stuck_value_is_the_loss_of_a_decoder_that_paints_zeros():
    method = make()
    torch.nn.init.zeros_(method.decoder.predict.weight)
    value = method.loss(method.views(pictures(8), generator=seeded())).item()
    assert list(method.stuck_values(8)) == ["(P-1)/P"]
    assert value == pytest.approx(method.stuck_values(8)["(P-1)/P"], rel=1e-4)
    assert value == pytest.approx(47 / 48, rel=1e-4)
    assert make(normalize=False).stuck_values(8) == {}


def test_your_own_functions_are_used():
    calls = []

    def my_masking(batch, patches, mask_ratio, generator):
        calls.append(("mask", batch, patches, mask_ratio))
        return torch.arange(5).expand(batch, -1)

    def my_loss(prediction, images, mask, patch_size, normalize):
        calls.append(("loss", prediction.shape, images.shape, mask.sum().item(), patch_size, normalize))
        return prediction.square().mean()

    train(make(masking=my_masking, loss_function=my_loss, mask_ratio=0.6), 1)
    assert calls == [("mask", 8, 16, 0.6), ("loss", (8, 16, 48), (8, 3, 16, 16), 88, 4, True)]


def test_other_sizes_than_the_encoders_own_work():
    method = make(tiny_vit(image_size=(16, 24)))
    for side in ((16, 24), (8, 20)):
        views = method.views(torch.rand(2, 3, *side), generator=seeded())
        assert torch.isfinite(method.loss(views))


def test_training_learns_to_paint():
    method = make(tiny_vit(depth=2), normalize=False, learning_rate=5e-3)
    views = method.views(smooth(), generator=seeded(1))
    before = method.loss(views).item()
    train(method, 60, batch_size=16, images=smooth())
    assert method.loss(views).item() < 0.5 * before


@pytest.mark.parametrize("normalize", [True, False])
def test_reconstruction_shows_visible_patches_and_paints_the_others(normalize):
    method = make(normalize=normalize)
    images = smooth(3)
    shown, mask = method.reconstruct(images, mask_ratio=0.5, generator=seeded())
    assert shown.shape == (3, 3, 16, 16)
    assert (mask.sum(1) == 8).all()
    assert not shown.requires_grad
    assert shown.min() >= 0
    assert shown.max() <= 1
    true = patchify(images.float() / 255, 4)
    seen = patchify(shown, 4)
    assert torch.allclose(seen[mask == 0], true[mask == 0], atol=1e-6)
    assert not torch.allclose(seen[mask == 1], true[mask == 1], atol=1e-2)
    assert torch.equal(shown, method.reconstruct(images, 0.5, seeded())[0])
    assert (method.reconstruct(images, generator=seeded())[1].sum(1) == 12).all()  # as in training


def test_a_perfect_prediction_is_reconstructed_perfectly():
    method = make()
    images = smooth(3).float() / 255
    method.predict = lambda view, kept: standardise_patches(patchify(view, 4))[0]
    assert torch.allclose(method.reconstruct(images)[0], images, atol=1e-5)


def test_every_parameter_that_should_learn_does():
    method = make()
    method.loss(method.views(pictures(8), generator=seeded())).backward()
    silent = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == ["encoder.registers"]  # there are none


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    assert_resumed_equals_whole(make, tmp_path)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: MAE(Pixels()), TypeError, "Pixels; removing patches needs a VisionTransformer"),
        (
            lambda: make(tiny_vit(conv_stem=True)),
            ValueError,
            "conv_stem=True; its 3x3 convolutions look across",
        ),
        (lambda: make(mask_ratio=1.0), ValueError, "mask_ratio is 1.0"),
        (lambda: make(mask_ratio=0.99).views(pictures(2)), ValueError, "of 16 patches 0 would stay"),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
