"""iBOT: DINO between crops, and the same lesson patch by patch where the student's image is masked.

Zhou et al. 2022, arXiv:2111.07832, Algorithm 1 and section 3.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from course_lib.losses.ibot import ibot_rows, patch_weights
from course_lib.losses.koleo import koleo
from course_lib.methods.block_masks import block_masks, spread_ratios
from course_lib.methods.dino import DINO
from course_lib.methods.self_distillation import Center, encode_crops, sinkhorn_scores
from course_lib.methods.teacher import teacher_of
from course_lib.models import PrototypeHead, VisionTransformer


class IBOT(DINO):
    """DINO's loss on CLS + the same cross-entropy at the patches that only the teacher sees.

    In the student's large crops blocks of patches are replaced by a learned token; the teacher sees them
    whole. CLS and patches share one head (shared_head=False: one each) and have a centre each.

    encoder: a VisionTransformer. mask_ratio: least and most masked share of a masked crop. masked_share: how
    many of the large crops are masked; one without a mask adds 0 to the patch loss and still counts, so the
    loss of a run that learns nothing is (1 + masked_share) ln K. cls_weight, patch_weight: of DINO's loss and
    of the patch loss; 0 switches one off. koleo_weight: of `losses.koleo` on the encoder's output for each
    large crop. sinkhorn_centering: Sinkhorn codes instead of centre and softmax. These two are DINOv2's, off
    here.
    All other options are those of `DINO`. Masks are drawn in `loss`, the same ones on every rank.

    Different from the paper: 1,024 prototypes (8,192); as in DINOv2's code the patches' centre is the mean of
    the masked ones, since the others are never scored (of all), and exactly a share of the crops is masked,
    at evenly spread ratios (at random); else what differs in `DINO`.
    """

    encoder: VisionTransformer
    patch_head: PrototypeHead | None
    patch_teacher: PrototypeHead | None

    def __init__(
        self,
        encoder: VisionTransformer,
        shared_head: bool = True,
        mask_ratio: tuple[float, float] = (0.1, 0.5),
        masked_share: float = 0.5,
        cls_weight: float = 1.0,
        patch_weight: float = 1.0,
        koleo_weight: float = 0.0,
        sinkhorn_centering: bool = False,
        **options,
    ):
        name = type(self).__name__
        if not all(hasattr(encoder, part) for part in ("tokens", "run", "pooled", "prefix")):
            raise TypeError(
                f"{name}: encoder is a {type(encoder).__name__}; give a models.VisionTransformer."
            )
        if not 0 < mask_ratio[0] <= mask_ratio[1] <= 1 or not 0 < masked_share <= 1:
            raise ValueError(
                f"{name}: mask_ratio={mask_ratio}, masked_share={masked_share}; give shares in (0, 1]."
            )
        super().__init__(encoder, **options)
        self.mask_ratio, self.masked_share = mask_ratio, masked_share
        self.cls_weight, self.patch_weight = cls_weight, patch_weight
        self.koleo_weight, self.sinkhorn_centering = koleo_weight, sinkhorn_centering
        self.centering = self.centering and not sinkhorn_centering
        self.mask_token = nn.Parameter(0.02 * torch.randn(self.width))
        self.patch_center = Center(len(self.head.prototypes), self.center.momentum)
        self.patch_head = self.patch_teacher = None
        if not shared_head:
            self.patch_head = self.new_head()
            self.patch_teacher = teacher_of(self.patch_head)

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: crops (B, 3, h, w), the large ones first, row i of all from the same image -> a scalar."""
        images = torch.cat(views[: self.global_crops])  # (G * B, 3, H, W)
        mask = self.masks(images)  # (G * B, N)
        hidden = mask.flatten().nonzero()[:, 0]  # (R,): the masked patches of all images, one after the other
        weight = patch_weights(mask).flatten()[hidden]  # (R,)
        mask, hidden, weight = (x.to(images.device) for x in (mask, hidden, weight))

        tokens = self.encoder.run(self.encoder.tokens(images, mask, self.mask_token))  # (G * B, T, D)
        large = self.encoder.pooled(tokens).unflatten(0, (self.global_crops, -1))  # (G, B, D)
        small = views[self.global_crops :]
        features = torch.cat([large, encode_crops(self.encoder, small)]) if small else large
        student = self.head(features)  # (V, B, K)
        student_patches = self.patch_scores(tokens, hidden, self.patch_head or self.head)  # (R, K)
        with torch.no_grad():
            encoder, head = cast(tuple[VisionTransformer, PrototypeHead], tuple(self.teacher))
            whole = encoder.run(encoder.tokens(images))
            teacher = head(encoder.pooled(whole)).unflatten(0, (self.global_crops, -1))  # (G, B, K)
            teacher_patches = self.patch_scores(whole, hidden, self.patch_teacher or head)  # (R, K)

        first = self._batches_in_step == 0
        self.center.collect(teacher, first)
        if len(hidden):
            self.patch_center.collect(teacher_patches, first)
        temperatures = self.student_temperature, self.teacher_temperature
        if self.sinkhorn_centering:
            teacher = sinkhorn_scores(teacher, temperatures[1])
            if len(hidden):
                teacher_patches = sinkhorn_scores(teacher_patches, temperatures[1])
        loss = self.loss_function(student, teacher, self.center.value, *temperatures)
        patch_center = self.patch_center.value
        patch_loss = ibot_rows(student_patches, teacher_patches, weight, patch_center, *temperatures)
        loss = self.cls_weight * loss + self.patch_weight * patch_loss
        if self.koleo_weight:  # per crop: two crops of one image are meant to be near
            loss = loss + self.koleo_weight * sum(koleo(crop) for crop in large)
        return loss + self.anchor(images, tokens)

    def anchor(self, images: Tensor, tokens: Tensor) -> Tensor | float:
        """A further loss on the large crops (G * B, 3, H, W), given the student's output tokens (G * B, T, D)
        of them; none here, Gram anchoring in `GramAnchoring`.
        """
        return 0.0

    def masks(self, images: Tensor) -> Tensor:
        """For images (B, 3, H, W) a mask (B, patches), True = hidden from the student; on the CPU."""
        generator = self.step_generator(shared=True)  # not the draws that made the crops
        ratios = spread_ratios(len(images), self.masked_share, self.mask_ratio, generator)
        return block_masks(self.encoder.grid(*images.shape[2:]), ratios, generator)

    def patch_scores(self, tokens: Tensor, hidden: Tensor, head: nn.Module) -> Tensor:
        """Scores (R, K) of the patches `hidden` (R,) among the patches of all output tokens (B, T, D)."""
        patches = tokens[:, self.encoder.prefix :].flatten(0, 1)  # (B * N, D)
        return head(patches.index_select(0, hidden))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """The prototypes of both heads are frozen at the start."""
        super().on_before_optimizer_step(optimizer)
        if self.patch_head is not None and self.global_step < self.frozen_steps:
            self.patch_head.prototypes.grad = None

    def after_step(self) -> None:
        """Teacher and centres follow."""
        super().after_step()
        if self.patch_head is not None:
            self.momentum_update(self.patch_teacher, self.patch_head, self.teacher_momentum)
        if self.centering:
            self.patch_center.move()

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All K prototypes equally likely, for CLS and for every masked patch."""
        log_k = math.log(len(self.head.prototypes))
        share = self.cls_weight + self.patch_weight * self.masked_share
        return {"ln K" if share == 1 else f"{share:g} ln K": share * log_k} if share else {}
