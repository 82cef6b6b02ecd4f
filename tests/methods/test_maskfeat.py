import pytest
import torch

from course_lib.data.hog import hog
from course_lib.methods.maskfeat import MaskFeat
from course_lib.methods.masking import encode_masked, removed
from course_lib.models import VisionTransformer

from .pretext_pictures import seeded, silence
from .small import Pixels, assert_resumed_equals_whole, pictures, train


def tiny_vit(**options):
    return VisionTransformer(
        **{"image_size": 16, "patch_size": 4, "width": 12, "depth": 1, "heads": 2, **options}
    )


def make(encoder=tiny_vit, **options):
    torch.manual_seed(0)
    return MaskFeat(encoder(), **options)


def stripes(number=16, side=16):
    """Each image is striped one way all over: its hidden patches can be told from the others. uint8."""
    wave = (torch.arange(side) // 2 % 2 * 200 + 20).to(torch.uint8)
    across = torch.randint(0, 2, (number, 1, 1, 1), generator=seeded()).bool()
    return torch.where(across, wave[:, None], wave[None, :]).expand(number, 3, side, side).contiguous()


def test_loss_is_the_squared_error_to_the_hidden_histograms():
    method = make(mask_ratio=0.5).eval()
    view, kept = method.views(pictures(3), generator=seeded())
    mask = removed(kept, 16)
    encoded = encode_masked(method.encoder, view, mask, method.mask_token)
    prediction, histograms = method.head(encoded[:, 1:]), hog(view, 2)
    errors = []
    for b in range(3):
        for n in range(16):
            if mask[b, n]:
                y, x = 2 * (n // 4), 2 * (n % 4)
                cells = histograms[b, :, y : y + 2, x : x + 2].permute(1, 2, 0).flatten()
                errors.append((prediction[b, n] - cells).square().mean())
    assert len(errors) == 24
    assert torch.allclose(method.loss([view, kept]), torch.stack(errors).mean(), rtol=1e-5)


def test_hidden_patches_are_not_seen_but_their_places_are():
    encoder = tiny_vit(registers=2).eval()
    images, mask = pictures(2).float() / 255, torch.zeros(2, 16)
    mask[:, [3, 9]] = 1
    token = torch.randn(1, 1, 12)
    encoded = encode_masked(encoder, images, mask, token)
    assert encoded.shape == (2, 3 + 16, 12)
    other = images.clone()
    other[:, :, :4, 12:] = 0  # patch 3
    other[:, :, 8:12, 4:8] = 1  # patch 9
    assert torch.allclose(encode_masked(encoder, other, mask, token), encoded, atol=1e-6)
    assert not torch.allclose(encoded[:, 3 + 3], encoded[:, 3 + 9], atol=1e-3)
    nothing = encode_masked(encoder, images, torch.zeros(2, 16), token)
    assert torch.allclose(nothing, encoder.all_tokens(images), atol=1e-6)


def test_stuck_value_is_the_loss_of_zeros():
    method = make()
    silence(method.head)
    value = method.loss(method.views(pictures(8), generator=seeded())).item()
    assert method.stuck_values(8) == {"1/bins": 1 / 9}
    assert value == pytest.approx(1 / 9, rel=1e-3)


def test_training_learns_which_way_the_edges_run():
    method = make(learning_rate=1e-2)
    views = method.views(stripes(), generator=seeded(1))
    before = method.loss(views).item()
    train(method, 60, batch_size=16, images=stripes())
    assert method.loss(views).item() < 0.5 * before


def test_every_parameter_that_should_learn_does():
    method = make()
    method.loss(method.views(pictures(8), generator=seeded())).backward()
    silent = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == ["encoder.registers"]  # there are none


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    assert_resumed_equals_whole(make, tmp_path, steps=4)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: make(Pixels), TypeError, "MaskFeat: encoder is a Pixels"),
        (lambda: make(lambda: tiny_vit(conv_stem=True)), ValueError, "conv_stem=True"),
        (lambda: make(cell=3), ValueError, "cell=3, bins=9; .* divide the patch of 4 pixels"),
        (lambda: make(mask_ratio=0.0), ValueError, "mask_ratio=0.0"),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
