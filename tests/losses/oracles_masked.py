"""Masked prediction written out as loops in float64."""

import torch


def patch(image, row, column, size):
    """One patch of an image (3, H, W) as a list: pixel row, pixel column, channel."""
    return torch.stack(
        [
            image[channel, row * size + y, column * size + x]
            for y in range(size)
            for x in range(size)
            for channel in range(len(image))
        ]
    ).double()


def masked_pixels_loop(prediction, images, mask, size, normalize=True):
    """Section 3 of arXiv:2111.06377: mean over removed patches of the mean squared error of their pixels."""
    errors = []
    columns = images.shape[3] // size
    for b in range(len(images)):
        for n in range(mask.shape[1]):
            if not mask[b, n]:
                continue
            target = patch(images[b], n // columns, n % columns, size)
            if normalize:
                mean = target.sum() / len(target)
                variance = sum((x - mean) ** 2 for x in target) / (len(target) - 1)
                target = (target - mean) / (variance + 1e-6).sqrt()
            errors.append(((prediction[b, n].double() - target) ** 2).sum() / len(target))
    return sum(errors) / len(errors)
