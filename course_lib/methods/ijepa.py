"""I-JEPA: from one large block of an image, predict the features of other blocks.

Assran et al. 2023, arXiv:2301.08243; stochastic positions: Bar et al. 2024, arXiv:2308.00566.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data.draws import integers, uniform
from course_lib.losses.ranks import mean_over_ranks
from course_lib.methods.base import Method
from course_lib.methods.masking import check_maskable, encode_visible, pick
from course_lib.methods.supervised import light_augmentation
from course_lib.methods.teacher import momentum_update, teacher_of
from course_lib.models import BlockPredictor, VisionTransformer

TRIES = 10  # draws of blocks for each image; the first that leaves enough context is used
LEAST_CONTEXT = 0.2  # part of the patches that is enough


def draw_blocks(
    batch: int,
    number: int,
    grid: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator | None = None,
) -> Tensor:
    """`number` rectangles of patches for each image: (batch, number, rows, columns) bool, True inside.

    One area (a part of the grid in `scale`) and one height over width (in `ratio`) are drawn for all, so that
    the batch needs no padding; the places are drawn for each.
    """
    area = float(uniform(1, *scale, generator)) * grid[0] * grid[1]
    shape = float(uniform(1, *ratio, generator))
    height = min(grid[0], max(1, round((area * shape) ** 0.5)))
    width = min(grid[1], max(1, round((area / shape) ** 0.5)))
    top = integers(torch.full((batch, number, 1), grid[0] - height + 1), generator)
    left = integers(torch.full((batch, number, 1), grid[1] - width + 1), generator)
    row, column = torch.arange(grid[0]), torch.arange(grid[1])
    down = (row >= top) & (row < top + height)  # (batch, number, rows)
    across = (column >= left) & (column < left + width)
    return down[:, :, :, None] & across[:, :, None, :]


class IJEPA(Method):
    """image -> context block without the targets -> encoder -> predictor -> features of the target blocks.

    The targets are what the teacher, a slow copy of the encoder, makes of those patches when it sees the
    *whole* image, normalised per token (LayerNorm without scale and shift). No pixels are painted, and no
    views are compared. Blocks that leave less than a fifth of the patches as context are drawn again, up to
    ten times. All images of a batch keep equally many context patches: a random choice where one has more.

    targets, target_scale, target_ratio: number, area and height over width of the target blocks.
    context_scale: area of the context block. momentum: of the teacher, rising linearly to 1 by the end of
    training. stop_gradient=False is the collapse: targets are the encoder's own and learn too, and nothing
    keeps it from giving every patch the same features. predictor_width, _depth, _heads: `BlockPredictor`.
    augment: (images, generator) -> [view] (default: a crop of 40 to 100 % of the area and a flip; the paper
    crops from 30 %). CLS is never a target; an encoder with pool="mean" keeps what was learned.
    position_noise: sigma of StoP's stochastic positions, 0 for none. Where in the target block a feature lies
    can often only be guessed, so in training the predictor is told noisy places (`BlockPredictor`).

    Different from the paper: smooth L1 as in its code (the paper writes squared L2), area and shape of a
    block are drawn apart, learned positions in the encoder, a predictor of 2 blocks (6 to 16 of width 384)
    for short runs, a constant weight decay of 0.05 (0.04 rising to 0.4); an encoder with CLS (without), and
    views that are mirrored (not). `embed` is the context encoder's; the paper evaluates the teacher,
    `papers_encoder`.
    Raises TypeError or ValueError for an encoder whose patches cannot be removed, ValueError for momentum
    outside [0, 1], a negative position_noise and, in `views`, if the targets leave no context.
    """

    encoder: VisionTransformer

    def __init__(
        self,
        encoder: VisionTransformer,
        targets: int = 4,
        target_scale: tuple[float, float] = (0.15, 0.2),
        target_ratio: tuple[float, float] = (0.75, 1.5),
        context_scale: tuple[float, float] = (0.85, 1.0),
        momentum: float = 0.996,
        stop_gradient: bool = True,
        predictor_width: int = 96,
        predictor_depth: int = 2,
        predictor_heads: int = 3,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        weight_decay: float = 0.05,
        position_noise: float = 0.0,
        **options,
    ):
        check_maskable("IJEPA", encoder)
        super().__init__(encoder, weight_decay=weight_decay, **options)
        if targets < 1 or not 0 <= momentum <= 1:
            raise ValueError(f"IJEPA: targets={targets}, momentum={momentum}; at least 1, and within [0, 1].")
        if not 0 <= position_noise < float("inf"):
            raise ValueError(
                f"IJEPA: position_noise is {position_noise}; give a standard deviation such as 0.25, or 0."
            )
        self.position_noise = position_noise
        self.targets, self.target_scale, self.target_ratio = targets, target_scale, target_ratio
        self.context_scale, self.momentum, self.stop_gradient = context_scale, momentum, stop_gradient
        self.augment = augment
        self.predictor = BlockPredictor(self.width, predictor_width, predictor_depth, predictor_heads)
        self.teacher = teacher_of(encoder)

    @property
    def papers_encoder(self) -> nn.Module:
        """The teacher."""
        return self.teacher

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[view (B, 3, H, W), context (B, K), targets (B, M, T)]: places in the grid, row by row, int64.

        With position_noise, in training, the noise (B, M, T, width) comes fourth.
        """
        (view,) = self.augment(images, generator=generator)
        grid, batch = self.encoder.grid(*view.shape[2:]), len(view)
        blocks = draw_blocks(
            batch, TRIES * self.targets, grid, self.target_scale, self.target_ratio, generator
        ).view(batch, TRIES, self.targets, -1)  # the last is N; equally many True in every block
        around = draw_blocks(batch, TRIES, grid, self.context_scale, (1.0, 1.0), generator).flatten(2)
        allowed = around & ~blocks.any(dim=2)  # (B, TRIES, N): what each try leaves as context
        left = allowed.sum(dim=2)
        least = max(1, int(LEAST_CONTEXT * allowed.shape[2]))
        chosen = left.clamp(max=least).argmax(dim=1)  # the first try that leaves enough, or the most
        rows = torch.arange(batch)
        kept = int(left[rows, chosen].min())
        if kept < 1:
            raise ValueError(
                f"IJEPA: {self.targets} targets of up to {self.target_scale[1]:.0%} leave no context on "
                f"{grid[0]} x {grid[1]} patches; use fewer or smaller ones, or smaller patches."
            )
        targets = blocks[rows, chosen].nonzero()[:, 2].view(batch, self.targets, -1)
        noise = uniform((batch, allowed.shape[2]), 0.0, 1.0, generator)
        context = (noise + 1.0 * ~allowed[rows, chosen]).argsort(dim=1)[:, :kept]
        result = [view, context.to(view.device), targets.to(view.device)]
        if self.position_noise and self.training:
            device = generator.device if generator is not None else "cpu"
            noise = torch.randn(*targets.shape, self.width, generator=generator, device=device)
            result.append(self.position_noise * noise.to(view.device))
        return result

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [view, context, targets], as `views` gives them. Mean smooth L1 distance, a scalar."""
        view, context, targets, *noise = views
        encoded = encode_visible(self.encoder, view, context)  # (B, prefix + K, width)
        prediction = self.predictor(encoded, context, targets, self.encoder.grid(*view.shape[2:]), *noise)
        return mean_over_ranks(F.smooth_l1_loss(prediction.float(), self.target_features(view, targets)))

    def target_features(self, view: Tensor, targets: Tensor) -> Tensor:
        """What is to be predicted: the whole image's features at the targets, (B, M, T, width) float32."""
        source = (
            self.teacher if self.stop_gradient else self.encoder
        )  # the teacher's weights take no gradient
        features = source.all_tokens(view)[:, self.encoder.prefix :].float()  # (B, N, width)
        features = F.layer_norm(features, (self.width,))
        return pick(features, targets.flatten(1)).view(*targets.shape, self.width)

    def after_step(self) -> None:
        """The teacher follows the encoder, more slowly as training goes on."""
        momentum_update(self.teacher, self.encoder, self.momentum + (1 - self.momentum) * self.progress)
