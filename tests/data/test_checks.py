"""What every augmentation must do: refuse bad input, ignore autocast, draw where the generator lives."""

import pytest
import torch

from course_lib.data import augment
from course_lib.data.augment import __all__ as NAMES

FUNCTIONS = [getattr(augment, name) for name in NAMES]
each = pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)


@each
@pytest.mark.parametrize(
    ("images", "error", "sentence"),
    [
        ([[0.0]], TypeError, "images is a list; a float tensor"),
        (
            torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
            TypeError,
            r"images is torch.uint8; .* use course_lib.data.as_float",
        ),
        (torch.zeros(3, 8, 8), ValueError, r"images is \(3, 8, 8\); a batch .* use images\[None\]"),
        (
            torch.zeros(2, 8, 8, 3),
            ValueError,
            r"images is \(2, 8, 8, 3\); .* use images.permute\(0, 3, 1, 2\)",
        ),
        (torch.zeros(2, 1, 8, 8), ValueError, r"images is \(2, 1, 8, 8\); a batch \(B, 3, H, W\) of RGB"),
        (torch.zeros(0, 3, 8, 8), ValueError, r"images is \(0, 3, 8, 8\); the batch holds no pixels"),
        (torch.full((1, 3, 8, 8), 255.0), ValueError, "values of images run from 255 to 255"),
        (
            torch.full((1, 3, 8, 8), -1.5),
            ValueError,
            "values of images run from -1.5 to -1.5; .* Do not normalise",
        ),
        (torch.full((1, 3, 8, 8), float("nan")), ValueError, "values of images run from nan"),
    ],
)
def test_bad_batches_get_a_sentence_that_names_the_function(function, images, error, sentence):
    with pytest.raises(error, match=f"{function.__name__}: {sentence}"):
        function(images)


@each
def test_a_seed_gives_the_same_images_and_none_is_changed_in_place(function):
    images = torch.rand(40, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    before = images.clone()
    runs = [function(images, generator=torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)]
    assert torch.equal(runs[0], runs[1])
    assert torch.equal(images, before)
    assert all(run.dtype == torch.float32 and run.min() >= 0 and run.max() <= 1 for run in runs)
    if function.__name__ != "sobel":  # the only one that draws nothing
        assert not torch.equal(runs[0], runs[2])


@each
def test_autocast_changes_nothing(function):
    images = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    plain = function(images, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        cast = function(images, generator=torch.Generator().manual_seed(0))
    assert torch.equal(plain, cast)


@each
def test_a_batch_of_one_gives_no_gradient_and_float32(function):
    image = torch.rand(1, 3, 9, 9).bfloat16().requires_grad_()
    out = function(image)
    assert out.shape == (1, 3, 9, 9)
    assert out.dtype == torch.float32
    assert not out.requires_grad


@pytest.mark.parametrize("name", [name for name in NAMES if name != "rotate90"])
def test_rectangles_keep_their_shape(name):
    assert getattr(augment, name)(torch.rand(3, 3, 9, 14)).shape == (3, 3, 9, 14)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU in this machine")
@each
def test_images_on_a_gpu_and_draws_on_the_cpu(function):
    images = torch.rand(40, 3, 12, 12)
    seeds = [torch.Generator().manual_seed(3) for _ in range(2)]
    here, there = function(images, generator=seeds[0]), function(images.cuda(), generator=seeds[1])
    torch.testing.assert_close(there.cpu(), here, atol=1e-4, rtol=0)
    assert function(images.cuda(), generator=torch.Generator("cuda")).is_cuda


def test_autocast_leaves_an_averaging_crop_exact():
    """A crop that shrinks is a matrix product, which autocast would otherwise round to 8 bits."""
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    crops = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            seed = torch.Generator().manual_seed(0)
            crops.append(augment.random_resized_crop(images, 8, scale=(0.5, 1.0), generator=seed))
    assert torch.equal(*crops)
