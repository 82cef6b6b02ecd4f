import pytest
import torch

from course_lib.losses.masked_pixels import standardise_patches
from course_lib.losses.patches import patchify
from course_lib.methods.aim import AIM
from course_lib.methods.causal import encode_before
from course_lib.models import VisionTransformer

from .pretext_pictures import seeded, silence
from .small import Pixels, assert_resumed_equals_whole, pictures, train
from .test_mae import smooth


def tiny_vit(**options):
    return VisionTransformer(
        **{"image_size": 16, "patch_size": 4, "width": 12, "depth": 2, "heads": 2, **options}
    )


def make(encoder=tiny_vit, **options):
    torch.manual_seed(0)
    return AIM(encoder(), **{"head_width": 24, **options})


@pytest.mark.parametrize("registers", [0, 2])
@pytest.mark.parametrize("seen", [1, 6, 15])
def test_no_pixel_of_a_patch_or_a_later_one_reaches_its_prediction(registers, seen):
    method = make(lambda: tiny_vit(registers=registers))
    view = (pictures(1).float() / 255).requires_grad_()
    prediction = method.predict(view, torch.tensor([seen]))
    assert prediction.shape == (1, 16, 48)
    for k in range(seen, 16):
        (gradient,) = torch.autograd.grad(prediction[:, k].square().sum(), view, retain_graph=True)
        reached = patchify(gradient, 4)[0].ne(0).any(dim=1)
        assert reached.tolist() == [True] * k + [False] * (16 - k)


def test_the_prefix_sees_itself_both_ways():
    method = make()
    view = (pictures(1).float() / 255).requires_grad_()
    first = encode_before(method.encoder, view, torch.tensor([6]))[:, 1]  # of patch 0
    (gradient,) = torch.autograd.grad(first.square().sum(), view)
    assert patchify(gradient, 4)[0].ne(0).any(dim=1).tolist() == [True] * 6 + [False] * 10


def test_loss_is_the_mean_squared_error_of_the_patches_after_the_prefix():
    method = make()
    view, seen = method.views(pictures(3), generator=seeded())
    prediction = method.predict(view, seen)
    target, errors = standardise_patches(patchify(view, 4))[0], []
    for b in range(3):
        for k in range(int(seen[b]), 16):
            errors.append((prediction[b, k] - target[b, k]).square().mean())
    assert torch.allclose(method.loss([view, seen]), torch.stack(errors).mean(), rtol=1e-5)


def test_prefixes_have_every_length_and_come_from_the_generator():
    method = make()
    _, seen = method.views(pictures(3000), generator=seeded())
    assert seen.dtype == torch.int64
    counts = seen.bincount(minlength=16)[1:]
    assert len(counts) == 15
    assert (counts - 200).abs().max() < 4 * 200**0.5
    assert torch.equal(seen, method.views(pictures(3000), generator=seeded())[1])
    assert not torch.equal(seen, method.views(pictures(3000), generator=seeded(1))[1])
    plain = make(prefix=False)
    assert plain.views(pictures(3))[1].tolist() == [1, 1, 1]


def test_features_come_from_attention_in_both_directions():
    method = make(lambda: tiny_vit(pool="mean"))
    images = pictures(3).float() / 255
    expected = method.encoder.all_tokens(images)[:, 1:].mean(1)
    assert torch.allclose(method.embed(images), expected, atol=1e-6)


def test_stuck_value_is_the_loss_of_a_head_that_paints_zeros():
    method = make()
    silence(method.head)
    value = method.loss(method.views(pictures(8), generator=seeded())).item()
    assert list(method.stuck_values(8)) == ["(P-1)/P"]
    assert value == pytest.approx(method.stuck_values(8)["(P-1)/P"], rel=1e-4)
    assert make(normalize=False).stuck_values(8) == {}


def test_your_own_loss_is_used():
    seen = []

    def my_loss(prediction, images, mask, patch_size, normalize):
        seen.append((prediction.shape, images.shape, mask.sum().item(), patch_size, normalize))
        return prediction.square().mean()

    train(make(loss_function=my_loss, prefix=False, normalize=False), 1)
    assert seen == [((8, 16, 48), (8, 3, 16, 16), 8 * 15, 4, False)]


def test_training_learns_to_go_on():
    method = make(normalize=False, learning_rate=5e-3)
    views = method.views(smooth(), generator=seeded(1))
    before = method.loss(views).item()
    train(method, 60, batch_size=16, images=smooth())
    assert method.loss(views).item() < 0.5 * before


def test_other_sizes_than_the_encoders_own_work():
    method = make(lambda: tiny_vit(image_size=(16, 24), registers=1))
    for side in ((16, 24), (8, 20)):
        views = method.views(torch.rand(2, 3, *side), generator=seeded())
        assert torch.isfinite(method.loss(views))


def test_every_parameter_that_should_learn_does():
    method = make(lambda: tiny_vit(registers=1))
    method.loss(method.views(pictures(8), generator=seeded())).backward()
    assert [name for name, p in method.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    assert_resumed_equals_whole(make, tmp_path, steps=4)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: make(Pixels), TypeError, "AIM: encoder is a Pixels"),
        (lambda: make(lambda: tiny_vit(conv_stem=True)), ValueError, "conv_stem=True"),
        (lambda: make(head_layers=0), ValueError, "layers=0"),
        (lambda: make().views(torch.rand(2, 3, 4, 4)), ValueError, "a single patch; use smaller patches"),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
