"""Two SimCLR views of a batch: ours, kornia, and torchvision per sample.

Run: python benchmarks/augmentation.py

All draw from the same distributions: crop 0.08-1, flip, colour jitter at strength 0.5 in random order with
probability 0.8, grey with probability 0.2 (SimCLR for small images). Input: uint8 pictures of 48 px (tensors,
or PIL for torchvision's PIL path); output: two float32 batches. One thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from harness import RESULTS, Candidate, compare
from torch import Tensor

from course_lib.data import TwoViews, as_float

SIDE, BATCH = 48, 256
PER_SAMPLE = 64  # images for the per-sample transforms: their cost per image does not depend on the batch
CROP, JITTER = (0.08, 1.0), (0.4, 0.4, 0.4, 0.1)


def pictures(count: int) -> Tensor:
    """Smooth random pictures (count, 3, SIDE, SIDE) uint8: colours like a photo's, none of it noise."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(count, 3, 6, 6, generator=generator)
    return torch.nn.functional.interpolate(small, SIDE, mode="bicubic").clamp(0, 1).mul(255).to(torch.uint8)


def torchvision_tensor() -> Callable:
    """torchvision v2 on one uint8 tensor, converted to float32 at the end (its recommended order)."""
    from torchvision.transforms import v2

    return v2.Compose([*_torchvision_steps(), v2.ToDtype(torch.float32, scale=True)])


def torchvision_pil() -> Callable:
    """torchvision v2 on one PIL image."""
    from torchvision.transforms import v2

    return v2.Compose([*_torchvision_steps(), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)])


def _torchvision_steps() -> list:
    from torchvision.transforms import v2

    return [
        v2.RandomResizedCrop(SIDE, scale=CROP, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(*JITTER)], p=0.8),
        v2.RandomGrayscale(0.2),
    ]


def kornia_views() -> Callable[[Tensor], list[Tensor]]:
    """kornia's batched modules. Its jitter draws one order of colour changes per batch, not per image."""
    from kornia import augmentation as K

    pipeline = K.AugmentationSequential(
        K.RandomResizedCrop((SIDE, SIDE), scale=CROP),
        K.RandomHorizontalFlip(),
        K.ColorJitter(*JITTER, p=0.8),
        K.RandomGrayscale(p=0.2),
        data_keys=["input"],
    )
    return lambda images: [pipeline(as_float(images)) for _ in range(2)]


def main(rounds: int = 9, results: Path = RESULTS) -> dict:
    """Run the comparison on one thread and write results/augmentation.json and .md."""
    from torchvision.transforms.v2.functional import to_pil_image

    torch.set_num_threads(1)
    images = pictures(BATCH)
    tensors = list(images[:PER_SAMPLE])
    pils = [to_pil_image(image) for image in tensors]
    ours, kornia = TwoViews("simclr"), kornia_views()
    per_tensor, per_pil = torchvision_tensor(), torchvision_pil()

    def per_sample(transform: Callable, items: list) -> list[Tensor]:
        return [torch.stack([transform(item) for item in items]) for _ in range(2)]

    candidates = {
        "course_lib TwoViews": Candidate(lambda: ours(images), BATCH),
        "kornia, batched": Candidate(lambda: kornia(images), BATCH),
        "torchvision v2, one PIL image at a time": Candidate(lambda: per_sample(per_pil, pils), PER_SAMPLE),
        "torchvision v2, one tensor at a time": Candidate(
            lambda: per_sample(per_tensor, tensors), PER_SAMPLE
        ),
    }
    return compare(
        "augmentation",
        candidates,
        reference="course_lib TwoViews",
        unit="images",
        rounds=rounds,
        note=f"Two SimCLR views (crop, flip, colour jitter, grey) of {SIDE} px images; an image counts once "
        f"for both of its views. Batches of {BATCH}.",
        results=results,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    from harness import markdown

    print(markdown(main(parser.parse_args().rounds)))
