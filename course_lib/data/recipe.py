"""Recipes: which random changes make a view, and the function that makes views by one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from course_lib.data.checks import check_probability, check_range
from course_lib.data.color import draw_jitter, grayscale_, group_by_order, jitter_
from course_lib.data.draws import coins, uniform
from course_lib.data.filters import blur_, blur_kernel_size
from course_lib.data.geometry import RATIO, cut, draw_boxes, plan_crops
from course_lib.data.imageset import as_float


@dataclass(frozen=True)
class Recipe:
    """The random changes that make one view, in the order in which they happen; p = probability per image."""

    crop_scale: tuple[float, float] = (0.08, 1.0)  # area of the crop as a fraction of the image
    flip_p: float = 0.5
    gray_first: bool = False  # MoCo v1 takes the colour out before it jitters
    jitter: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 0.2)  # brightness, contrast, saturation, hue
    jitter_p: float = 0.8
    gray_p: float = 0.2
    blur_p: float = 0.5
    blur_sigma: tuple[float, float] = (0.1, 2.0)  # pixels
    solarize_p: float = 0.0

    def __post_init__(self):
        check_range(self.crop_scale, "crop_scale", "Recipe")
        check_range(self.blur_sigma, "blur_sigma", "Recipe")
        for field in fields(self):
            if field.name.endswith("_p"):
                check_probability(getattr(self, field.name), f"Recipe.{field.name}")
        draw_jitter(0, *self.jitter, self.jitter_p, None)  # raises for a strength that is out of range


POLICIES = {
    "simclr": Recipe(),  # Chen et al. 2020, arXiv:2002.05709, appendix A
    "moco_v1": Recipe(  # He et al. 2020, arXiv:1911.05722, section 3.3
        crop_scale=(0.2, 1.0), gray_first=True, jitter=(0.4, 0.4, 0.4, 0.4), jitter_p=1.0, blur_p=0.0
    ),
    "moco_v2": Recipe(  # Chen et al. 2020, arXiv:2003.04297
        crop_scale=(0.2, 1.0), jitter=(0.4, 0.4, 0.4, 0.1), jitter_p=0.8
    ),
    "small": Recipe(  # our own, for a minute on small images: SimCLR's colours at half strength, milder crops
        crop_scale=(0.6, 1.0), jitter=(0.4, 0.4, 0.4, 0.1), blur_p=0.0
    ),
}
# two unequal views: one always blurred, one rarely and at times solarised (BYOL, arXiv:2006.07733, table 6)
_ALWAYS_BLURRED = Recipe(jitter=(0.4, 0.4, 0.2, 0.1), blur_p=1.0)
ASYMMETRIC = (_ALWAYS_BLURRED, replace(_ALWAYS_BLURRED, blur_p=0.1, solarize_p=0.2))


def make_views(
    images: Tensor,
    recipe: Recipe,
    size: tuple[int, int],
    count: int = 2,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """`count` random views of each image: (B, 3, H, W) uint8 or float in [0, 1] -> float32 (B, 3, *size).

    All views are made together. Crop and flip are one resampling; views that drew the same order of colour
    changes lie side by side and share whole-batch operations, in groups small enough for the cache.
    """
    batch, _, height, width = images.shape
    total = batch * count  # view v of image i is row v * batch + i
    boxes = draw_boxes(total, height, width, recipe.crop_scale, RATIO, generator)
    flip = coins(total, recipe.flip_p, generator)
    factors, order = draw_jitter(total, *recipe.jitter, recipe.jitter_p, generator)
    gray = coins(total, recipe.gray_p, generator).cpu()

    rows, groups = group_by_order(order)
    drawn = rows.to(boxes.device)  # everything below comes in the groups' order
    crops = plan_crops(boxes[drawn], size, flip[drawn]).to(images.device)
    factors, gray = factors[drawn].to(images.device, torch.float32), gray[rows]
    rows = rows.to(images.device)
    sources = rows % batch
    views = torch.empty(total, 3, *size, device=images.device)
    for steps, group in groups:
        part = cut(as_float(images.index_select(0, sources[group])), crops[group])
        if recipe.gray_first:
            grayscale_(part, gray[group])
        jitter_(part, factors[group], steps, recipe.jitter)
        if not recipe.gray_first:
            grayscale_(part, gray[group])
        views.index_copy_(0, rows[group], part)

    if recipe.blur_p > 0:
        sigma = uniform(total, *recipe.blur_sigma, generator)
        blur_(views, sigma, coins(total, recipe.blur_p, generator), blur_kernel_size(*size))
    if recipe.solarize_p > 0:
        chosen = coins(total, recipe.solarize_p, generator).to(views.device)[:, None, None, None]
        views = torch.where(chosen & (views >= 0.5), 1 - views, views)
    return list(views.split(batch))


def describe(recipe: Recipe) -> str:
    """The recipe in words, in the order in which things happen."""
    gray = f"grey p={recipe.gray_p:g}"
    jitter = "colour jitter ({}) p={:g}".format(", ".join(f"{s:g}" for s in recipe.jitter), recipe.jitter_p)
    steps = ["crop {:g}-{:g} of the area".format(*recipe.crop_scale), f"flip p={recipe.flip_p:g}"]
    steps += [gray, jitter] if recipe.gray_first else [jitter, gray]
    if recipe.blur_p:
        steps.append("blur sigma {:g}-{:g} px p={:g}".format(*recipe.blur_sigma, recipe.blur_p))
    if recipe.solarize_p:
        steps.append(f"solarise p={recipe.solarize_p:g}")
    return " > ".join(steps)
