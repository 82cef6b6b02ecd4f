"""Two processes with different images: methods whose loss is their own have that of the joint batch.

Value and gradient. What is drawn (crops, masks, answers) is drawn once for the joint batch and handed out.
"""

import pytest
import torch
import torch.distributed as dist
from processes import on_ranks

from course_lib.methods.aim import AIM
from course_lib.methods.beit import BEiT
from course_lib.methods.codebook import PatchCodebook
from course_lib.methods.colorization import Colorization
from course_lib.methods.context import ContextPrediction
from course_lib.methods.distillation import Distillation
from course_lib.methods.ijepa import IJEPA
from course_lib.methods.jigsaw import Jigsaw
from course_lib.methods.maskfeat import MaskFeat
from course_lib.methods.next_embedding import NextEmbedding
from course_lib.methods.rotation_supervised import RotationSupervised
from course_lib.models import VisionTransformer

from .pretext_pictures import Thumbnail, as_one_view, seeded
from .small import pictures

RANKS, BATCH, SIDE = 2, 4, 24
KNOWN = (pictures(6, SIDE, seed=2), torch.arange(6) % 3)


def vit(width=12):
    return VisionTransformer(SIDE, 4, width, 2, 2)


def words():
    return PatchCodebook.of(pictures(8, SIDE), 4, vocabulary=8)


KINDS = {
    "aim": lambda: AIM(vit(), augment=as_one_view),
    "ijepa": lambda: IJEPA(vit(), predictor_width=8, predictor_heads=2, augment=as_one_view),
    "maskfeat": lambda: MaskFeat(vit(), augment=as_one_view),
    "beit": lambda: BEiT(vit(), words(), augment=as_one_view),
    "next_embedding": lambda: NextEmbedding(vit(), augment=as_one_view),
    "next_embedding both ways": lambda: NextEmbedding(vit(), stop_gradient=False, augment=as_one_view),
    "colorization": lambda: Colorization(vit(), grid=2, augment=as_one_view),
    "context": lambda: ContextPrediction(Thumbnail()),
    "jigsaw": lambda: Jigsaw(Thumbnail(), permutations=6),
    "rotation_supervised": lambda: RotationSupervised(
        Thumbnail(), 3, KNOWN, labelled_batch=RANKS * 3, augment=as_one_view
    ),
    "distillation": lambda: Distillation(vit(), vit(16), views=as_one_view),
    "distillation of patches": lambda: Distillation(vit(), vit(16), gram_weight=2.0, views=as_one_view),
}


def share(name, views, part):
    """What rank `part` gets of the joint batch's views."""
    if name != "rotation_supervised":
        return [view.chunk(RANKS)[part] for view in views]
    turned, labels, answer = views  # four turns, each of the labelled images and then of the others
    mine = [
        torch.cat(
            [
                group.chunk(RANKS, dim=1)[part]
                for group in x.unflatten(0, (4, -1)).tensor_split([len(labels)], 1)
            ],
            dim=1,
        ).flatten(0, 1)
        for x in (turned, answer)
    ]
    return [mine[0], labels.chunk(RANKS)[part], mine[1]]


def step(name, part):
    """Loss and gradients for a half (0 or 1) of the joint batch, or None for all of it."""
    torch.manual_seed(0)
    method = KINDS[name]()
    views = method.views(pictures(RANKS * BATCH, SIDE), generator=seeded())
    if name == "aim":
        views[1] = torch.tensor(
            [1, 2, 3, 4, 20, 25, 30, 34]
        )  # the second rank has far fewer patches to paint
    method.eval()  # the statistics of BatchNorm are each rank's own
    value = method.loss(views if part is None else share(name, views, part))
    value.backward()
    learned = {n: p.grad for n, p in method.named_parameters() if p.grad is not None and p.numel()}
    return value.detach().clone(), learned


def one_rank(rank):
    results = {}
    for name in KINDS:
        value, gradients = step(name, rank)
        for gradient in gradients.values():
            dist.all_reduce(gradient)
            gradient /= RANKS
        results[name] = (value, gradients)
    return results


@pytest.mark.slow
def test_two_ranks_equal_one_process_on_the_joint_batch(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    for name in KINDS:
        halves = [step(name, part)[0] for part in range(RANKS)]
        assert (halves[0] - halves[1]).abs() > 1e-3, f"{name}: the ranks' own losses must differ"
        value, gradients = step(name, None)
        assert any(key.startswith("encoder.") and g.abs().sum() > 0 for key, g in gradients.items())
        largest = max(gradient.abs().max() for gradient in gradients.values())
        for result in results:
            assert torch.allclose(result[name][0], value, rtol=1e-5), name
            assert result[name][1].keys() == gradients.keys()
            for key, gradient in gradients.items():
                difference = (result[name][1][key] - gradient).abs().max()
                assert difference <= 1e-5 * largest, f"{name}: {key}"
