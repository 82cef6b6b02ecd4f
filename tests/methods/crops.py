"""Crops and pictures for the tests of methods that see several crops of an image."""

import torch


def crops(images, generator=None):
    """Two noisy views of 16 pixels and two of 8; the draws come from the generator."""
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    noisy = [0.7 * images + 0.3 * torch.rand(images.shape, generator=generator) for _ in range(4)]
    return noisy[:2] + [view[..., :8, :8] for view in noisy[2:]]


def colours(number=32):
    """Pictures of one colour each, uint8 (number, 3, 16, 16)."""
    colour = torch.rand(number, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    return (255 * colour.expand(-1, -1, 16, 16)).to(torch.uint8).contiguous()


def entropy(p):
    """Of each row of probabilities (..., K), in nats."""
    return -(p * p.clamp_min(1e-30).log()).sum(dim=-1)
