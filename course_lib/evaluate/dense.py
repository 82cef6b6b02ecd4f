"""Dense probes: does each patch know what it shows, and how far away it is? One linear map on frozen patches.

Where one answer per patch is spread over the patch's pixels, the loss needs no pixels: cross-entropy summed
over them is cross-entropy against the shares of the classes in the patch, and squared error differs from that
to the mean by a constant. So the probes are fitted on patches, exactly, and tested on pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.evaluate.checks import same_width
from course_lib.evaluate.features import floats, in_batches
from course_lib.evaluate.softmax import softmax_regression

if TYPE_CHECKING:
    import pandas

PENALTIES = (1.0, 0.1, 0.01, 1e-3, 1e-4)


@dataclass(frozen=True)
class DenseResult:
    """What a dense probe found: score (mIoU in [0, 1], or RMSE in units of depth), the chosen penalty, table
    with the validation score of each penalty, prediction (M, H, W) per pixel of the test images."""

    score: float
    penalty: float
    table: pandas.DataFrame = field(repr=False)
    prediction: Tensor = field(repr=False)


def patch_features(
    encoder: nn.Module, images, stages: int | Sequence[int] = -1, batch_size: int = 256
) -> Tensor:
    """Frozen maps of one or several stages or blocks, side by side: (N, D, h, w) float32 on the CPU.

    encoder: any with `features_at(images, stages)`. images: (N, 3, H, W) uint8 or float in [0, 1]. stages: -1
    is the last; maps of several stages are resampled to the first one's grid. Raises TypeError for an encoder
    without maps, ValueError for no images, no stages and a stage that is not there.
    """
    if not hasattr(encoder, "features_at"):
        raise TypeError(
            f"patch_features: {type(encoder).__name__} has no features_at; give a ResNet or a ViT."
        )
    wanted = [stages] if isinstance(stages, int) else list(stages)
    if not wanted:
        raise ValueError("patch_features: stages is empty; give -1 for the last one, or a list of numbers.")

    def one_batch(part: Tensor) -> Tensor:
        maps = encoder.features_at(floats(encoder, part), wanted)  # type: ignore[operator]
        grid = maps[0].shape[2:]
        return torch.cat(
            [m if m.shape[2:] == grid else F.interpolate(m, grid, mode="bilinear") for m in maps], dim=1
        )

    return in_batches(encoder, getattr(images, "images", images), one_batch, batch_size)


def mean_iou(prediction: Tensor, truth: Tensor, classes: int) -> float:
    """Intersection over union of each class over all pixels of the set, mean over the classes that occur.

    prediction, truth: whole numbers of the same shape; truth -1 is left out (void). Raises ValueError for
    shapes that differ, numbers outside 0 to classes - 1, and when all pixels are void.
    """
    if prediction.shape != truth.shape:
        raise ValueError(
            f"mean_iou: prediction is {tuple(prediction.shape)} but truth is {tuple(truth.shape)}; give one "
            "class per pixel in both."
        )
    prediction, truth = prediction.flatten(), truth.flatten()
    counted = truth >= 0
    _some(counted, "mean_iou: truth")
    _in_range(truth, classes, "mean_iou: truth")
    _in_range(prediction[counted], classes, "mean_iou: prediction", least=0)
    pairs = torch.bincount(truth[counted] * classes + prediction[counted], minlength=classes**2)
    table = pairs.view(classes, classes).double()  # [truth, prediction]
    both = table.diagonal()
    union = table.sum(dim=0) + table.sum(dim=1) - both
    occurs = table.sum(dim=1) > 0
    return (both / union.clamp_min(1))[occurs].mean().item()


def segmentation_probe(
    train_features: Tensor,
    train_classes: Tensor,
    test_features: Tensor,
    test_classes: Tensor,
    classes: int,
    penalties=PENALTIES,
    validation: float = 0.2,
) -> DenseResult:
    """mIoU of a linear classifier of frozen patches, its penalty chosen on the last training images.

    features (N, D, h, w); classes (N, H, W) whole numbers from 0 to classes - 1, -1 for void; H and W are
    multiples of h and w. Test logits are resampled bilinearly to pixels, as in DINOv2's linear probe (Oquab
    et al. 2023, arXiv:2304.07193, section 7.4). Raises ValueError for shapes that do not fit, classes out of
    range, and when no pixel is left to fit or to test on.
    """
    name = "segmentation_probe"
    for part, maps, truth in (
        ("train", train_features, train_classes),
        ("test", test_features, test_classes),
    ):
        _check(maps, truth, f"{name}: {part}")
        _in_range(truth, classes, f"{name}: {part}_classes")
    same_width(train_features, f"{name}: train_features", test_features, "test_features")
    _some(test_classes >= 0, f"{name}: test_classes")
    grid = tuple(train_features.shape[2:])

    def fit(rows: slice, penalty: float):
        shares = _shares(train_classes[rows], grid, classes)  # (patches, classes)
        counted = shares.sum(dim=1) > 0
        x, scale = _standardised(train_features[rows])
        weights = softmax_regression(x[counted], shares[counted], classes, penalty)
        return lambda maps: _rows(maps, scale) @ weights[:-1].float() + weights[-1].float()

    def predict(model, maps: Tensor, size) -> Tensor:
        logits = _maps(model(maps), len(maps), tuple(maps.shape[2:]))
        chunks = [F.interpolate(part, size, mode="bilinear").argmax(dim=1) for part in logits.split(64)]
        return torch.cat(chunks)

    def score(model, maps, truth):
        return mean_iou(predict(model, maps, truth.shape[1:]), truth, classes)

    data = train_features, train_classes, train_classes >= 0
    penalty, table = _choose(name, fit, score, data, penalties, validation, largest=True)
    model = fit(slice(None), penalty)
    prediction = predict(model, test_features, test_classes.shape[1:])
    return DenseResult(mean_iou(prediction, test_classes, classes), penalty, table, prediction)


def depth_probe(
    train_features: Tensor,
    train_depth: Tensor,
    test_features: Tensor,
    test_depth: Tensor,
    farthest: float = 20.0,
    penalties=PENALTIES,
    validation: float = 0.2,
) -> DenseResult:
    """Root mean squared error of depth from a linear map of frozen patches, in the units of depth.

    features (N, D, h, w); depth (N, H, W), above 0; pixels at `farthest` or beyond (the sky) count neither in
    fitting nor in testing. Ridge regression on the mean depth of each patch, its penalty (times the number of
    patches) chosen on the last `validation` of the images; predictions are resampled bilinearly to pixels.
    Raises ValueError for shapes that do not fit, depths that are not above 0, and when no pixel is left to
    fit or to test on.
    """
    from sklearn.linear_model import Ridge

    name = "depth_probe"
    for part, maps, truth in (("train", train_features, train_depth), ("test", test_features, test_depth)):
        _check(maps, truth, f"{name}: {part}")
        if not (truth > 0).all():
            raise ValueError(f"{name}: {part}_depth has values that are not above 0; give distances.")
    same_width(train_features, f"{name}: train_features", test_features, "test_features")
    _some(test_depth < farthest, f"{name}: test_depth")
    grid = tuple(train_features.shape[2:])

    def fit(rows: slice, penalty: float):
        near = (train_depth[rows] < farthest).float()
        weight = _cells(near, grid).mean(dim=1)
        total = _cells(train_depth[rows] * near, grid).mean(dim=1)
        counted = weight > 0
        x, scale = _standardised(train_features[rows])
        ridge = Ridge(alpha=penalty * float(weight.sum()))
        target = (total[counted] / weight[counted]).numpy()
        ridge.fit(x[counted].double().numpy(), target, sample_weight=weight[counted].double().numpy())
        return lambda maps: torch.from_numpy(ridge.predict(_rows(maps, scale).numpy()))[:, None].float()

    def predict(model, maps: Tensor, size) -> Tensor:
        return F.interpolate(_maps(model(maps), len(maps), tuple(maps.shape[2:])), size, mode="bilinear")[
            :, 0
        ]

    def score(model, maps, truth):
        return _rmse(predict(model, maps, truth.shape[1:]), truth, farthest)

    data = train_features, train_depth, train_depth < farthest
    penalty, table = _choose(name, fit, score, data, penalties, validation, largest=False)
    prediction = predict(fit(slice(None), penalty), test_features, test_depth.shape[1:])
    return DenseResult(_rmse(prediction, test_depth, farthest), penalty, table, prediction)


def _choose(name: str, fit, score, data, penalties, validation: float, largest: bool):
    """(penalty, table): fitted on the first images, compared on the last ones. data: maps, truth, counted."""
    import pandas

    features, truth, counted = data
    if not len(penalties) or min(penalties) <= 0:
        raise ValueError(f"{name}: penalties={penalties}; give one or more numbers above 0.")
    kept = len(features) - max(1, round(validation * len(features)))
    if kept < 1 or not 0 < validation < 1:
        raise ValueError(f"validation={validation} of {len(features)} images leaves none to fit on.")
    _some(counted[:kept], f"{name}: the {kept} training images that are fitted")
    _some(
        counted[kept:], f"{name}: the last {len(features) - kept} training images, which choose the penalty"
    )
    scores = [score(fit(slice(kept), p), features[kept:], truth[kept:]) for p in penalties]
    best = int(np.argmax(scores) if largest else np.argmin(scores))
    return penalties[best], pandas.DataFrame({"penalty": penalties, "validation_score": scores})


def _rmse(prediction: Tensor, depth: Tensor, farthest: float) -> float:
    near = depth < farthest
    return ((prediction - depth)[near].double().square().mean().sqrt()).item()


def _check(features: Tensor, pixels: Tensor, name: str) -> None:
    if features.ndim != 4 or pixels.ndim != 3 or len(features) != len(pixels):
        raise ValueError(
            f"{name}: features {tuple(features.shape)} and pixels {tuple(pixels.shape)}; give "
            "(N, D, h, w) and (N, H, W) of the same images."
        )
    if pixels.shape[1] % features.shape[2] or pixels.shape[2] % features.shape[3]:
        raise ValueError(
            f"{name}: {pixels.shape[1]} x {pixels.shape[2]} pixels cannot be cut into {features.shape[2]} x "
            f"{features.shape[3]} patches."
        )
    if not torch.isfinite(features).all():
        raise ValueError(f"{name}: features hold NaN or infinity; the encoder diverged.")


def _some(counted: Tensor, name: str) -> None:
    if not counted.any():
        raise ValueError(f"{name}: every pixel is void or sky; there is nothing to fit or to compare.")


def _in_range(classes: Tensor, number: int, name: str, least: int = -1) -> None:
    if classes.min() < least or classes.max() >= number:
        void = " (-1 is void)" if least < 0 else ""
        raise ValueError(
            f"{name}: classes run from {int(classes.min())} to {int(classes.max())}; with {number} classes "
            f"they must lie between 0 and {number - 1}{void}."
        )


def _cells(pixels: Tensor, grid: tuple[int, ...]) -> Tensor:
    """(N, H, W) -> (N * h * w, pixels of a patch), patches row by row."""
    n, height, width = pixels.shape
    cut = pixels.reshape(n, grid[0], height // grid[0], grid[1], width // grid[1])
    return cut.permute(0, 1, 3, 2, 4).reshape(n * grid[0] * grid[1], -1)


def _shares(classes: Tensor, grid: tuple[int, ...], number: int) -> Tensor:
    """Share of each class among a patch's pixels, (N * h * w, number); void pixels belong to none."""
    cells = _cells(classes, grid)
    return torch.stack([(cells == k).float().mean(dim=1) for k in range(number)], dim=1)


def _rows(maps: Tensor, scale) -> Tensor:
    return scale(maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1]))


def _maps(rows: Tensor, n: int, grid: tuple[int, ...]) -> Tensor:
    return rows.view(n, *grid, -1).permute(0, 3, 1, 2)


def _standardised(maps: Tensor):
    """(patches, D) with columns of mean 0 and deviation 1, and the function that does so."""
    rows = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1]).double()
    mean, deviation = rows.mean(dim=0), rows.std(dim=0, correction=0).clamp_min(1e-12)

    def scale(other: Tensor) -> Tensor:
        return ((other.double() - mean) / deviation).float()

    return scale(rows), scale
