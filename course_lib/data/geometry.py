"""Where pixels go: crops, flips and rotations of a batch, each image with its own draw."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.data.checks import augmentation, check_probability, check_range, check_size
from course_lib.data.draws import coins, integers, per_image, rows_of, uniform

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

    Area uniform in `scale` (fractions of the image), log of the aspect ratio uniform in log `ratio`; up to
    ten tries until the box fits, then the largest central box whose ratio is allowed.
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


@dataclass(frozen=True)
class Crops:
    """Crops worked out for a batch but not cut yet; slicing gives those of some of the images.

    rows (B, h), columns (B, w): where the new pixels lie in the image, in pixels, a pixel's own centre being
    an integer. boxes: (B, 4) top, left, height, width. average: True averages over what each pixel covers.
    """

    boxes: Tensor
    rows: Tensor
    columns: Tensor
    average: Tensor  # (B,) bool, on the CPU

    def __getitem__(self, part: slice | Tensor) -> Crops:
        here = part.cpu() if isinstance(part, Tensor) else part
        return Crops(self.boxes[part], self.rows[part], self.columns[part], self.average[here])

    def to(self, device: torch.device) -> Crops:
        """The same crops for images on `device`, in float32."""
        boxes, rows, columns = (
            t.to(device, torch.float32, non_blocking=True) for t in (self.boxes, self.rows, self.columns)
        )
        return Crops(boxes, rows, columns, self.average)


def plan_crops(
    boxes: Tensor, size: tuple[int, int], flip: Tensor | None = None, antialias: bool = True
) -> Crops:
    """Where the pixels of each crop come from; arguments as in `crop_resize`."""
    top, left, box_h, box_w = boxes.double().unbind(1)
    down = torch.arange(size[0], dtype=torch.float64, device=boxes.device) + 0.5
    across = (torch.arange(size[1], dtype=torch.float64, device=boxes.device) + 0.5).expand(len(boxes), -1)
    if flip is not None:
        across = torch.where(flip[:, None], size[1] - across, across)
    rows = top[:, None] + down * (box_h / size[0])[:, None] - 0.5
    columns = left[:, None] + across * (box_w / size[1])[:, None] - 0.5
    shrinks = (box_h > size[0]) | (box_w > size[1])
    return Crops(boxes, rows, columns, (shrinks if antialias else torch.zeros_like(shrinks)).cpu())


def cut(images: Tensor, crops: Crops) -> Tensor:
    """Resample images (B, 3, H, W) at planned crops on the same device -> (B, 3, h, w)."""
    if not crops.average.any():
        return _interpolate(images, crops)
    if crops.average.all():
        return _average(images, crops)
    out = images.new_empty(len(images), 3, crops.rows.shape[1], crops.columns.shape[1])
    for mask, resample in ((crops.average, _average), (~crops.average, _interpolate)):
        rows = rows_of(mask, images.device)
        out.index_copy_(
            0, rows, resample(images.index_select(0, rows), crops[rows_of(mask, crops.rows.device)])
        )
    return out


def _interpolate(images: Tensor, crops: Crops) -> Tensor:
    top, left, height, width = crops.boxes[:, :, None].unbind(1)  # (B, 1) each
    # torchvision cuts first and resizes then, so a new pixel must never see beyond the box's own edge
    rows = crops.rows.clamp(top, top + height - 1)
    columns = crops.columns.clamp(left, left + width - 1)
    grid = images.new_empty(len(images), rows.shape[1], columns.shape[1], 2)
    # grid_sample's units: the image spans [-1, 1]
    grid[..., 0] = columns.mul_(2).add_(1).div_(images.shape[3]).sub_(1)[:, None, :]
    grid[..., 1] = rows.mul_(2).add_(1).div_(images.shape[2]).sub_(1)[:, :, None]
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _average(images: Tensor, crops: Crops) -> Tensor:
    top, left, height, width = crops.boxes[:, :, None].unbind(1)  # (B, 1) each
    down = _triangle(crops.rows, top, height, images.shape[2])  # (B, h, H)
    across = _triangle(crops.columns, left, width, images.shape[3])  # (B, w, W)
    return down[:, None] @ (images @ across[:, None].transpose(2, 3))  # (B, 3, h, w)


def _triangle(centres: Tensor, start: Tensor, length: Tensor, pixels: int) -> Tensor:
    """Weight of every source pixel in every new one: a triangle two new pixels wide, inside the box."""
    place = torch.arange(pixels, device=centres.device)  # (pixels,)
    radius = (length / centres.shape[1]).clamp(min=1.0)  # an enlarged axis interpolates neighbours
    weights = (1 - (place - centres[:, :, None]).abs() / radius[:, :, None]).clamp_(min=0)
    inside = (place >= start) & (place < start + length)  # (B, pixels)
    weights = weights * inside[:, None, :]
    return weights / weights.sum(2, keepdim=True)


def crop_resize(
    images: Tensor,
    boxes: Tensor,
    size: int | tuple[int, int],
    flip: Tensor | None = None,
    antialias: bool = True,
) -> Tensor:
    """Cut a box out of each image, resize it bilinearly to `size` and mirror it where `flip` is True.

    images: (B, 3, H, W) float32; boxes: (B, 4) top, left, height, width in pixels; flip: (B,) bool.
    Equal to torchvision's resized_crop (then hflip) to float32 rounding. With `antialias` (torchvision's
    default) a box larger than `size` is averaged over what each new pixel covers, through one small matrix
    per image and axis; a box that is only enlarged needs no averaging and is one call of grid_sample, as is
    everything with antialias=False.
    """
    return cut(images, plan_crops(boxes, check_size(size, "crop_resize"), flip, antialias).to(images.device))


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

    images: (B, 3, H, W) float in [0, 1] -> (B, 3, h, w). The law of the box: see `draw_boxes`.
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
