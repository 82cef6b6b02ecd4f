import math

import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from lightly.models import utils as lightly_models
from processes import on_ranks

from course_lib.losses import NotFiniteError
from course_lib.losses.masked_pixels import masked_pixels, standardise_patches
from course_lib.losses.patches import patchify, unpatchify

from .oracles_masked import masked_pixels_loop, patch

IMAGES = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(0))
MASK = torch.tensor([[1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 0]])  # different counts
ZEROS = torch.zeros(2, 6, 12)


def draw(batch=3, height=8, width=12, size=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(batch, 3, height, width, generator=generator)
    patches = height * width // size**2
    prediction = torch.randn(batch, patches, size * size * 3, generator=generator).requires_grad_()
    mask = (torch.rand(batch, patches, generator=generator) < 0.6).float()
    mask[0, 0] = 1
    return prediction, images, mask, size


def test_patches_are_ordered_row_by_row_and_channels_come_last():
    patches = patchify(IMAGES, 2)
    assert patches.shape == (2, 6, 12)
    for b in range(2):
        for n in range(6):
            assert torch.equal(patches[b, n].double(), patch(IMAGES[b], n // 3, n % 3, 2))


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 3), channels=st.integers(1, 4), rows=st.integers(1, 4), columns=st.integers(1, 4),
    size=st.integers(1, 5),
)  # fmt: skip
def test_unpatchify_is_the_inverse(batch, channels, rows, columns, size):
    images = torch.rand(batch, channels, rows * size, columns * size)
    assert torch.equal(unpatchify(patchify(images, size), size, (rows, columns)), images)


def test_square_images_give_lightlys_patches():
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(patchify(images, 4), lightly_models.patchify(images, 4))


@pytest.mark.parametrize("normalize", [True, False])
def test_equals_the_loop_in_value_and_gradient(normalize):
    prediction, images, mask, size = draw()
    value = masked_pixels(prediction, images, mask, size, normalize)
    expected = masked_pixels_loop(prediction, images, mask, size, normalize)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    ours, theirs = (torch.autograd.grad(v, [prediction])[0] for v in (value, expected))
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()
    assert (ours[mask == 0] == 0).all()


@pytest.mark.parametrize("normalize", [True, False])
def test_equals_lightlys_recipe_in_value_and_gradient(normalize):
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(5, 3, 16, 16, generator=generator)
    prediction = torch.randn(5, 16, 48, generator=generator).requires_grad_()
    removed = torch.rand(5, 16, generator=generator).argsort(1)[:, :12]
    target = lightly_models.get_at_index(lightly_models.patchify(images, 4), removed)
    if normalize:
        target = lightly_models.normalize_mean_var(target, dim=-1)
    expected = torch.nn.functional.mse_loss(lightly_models.get_at_index(prediction, removed), target)
    mask = torch.zeros(5, 16).scatter(1, removed, 1.0)
    value = masked_pixels(prediction, images, mask, 4, normalize)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    ours, theirs = (torch.autograd.grad(v, [prediction])[0] for v in (value, expected))
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.parametrize("size", [4, 8])
def test_zero_prediction_costs_p_minus_1_over_p_whatever_is_removed(size):
    images = torch.rand(4, 3, 16, 16)
    numbers = 3 * size * size
    for seed in range(3):
        mask = torch.rand(4, (16 // size) ** 2, generator=torch.Generator().manual_seed(seed)) < 0.7
        mask[0, 0] = True
        value = masked_pixels(torch.zeros(4, mask.shape[1], numbers), images, mask, size)
        assert value.item() == pytest.approx((numbers - 1) / numbers, rel=1e-4)


def test_perfect_prediction_costs_nothing_and_flat_patches_are_zeros():
    _, images, mask, size = draw()
    patches = patchify(images, size)
    assert masked_pixels(patches, images, mask, size, normalize=False).item() == 0
    assert masked_pixels(standardise_patches(patches)[0], images, mask, size).item() == 0
    flat = torch.full_like(images, 0.3)
    assert masked_pixels(torch.zeros_like(patches), flat, mask, size).item() < 1e-6


def test_standardised_patches_come_back():
    patches = patchify(torch.rand(2, 3, 8, 8), 4)
    standardised, mean, std = standardise_patches(patches)
    assert torch.allclose(standardised * std + mean, patches, atol=1e-6)
    assert torch.allclose(std, (patches.var(dim=2, keepdim=True) + 1e-6).sqrt(), rtol=1e-5)
    assert standardised.mean(2).abs().max() < 1e-5


def test_every_removed_patch_counts_the_same_not_every_image():
    prediction = torch.zeros(2, 6, 12)
    prediction[0] = 1.0  # error 1 in image 0, which lost three patches; error 0 in image 1, which lost one
    value = masked_pixels(prediction, torch.zeros(2, 3, 4, 6), MASK, 2, normalize=False)
    assert value.item() == pytest.approx(3 / 4)


def test_order_of_the_batch_and_visible_patches_do_not_matter():
    prediction, images, mask, size = draw(batch=5)
    value = masked_pixels(prediction, images, mask, size)
    order = torch.randperm(5)
    assert torch.allclose(masked_pixels(prediction[order], images[order], mask[order], size), value)
    noise = torch.randn_like(prediction) * (1 - mask)[:, :, None]
    assert torch.allclose(masked_pixels(prediction + noise, images, mask, size), value)
    assert torch.allclose(masked_pixels(prediction, images, mask.bool(), size), value)


def test_images_get_no_gradient():
    prediction, images, mask, size = draw()
    images.requires_grad_()
    gradient = torch.autograd.grad(
        masked_pixels(prediction, images, mask, size), [prediction, images], allow_unused=True
    )
    assert gradient[0] is not None
    assert gradient[1] is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_float32_inside_whatever_comes_in(dtype):
    prediction, images, mask, size = draw()
    prediction, images = prediction.detach().to(dtype), images.to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = masked_pixels(prediction, images, mask, size)
    assert value.dtype == torch.float32
    expected = masked_pixels_loop(prediction, images, mask, size).item()
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_duplicated_images_are_finite():
    prediction, images, mask, size = draw()
    same = images[:1].expand(3, -1, -1, -1)
    masked_pixels(prediction, same, mask, size).backward()
    assert torch.isfinite(prediction.grad).all()


def test_no_graph_breaks_and_the_same_value_and_gradient():
    prediction, images, mask, size = draw()
    torch._dynamo.reset()
    report = torch._dynamo.explain(masked_pixels)(prediction, images, mask, size)
    assert report.graph_break_count == 0, report.break_reasons
    torch._dynamo.reset()
    compiled = torch.compile(masked_pixels, fullgraph=True, backend="aot_eager")
    eager, traced = masked_pixels(prediction, images, mask, size), compiled(prediction, images, mask, size)
    assert torch.allclose(eager, traced, rtol=1e-6)
    ours, theirs = (torch.autograd.grad(value, [prediction])[0] for value in (eager, traced))
    assert torch.allclose(ours, theirs, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: masked_pixels(ZEROS[:, :5], IMAGES, MASK, 2), ValueError, r"prediction is \(2, 5, 12\)"),
        (lambda: masked_pixels(ZEROS, IMAGES, MASK[:, :5], 2), ValueError, r"mask is \(2, 5\); one number"),
        (lambda: masked_pixels(ZEROS, IMAGES, 0 * MASK, 2), ValueError, "mask is 0 everywhere"),
        (lambda: masked_pixels(ZEROS, IMAGES, MASK, 4), ValueError, "H and W multiples of patch_size"),
        (lambda: masked_pixels(ZEROS, IMAGES[0], MASK, 2), ValueError, r"images has shape \(3, 4, 6\)"),
        (lambda: masked_pixels(ZEROS, IMAGES.byte(), MASK, 2), TypeError, "images is torch.uint8"),
        (lambda: masked_pixels(ZEROS.tolist(), IMAGES, MASK, 2), TypeError, "prediction is a list"),
        (lambda: masked_pixels(ZEROS / 0, IMAGES, MASK, 2), NotFiniteError, "prediction has NaN .* 2 of"),
        (lambda: unpatchify(ZEROS, 2, (2, 2)), ValueError, "grid of 2 x 2"),
        (lambda: unpatchify(ZEROS, 5, (2, 3)), ValueError, "5 x 5 pixels"),
        (lambda: patchify(IMAGES, 0), ValueError, "patch_size is 0"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


RANKS, BATCH = 2, 3


def joint_data():
    prediction, images, mask, size = draw(batch=RANKS * BATCH, seed=3)
    mask[:BATCH, 2:] = 0  # the ranks lose different numbers of patches
    return prediction.detach(), images, mask, size


def value_and_gradient(prediction, images, mask, size, weight):
    weight = weight.clone().requires_grad_()
    value = masked_pixels(prediction * weight, images, mask, size)
    value.backward()
    return value.detach(), weight.grad


def one_rank(rank):
    prediction, images, mask, size = joint_data()
    mine = slice(rank * BATCH, (rank + 1) * BATCH)
    weight = torch.linspace(0.5, 1.5, prediction.shape[2])
    value, gradient = value_and_gradient(prediction[mine], images[mine], mask[mine], size, weight)
    dist.all_reduce(gradient)
    return (value, gradient / RANKS)


@pytest.mark.slow
def test_two_ranks_with_different_masks_equal_one_process_on_the_joint_batch(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    prediction, images, mask, size = joint_data()
    assert mask[:BATCH].sum() != mask[BATCH:].sum()
    weight = torch.linspace(0.5, 1.5, prediction.shape[2])
    value, gradient = value_and_gradient(prediction, images, mask, size, weight)
    assert math.isfinite(value)
    for rank in range(RANKS):
        ours, theirs = results[rank]
        assert torch.allclose(ours, value, rtol=1e-5)
        assert (theirs - gradient).abs().max() <= 1e-5 * gradient.abs().max()
