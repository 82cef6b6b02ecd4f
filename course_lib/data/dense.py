"""The world with a label for every pixel, and two more test sets that ask how far an accuracy carries."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from course_lib.data.imageset import ImageSet
from course_lib.world import World, WorldConfig


@dataclass(frozen=True)
class DenseSet:
    """images (N, 3, H, W) uint8; segmentation (N, H, W) int64, 0 background, 1 + k for kind k, named by
    `classes`; depth (N, H, W) float32; masks: per image (K, H, W) bool, the visible part of each object."""

    images: Tensor
    segmentation: Tensor
    depth: Tensor
    masks: list[Tensor]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.images)


def load_dense(split: str = "train", length: int = 1000, config: WorldConfig | None = None) -> DenseSet:
    """The first `length` scenes of a split of the world with every pixel's kind and depth.

    The images are those of `load("world", split)` when no config is given. Raises ValueError for a bad split
    or length.
    """
    if not isinstance(length, int) or length < 1:
        raise ValueError(f"load_dense: length is {length!r}; a whole number of at least 1 is needed.")
    world = World(config, split)
    kinds = world.config.kinds
    images, maps, depths, masks = [], [], [], []
    for index in range(length):
        scene = world.scene(index)
        drawn = world.render(scene)
        owner = np.zeros(drawn.depth.shape, np.int64)
        for thing, mask in zip(scene.objects, drawn.masks, strict=True):  # visible parts never overlap
            owner[mask] = 1 + kinds.index(thing.kind)
        images.append(drawn.image.transpose(2, 0, 1))
        maps.append(owner)
        depths.append(drawn.depth)
        masks.append(torch.from_numpy(drawn.masks))
    return DenseSet(
        torch.from_numpy(np.stack(images)),
        torch.from_numpy(np.stack(maps)),
        torch.from_numpy(np.stack(depths)),
        masks,
        ["background", *kinds],
    )


def relabelled(length: int = 1000, config: WorldConfig | None = None) -> tuple[ImageSet, Tensor]:
    """(test set, (N, classes) bool): every kind that can be seen, where the ordinary label names one of them.

    The question of ImageNet's re-assessed labels (Beyer et al. 2020, arXiv:2006.07159): which of a
    classifier's mistakes are answers that the label forgot? See `evaluate.any_label_accuracy`.
    """
    dense = load_dense("test", length, config)
    present = torch.stack(
        [(dense.segmentation == 1 + k).flatten(1).any(dim=1) for k in range(len(dense.classes) - 1)], dim=1
    )
    world = World(config, "test")
    labels = np.array([world.label(world.scene(index)) for index in range(length)])
    return ImageSet(dense.images.numpy(), labels, dense.classes[1:], "world, re-labelled", "test"), present


def recollected(length: int = 1000, config: WorldConfig | None = None, harder: float = 0.0) -> ImageSet:
    """A test set drawn anew by the same recipe, as ImageNetV2 was (Recht et al. 2019, arXiv:1902.10811).

    Another seed of the world; `harder` in [0, 1] is added to its nuisance (light, noise, tilt): 0 repeats the
    recipe exactly, so that a drop means over-fitting to one test set; above 0 the recipe has drifted.
    """
    config = config or WorldConfig()
    if not 0 <= harder <= 1:
        raise ValueError(f"recollected: harder is {harder}; a number from 0 to 1 is needed.")
    other = replace(config, seed=config.seed + 1, nuisance=min(1.0, config.nuisance + harder))
    world = World(other, "test")
    scenes = [world.scene(index) for index in range(length)]
    images = np.stack([world.image(scene).transpose(2, 0, 1) for scene in scenes])
    labels = np.array([world.label(scene) for scene in scenes])
    return ImageSet(images, labels, list(other.kinds), "world, re-collected", "test")
