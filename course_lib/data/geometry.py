"""Where pixels go: crops, flips and rotations of a batch, each image with its own draw."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .checks import augmentation, check_probability, check_range, check_size
from .draws import coins, integers, per_image, rows_of, uniform

SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)  # the Inception crop: area fraction, width / height


def draw_boxes(
    count: int,
    height: int,
    width: int,
    scale: tuple[float, float] = SCALE,
    ratio: tuple[float, float] = RATIO,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw crop boxes by the law of torchvision's RandomResizedCrop (Szegedy et al. 2015, section 6).

    Area uniform in `scale` (fractions of the image), log of the aspect ratio uniform in log `ratio`; up to ten
    tries until the box fits, then the largest central box whose ratio is allowed.
    Returns (count, 4) int64: top, left, height, width, in pixels, on the generator's device.
    Raises ValueError unless 0 < low <= high for `scale` and `ratio`.
    """
    scale = check_range(scale, "scale", "random_resized_crop")
    ratio = check_range(ratio, "ratio", "random_resized_crop")
    tries = (count, 10)
    area = uniform(tries, *scale, generator) * (height * width)
    aspect = uniform(tries, math.log(ratio[0]), math.log(ratio[1]), generator).exp()
    widths = (area * aspect).sqrt().round().long()
    heights = (area / aspect).sqrt().round().long()
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = fits.int().argmax(1, keepdim=True)  # index of the first try that fits (0 where none does)
    box_h, box_w = heights.gather(1, first)[:, 0], widths.gather(1, first)[:, 0]

    fallback_h, fallback_w = height, width
    if width / height < ratio[0]:
        fallback_h = round(width / ratio[0])
    elif width / height > ratio[1]:
        fallback_w = round(height * ratio[1])
    found = fits.any(1)
    box_h = torch.where(found, box_h, fallback_h)
    box_w = torch.where(found, box_w, fallback_w)
    top = torch.where(found, integers(height - box_h + 1, generator), (height - fallback_h) // 2)
    left = torch.where(found, integers(width - box_w + 1, generator), (width - fallback_w) // 2)
    return torch.stack((top, left, box_h, box_w), dim=1)


def crop_resize(
    images: Tensor,
    boxes: Tensor,
    size: int | tuple[int, int],
    flip: Tensor | None = None,
    antialias: bool = True,
) -> Tensor:
    """Cut a box out of each image, resize it bilinearly to `size` and mirror it where `flip` is True.

    images: (B, 3, H, W) float; boxes: (B, 4) top, left, height, width in pixels; flip: (B,) bool.
    Equal to torchvision's resized_crop (then hflip) to float32 rounding. With `antialias` (torchvision's
    default) a box larger than `size` is averaged over what each new pixel covers, through one small matrix
    per image and axis; a box that is enlarged needs no averaging and takes one call of grid_sample, as does
    everything with antialias=False.
    """
    height, width = check_size(size, "crop_resize")
    boxes = boxes.double()
    if flip is None:
        flip = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    shrinks = (boxes[:, 2] > height) | (boxes[:, 3] > width)
    if not antialias or not shrinks.any():
        return _sample(images, boxes, height, width, flip)
    if shrinks.all():
        return _average(images, boxes, height, width, flip)
    out = images.new_empty(len(images), 3, height, width)
    for mask, resize in ((shrinks, _average), (~shrinks, _sample)):
        rows = rows_of(mask, images.device)
        part = resize(images.index_select(0, rows), boxes[mask], height, width, flip[mask])
        out.index_copy_(0, rows, part)
    return out


def _centres(start: Tensor, length: Tensor, count: int, mirrored: Tensor | None = None) -> Tensor:
    """Centres of `count` new pixels in source pixel coordinates where a pixel's own centre is an integer."""
    steps = torch.arange(count, dtype=torch.float64, device=start.device) + 0.5  # (count,)
    steps = steps.expand(len(start), count)
    if mirrored is not None:
        steps = torch.where(mirrored[:, None], count - steps, steps)
    return start[:, None] + steps * (length / count)[:, None] - 0.5  # (B, count)


def _sample(images: Tensor, boxes: Tensor, height: int, width: int, flip: Tensor) -> Tensor:
    top, left, box_h, box_w = boxes.unbind(1)
    rows = _centres(top, box_h, height)
    columns = _centres(left, box_w, width, flip)
    # torchvision cuts first and resizes then, so a new pixel must never see beyond the box's own edge
    rows = rows.clamp(top[:, None], (top + box_h - 1)[:, None])
    columns = columns.clamp(left[:, None], (left + box_w - 1)[:, None])
    rows = (2 * rows + 1) / images.shape[2] - 1  # grid_sample's units: the image spans [-1, 1]
    columns = (2 * columns + 1) / images.shape[3] - 1
    grid = images.new_empty(len(images), height, width, 2)
    grid[..., 0] = columns.to(images.device, torch.float32, non_blocking=True)[:, None, :]
    grid[..., 1] = rows.to(images.device, torch.float32, non_blocking=True)[:, :, None]
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _average(images: Tensor, boxes: Tensor, height: int, width: int, flip: Tensor) -> Tensor:
    top, left, box_h, box_w = boxes.unbind(1)
    down = _triangle(_centres(top, box_h, height), top, box_h, images.shape[2])  # (B, h, H)
    across = _triangle(_centres(left, box_w, width, flip), left, box_w, images.shape[3])  # (B, w, W)
    down = down.to(images.device, torch.float32, non_blocking=True)
    across = across.to(images.device, torch.float32, non_blocking=True)
    return down[:, None] @ (images @ across[:, None].transpose(2, 3))  # (B, 3, h, w)


def _triangle(centres: Tensor, start: Tensor, length: Tensor, pixels: int) -> Tensor:
    """Weights of every source pixel in every new pixel: a triangle as wide as the new pixel, inside the box."""
    place = torch.arange(pixels, dtype=torch.float64, device=centres.device)  # (pixels,)
    radius = (length / centres.shape[1]).clamp(min=1.0)  # an enlarged axis interpolates neighbours
    weights = (1 - (place - centres[:, :, None]).abs() / radius[:, None, None]).clamp(min=0)
    inside = (place >= start[:, None]) & (place < (start + length)[:, None])  # (B, pixels)
    weights = weights * inside[:, None, :]
    return weights / weights.sum(2, keepdim=True)


@augmentation
def random_resized_crop(
    images: Tensor,
    size: int | tuple[int, int] | None = None,
    scale: tuple[float, float] = SCALE,
    ratio: tuple[float, float] = RATIO,
    antialias: bool = True,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Cut a random box out of each image and resize it to `size` (default: the size of the input).

    images: (B, 3, H, W) float in [0, 1] -> (B, 3, h, w). The law of the box is torchvision's, see `draw_boxes`.
    Raises ValueError for a bad shape, range, `scale`, `ratio` or `size`, TypeError for a wrong dtype.
    """
    height, width = images.shape[2:]
    boxes = draw_boxes(len(images), height, width, scale, ratio, generator)
    return crop_resize(images, boxes, (height, width) if size is None else size, antialias=antialias)


@augmentation
def horizontal_flip(images: Tensor, p: float = 0.5, generator: torch.Generator | None = None) -> Tensor:
    """Mirror each image left to right with probability p. images: (B, 3, H, W) float in [0, 1]."""
    check_probability(p, "horizontal_flip")
    flip = coins(len(images), p, generator).to(images.device)
    return torch.where(flip[:, None, None, None], images.flip(3), images)


@augmentation
def rotate90(
    images: Tensor,
    p: float = 1.0,
    turns: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Turn each square image counter-clockwise by 0, 90, 180 or 270 degrees, each equally likely.

    turns: (B,) int quarter turns, drawn when None (rotation prediction, Gidaris et al. 2018, needs to know
    them: draw them yourself and pass them). With probability 1 - p an image stays as it is.
    Raises ValueError when images are not square.
    """
    check_probability(p, "rotate90")
    if images.shape[2] != images.shape[3]:
        raise ValueError(
            f"rotate90: images are {tuple(images.shape[2:])}; a quarter turn needs square images."
        )
    if turns is None:
        turns = integers(
            torch.full((len(images),), 4.0, device=generator.device if generator else "cpu"), generator
        )
    turns = torch.as_tensor(turns)
    if p < 1:
        turns = turns * coins(len(images), p, generator).to(turns.device)
    if tuple(turns.shape) != (len(images),):
        raise ValueError(
            f"rotate90: turns is {tuple(turns.shape)}; one quarter turn per image, ({len(images)},)."
        )
    turns = turns.to(images.device)[:, None, None, None] % 4
    out = images
    for quarter in (1, 2, 3):
        out = torch.where(turns == quarter, images.rot90(quarter, (2, 3)), out)
    return out


@augmentation
def rotate(
    images: Tensor, degrees: float = 30.0, p: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Turn each image about its centre by an angle uniform in [-degrees, degrees]; corners become black.

    images: (B, 3, H, W) float in [0, 1]; bilinear, same size; counter-clockwise for a positive angle.
    """
    check_probability(p, "rotate")
    if degrees < 0:
        raise ValueError(f"rotate: degrees is {degrees}; the largest angle, zero or more, is needed.")
    angles = uniform(len(images), -degrees, degrees, generator) * coins(len(images), p, generator)
    return rotate_by(images, angles)


def rotate_by(images: Tensor, angles: Tensor) -> Tensor:
    """Turn image i counter-clockwise by angles[i] degrees. angles: (B,). See `rotate`."""
    height, width = images.shape[2:]
    radians = per_image(torch.deg2rad(angles), images)[..., 0]  # (B, 1, 1)
    y = torch.arange(height, device=images.device)[:, None] - (height - 1) / 2
    x = torch.arange(width, device=images.device)[None, :] - (width - 1) / 2
    source_x = radians.cos() * x - radians.sin() * y  # (B, H, W), the inverse turn (y points down)
    source_y = radians.sin() * x + radians.cos() * y
    grid = torch.stack((source_x * (2 / width), source_y * (2 / height)), dim=3)
    turned = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return turned.clamp_(0, 1)
