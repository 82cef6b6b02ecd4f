"""Views: what a batch of images becomes before a self-supervised method sees it.

`TwoViews(policy)` gives two random views of each image, `MultiCrop` a few large and several small ones.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from course_lib.data.checks import check_batch, check_range, check_shape, check_size
from course_lib.data.recipe import ASYMMETRIC, POLICIES, Recipe, describe, make_views

SMALL = 64  # pixels; below it a policy takes the paper's settings for small images


def _recipe(policy: str | Recipe, side: int, strength: float | None, blur: bool | None) -> Recipe:
    """The policy at this image size: see `TwoViews` for what happens to small images."""
    if isinstance(policy, Recipe):
        recipe, scaled = policy, 1.0 if strength is None else strength
    else:
        recipe = POLICIES[policy]
        scaled = strength if strength is not None else (0.5 if policy == "simclr" and side < SMALL else 1.0)
        if blur is None and side < SMALL:
            blur = False
    if blur is not None:
        recipe = replace(recipe, blur_p=(recipe.blur_p or 0.5) if blur else 0.0)
    # a hue shift of half a turn either way already reaches every hue
    brightness, contrast, saturation, hue = (strength * scaled for strength in recipe.jitter)
    return replace(recipe, jitter=(brightness, contrast, saturation, min(hue, 0.5)))


def _sides(images: Tensor) -> tuple[int, int]:
    return images.shape[2], images.shape[3]


def _check_policy(policy: str | Recipe, where: str) -> None:
    if not isinstance(policy, Recipe) and policy not in POLICIES:
        names = ", ".join(repr(name) for name in POLICIES)
        raise ValueError(f"{where}: policy is {policy!r}; {names} or a Recipe is needed.")


def _checked(images: Tensor, where: str) -> Tensor:
    if isinstance(images, Tensor) and images.dtype == torch.uint8:
        check_shape(images, where)
        return images
    return check_batch(images, where)


class TwoViews:
    """Two random views of each image, as SimCLR and MoCo need them.

    policy: "simclr", "moco_v1", "moco_v2" or a `Recipe`. size: side of the views in pixels (default: that of
    the images). strength: multiplies the colour jitter. blur: True or False overrides the policy.
    Below 64 pixels, unless `strength` or `blur` say otherwise, simclr jitters at strength 0.5 and no policy
    blurs: what SimCLR does on CIFAR-10 (appendix B.9).

    Calling it with images (B, 3, H, W), uint8 or float in [0, 1], gives [view 1, view 2], float32 in [0, 1].
    Raises ValueError for an unknown policy or a bad batch, TypeError for a wrong dtype.
    """

    def __init__(
        self,
        policy: str | Recipe = "simclr",
        size: int | tuple[int, int] | None = None,
        strength: float | None = None,
        blur: bool | None = None,
    ):
        _check_policy(policy, "TwoViews")
        if strength is not None and strength < 0:
            raise ValueError(f"TwoViews: strength is {strength}; zero (no colour change) or more is needed.")
        self.policy, self.strength, self.blur = policy, strength, blur
        self.size = None if size is None else check_size(size, "TwoViews")

    def recipe(self, size: int | tuple[int, int]) -> Recipe:
        """What is done to views of this size."""
        return _recipe(self.policy, min(check_size(size, "TwoViews")), self.strength, self.blur)

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[view 1, view 2] of a batch; all draws come from `generator` (torch's CPU generator when None)."""
        images = _checked(images, "TwoViews")
        size = self.size or _sides(images)
        recipe = self.recipe(size)
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return make_views(images, recipe, size, 2, generator)

    def __repr__(self) -> str:
        name = self.policy if isinstance(self.policy, str) else "Recipe"
        if self.size:
            return f"TwoViews({name!r}, size={self.size}): {describe(self.recipe(self.size))}"
        small, large = describe(self.recipe(SMALL - 1)), describe(self.recipe(SMALL))
        if small == large:
            return f"TwoViews({name!r}): {large}"
        return f"TwoViews({name!r}): {large}; images below {SMALL} px: {small}"


def default_views(images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
    """The two views that SimCLR learns from unless it is told otherwise; arguments as in `TwoViews`.

    From 64 pixels on these are the paper's, TwoViews("simclr"). Below, where a run lasts a minute on a CPU,
    they are TwoViews("small") of at most 32 pixels: a 48-pixel scene costs less than half of the time then.
    """
    side = min(_sides(_checked(images, "default_views")))
    views = TwoViews("simclr") if side >= SMALL else TwoViews("small", size=min(side, SMALL // 2))
    return views(images, generator)


def asymmetric_views(images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
    """BYOL's two unequal views (table 6): one always blurred, one rarely blurred and at times solarised.

    images: (B, 3, H, W), uint8 or float in [0, 1]. Below 64 pixels nothing is blurred, as in `TwoViews`.
    """
    images = _checked(images, "asymmetric_views")
    size = _sides(images)
    with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        blur = False if min(size) < SMALL else None
        recipes = [_recipe(recipe, min(size), None, blur) for recipe in ASYMMETRIC]
        return [view for recipe in recipes for view in make_views(images, recipe, size, 1, generator)]


class MultiCrop:
    """A few large and several small views of each image (SwAV: Caron et al. 2020, arXiv:2006.09882, 3.2).

    global_crops views at `size` whose crop covers `global_scale` of the area, then local_crops views at
    `local_size` (default: half of size) that cover `local_scale`. policy: one of `TwoViews`, or "dino": the
    large crops take turns as in `asymmetric_views`, and every second small one is blurred (Caron et al. 2021,
    arXiv:2104.14294). Other arguments as in `TwoViews`.
    Calling it with images gives a list of global_crops + local_crops batches, large ones first.
    """

    def __init__(
        self,
        global_crops: int = 2,
        local_crops: int = 4,
        size: int | tuple[int, int] | None = None,
        local_size: int | tuple[int, int] | None = None,
        global_scale: tuple[float, float] = (0.4, 1.0),
        local_scale: tuple[float, float] = (0.05, 0.4),
        policy: str | Recipe = "simclr",
        strength: float | None = None,
        blur: bool | None = None,
    ):
        if policy != "dino":
            _check_policy(policy, "MultiCrop")
        if global_crops < 1 or local_crops < 0:
            raise ValueError(
                f"MultiCrop: global_crops is {global_crops} and local_crops {local_crops}; "
                "at least 1 and 0 are needed."
            )
        self.global_crops, self.local_crops = global_crops, local_crops
        self.size = None if size is None else check_size(size, "MultiCrop")
        self.local_size = None if local_size is None else check_size(local_size, "MultiCrop")
        self.global_scale = check_range(global_scale, "global_scale", "MultiCrop")
        self.local_scale = check_range(local_scale, "local_scale", "MultiCrop")
        self.policy, self.strength, self.blur = policy, strength, blur

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """List of view batches, float32 in [0, 1]: the global ones, then the local ones."""
        images = _checked(images, "MultiCrop")
        size = self.size or _sides(images)
        local_size = self.local_size or (max(1, size[0] // 2), max(1, size[1] // 2))
        views = []
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            for recipe, count in self._large(min(size)):
                recipe = replace(recipe, crop_scale=self.global_scale)
                views += make_views(images, recipe, size, count, generator)
            if self.local_crops:
                recipe = replace(self._small(min(size)), crop_scale=self.local_scale)
                views += make_views(images, recipe, local_size, self.local_crops, generator)
        return views

    def _large(self, side: int) -> list[tuple[Recipe, int]]:
        """Recipes of the large crops, and how many follow each."""
        if self.policy != "dino":
            return [(_recipe(self.policy, side, self.strength, self.blur), self.global_crops)]
        return [(self._of(ASYMMETRIC[crop % 2], side), 1) for crop in range(self.global_crops)]

    def _small(self, side: int) -> Recipe:
        """Recipe of the small crops; whether they are blurred follows the size of the large ones."""
        if self.policy != "dino":
            return _recipe(self.policy, side, self.strength, self.blur)
        return self._of(replace(ASYMMETRIC[0], blur_p=0.5), side)

    def _of(self, recipe: Recipe, side: int) -> Recipe:
        return _recipe(
            recipe, side, self.strength, False if self.blur is None and side < SMALL else self.blur
        )

    def __repr__(self) -> str:
        name = self.policy if isinstance(self.policy, str) else "Recipe"
        (least, most), (local_least, local_most) = self.global_scale, self.local_scale
        large = f"{least:g}-{most:g} of the area at {self.size or 'the size of the image'}"
        small = f"{local_least:g}-{local_most:g} at {self.local_size or 'half of that'}"
        return (
            f"MultiCrop({name!r}): {self.global_crops} global crops, {large}, "
            f"{self.local_crops} local crops, {small}"
        )
