"""Pretext tasks: a question about an image whose answer is known because we made the question up.

They share one convention: `views(images, generator)` draws the answer, applies it, and returns
[inputs ..., answer] with the answer, int64, as the *last* entry; `scores(inputs ...)` gives one number per
possible answer; `loss(views)` is the cross-entropy between the two. So the answer travels with the images it
was drawn for, and a resumed run draws it again.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.ranks import mean_over_ranks
from course_lib.methods.base import Method


def answer_loss(method: Method, scores: Tensor, answer: Tensor) -> Tensor:
    """Cross-entropy of scores (B, C, ...) at answer (B, ...) int64, a float32 scalar; ln C for equal scores.

    On several ranks the value is the joint batch's. While a trainer runs, the share of right answers is
    logged as "accuracy".
    """
    scores = scores.float()
    if method._in_training:
        right = (scores.detach().argmax(dim=1) == answer).float().mean()
        method.log("accuracy", right, prog_bar=True)
    return mean_over_ranks(F.cross_entropy(scores, answer))


def cut_tiles(images: Tensor, tops: Tensor, lefts: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut T tiles out of each image, pixel by pixel, without resampling.

    images: (B, C, H, W). tops, lefts: (B, T) int64, the upper left corners. size: (height, width) of a tile.
    Returns (B, T, C, height, width).
    """
    rows = tops.to(images.device)[:, :, None] + torch.arange(size[0], device=images.device)  # (B, T, h)
    columns = lefts.to(images.device)[:, :, None] + torch.arange(size[1], device=images.device)  # (B, T, w)
    batch = torch.arange(len(images), device=images.device)[:, None, None, None]
    tiles = images.permute(0, 2, 3, 1)[batch, rows[:, :, :, None], columns[:, :, None, :]]  # (B, T, h, w, C)
    return tiles.permute(0, 1, 4, 2, 3)
