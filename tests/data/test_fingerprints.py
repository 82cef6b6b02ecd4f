"""Images are told apart by their pixels, and known again wherever they lie."""

import pytest
import torch

from course_lib.data.fingerprints import fingerprints


def pictures(number, side=12):
    return torch.randint(
        0, 256, (number, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def test_equals_python_integers_modulo_two_to_the_64():
    images = pictures(3, 4)
    basis = torch.zeros(48, 3, 4, 4, dtype=torch.uint8).flatten(1).fill_diagonal_(1).view(48, 3, 4, 4)
    numbers = fingerprints(basis).tolist()  # what each pixel is multiplied by
    for image, found in zip(images, fingerprints(images).tolist(), strict=True):
        total = sum(pixel * number for pixel, number in zip(image.flatten().tolist(), numbers, strict=True))
        assert (total - found) % 2**64 == 0


def test_the_numbers_are_large_and_always_the_same():
    one = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    one[0, 0, 0, 0] = 1
    assert fingerprints(one).item() == 900450186894289455  # as in every checkpoint written so far
    assert fingerprints(torch.zeros_like(one)).item() == 0


def test_neither_the_batch_nor_the_memory_layout_matters():
    images = pictures(10)
    whole = fingerprints(images)
    assert torch.equal(torch.cat([fingerprints(part) for part in images.split(3)]), whole)
    assert torch.equal(fingerprints(images.to(memory_format=torch.channels_last)), whole)
    assert torch.equal(fingerprints(images.flip(0)), whole.flip(0))


def test_one_pixel_by_one_step_or_two_pixels_swapped_make_another_image():
    image = pictures(1, 6)
    near = image.repeat(108, 1, 1, 1)
    near.flatten(1).diagonal().add_(1)  # wraps around at 255
    swapped = image.repeat(107, 1, 1, 1)
    for i, row in enumerate(swapped.flatten(1)):
        row[[i, i + 1]] = row[[i + 1, i]]
    every = torch.cat([image, near, swapped])
    assert len(fingerprints(every).unique()) == len(every.flatten(1).unique(dim=0))


def test_many_pictures_do_not_collide():
    assert len(fingerprints(pictures(20_000, 4)).unique()) == 20_000


def test_floats_are_refused():
    with pytest.raises(TypeError, match="float32; give uint8"):
        fingerprints(torch.rand(2, 3, 4, 4))
