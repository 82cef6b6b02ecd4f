"""iBOT, and DINOv2 on top of it."""

import math

import pytest
import torch
import torch.distributed as dist
from processes import on_ranks

from course_lib.losses.dino import dino
from course_lib.losses.ibot import ibot
from course_lib.losses.koleo import koleo
from course_lib.losses.sinkhorn import sinkhorn
from course_lib.methods.dinov2 import DINOv2
from course_lib.methods.ibot import IBOT
from course_lib.methods.self_distillation import sinkhorn_scores
from course_lib.models import VisionTransformer

from .crops import colours, crops
from .small import Pixels, assert_resumed_equals_whole, pictures, train


def make(method=IBOT, **options):
    torch.manual_seed(0)
    small = {"prototypes": 16, "hidden_size": 32, "bottleneck": 8, "views": crops}
    return method(VisionTransformer(16, 4, 16, 2, 2, registers=1), **{**small, **options})


def expected_parts(method, views, mask):
    """Scores of student and teacher for CLS (V, B, K) and for all patches (G * B, N, K), image by image."""
    encoder, teacher, head = method.encoder, *method.teacher
    patch_head, patch_teacher = method.patch_head or method.head, method.patch_teacher or head
    images = torch.cat(views[:2])
    hidden = encoder.run(encoder.tokens(images, mask, method.mask_token))
    whole = teacher.run(teacher.tokens(images))
    large = hidden[:, 0].unflatten(0, (2, -1))
    student = method.head(torch.cat([large, torch.stack([encoder(view) for view in views[2:]])]))
    return (
        large, student, head(whole[:, 0]).unflatten(0, (2, -1)),
        patch_head(hidden[:, 2:]), patch_teacher(whole[:, 2:]),
    )  # fmt: skip


@pytest.mark.parametrize("shared_head", [True, False])
def test_loss_is_dino_on_cls_and_ibot_on_masked_patches_with_the_centers_before_this_batch(shared_head):
    method = make(shared_head=shared_head, patch_weight=0.7, center_momentum=0.8)
    train(method, 3)
    views = method.views(pictures(8))
    mask = torch.rand(16, 16, generator=torch.Generator().manual_seed(0)) < 0.3
    mask[::2] = False
    method.masks = lambda images: mask
    _, student, teacher, patches, teacher_patches = expected_parts(method, views, mask)
    center, patch_center = method.center.value.clone(), method.patch_center.value.clone()
    assert patch_center.abs().sum() > 0
    expected = dino(student, teacher, center) + 0.7 * ibot(patches, teacher_patches, mask, patch_center)
    assert torch.allclose(method.train().loss(views), expected, rtol=1e-5)
    method.after_step()
    assert torch.allclose(method.center.value, 0.8 * center + 0.2 * teacher.mean(dim=(0, 1)), atol=1e-6)
    moved = 0.8 * patch_center + 0.2 * teacher_patches[mask].mean(dim=0)
    assert torch.allclose(method.patch_center.value, moved, atol=1e-6)


def test_dinov2_adds_koleo_per_crop_and_takes_sinkhorn_codes_as_targets():
    method = make(DINOv2, koleo_weight=0.3)
    train(method, 3)
    assert method.center.value.abs().sum() == method.patch_center.value.abs().sum() == 0
    views, zero = method.views(pictures(8)), torch.zeros(16)
    mask = torch.rand(16, 16, generator=torch.Generator().manual_seed(0)) < 0.3
    method.masks = lambda images: mask
    large, student, teacher, patches, teacher_patches = expected_parts(method, views, mask)
    codes = sinkhorn(teacher.flatten(0, 1), 0.04).view_as(teacher)
    patch_codes = torch.full_like(teacher_patches, 1 / 16)
    patch_codes[mask] = sinkhorn(teacher_patches[mask], 0.04)
    expected = dino(student, 0.04 * codes.log(), zero)
    expected = expected + ibot(patches, 0.04 * patch_codes.log(), mask, zero)
    expected = expected + 0.3 * (koleo(large[0]) + koleo(large[1]))
    assert torch.allclose(method.loss(views), expected, rtol=1e-5)


def test_sinkhorn_scores_have_the_codes_as_their_softmax():
    scores = torch.randn(2, 6, 5)
    codes = (sinkhorn_scores(scores, 0.1) / 0.1).softmax(dim=-1)
    assert torch.allclose(codes.flatten(0, 1), sinkhorn(scores.flatten(0, 1), 0.1), atol=1e-5)


def test_masks_are_those_asked_for_and_only_the_student_sees_them():
    method, seen = make(mask_ratio=(0.25, 0.5), masked_share=0.5), []
    counts = method.masks(torch.rand(16, 3, 16, 16)).sum(dim=1)
    assert (counts > 0).sum() == 8
    assert counts[counts > 0].min() == 4
    assert counts.max() == 8
    tokens = method.teacher[0].tokens
    method.teacher[0].tokens = lambda *arguments: seen.append(len(arguments)) or tokens(*arguments)
    method.loss(method.views(pictures(8)))
    assert seen == [1]


@pytest.mark.parametrize("kind", [IBOT, DINOv2])
def test_the_patch_heads_score_masked_patches_only(kind):
    method, seen = make(kind, shared_head=False), []
    mask = method.masks(torch.rand(16, 3, 16, 16))
    method.masks = lambda images: mask
    for head in (method.patch_head, method.patch_teacher):
        head.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    method.loss(method.views(pictures(8)))
    assert seen == [(int(mask.sum()), 16)] * 2


@pytest.mark.parametrize("kind", [IBOT, DINOv2])
def test_without_any_masked_patch_the_patch_loss_is_zero(kind):
    method, plain = make(kind, patch_weight=5.0), make(kind, patch_weight=0.0)
    for one in (method, plain):
        one.masks = lambda images: torch.zeros(len(images), 16, dtype=torch.bool)
    views = method.views(pictures(8))
    value = method.loss(views)
    assert torch.equal(value, plain.loss(views))
    value.backward()
    method.after_step()
    assert torch.isfinite(torch.cat([p.flatten() for p in method.state_dict().values()])).all()


@pytest.mark.parametrize("kind", [IBOT, DINOv2])
def test_either_loss_is_switched_off_by_its_weight(kind):
    method, parts = make(kind, koleo_weight=0.0), []
    mask = method.masks(torch.rand(16, 3, 16, 16))
    method.masks = lambda images: mask
    views = method.views(pictures(8))
    for method.cls_weight, method.patch_weight in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 3.0)):
        parts.append(method.loss(views).item())
    assert parts[2] == pytest.approx(parts[0] + parts[1], rel=1e-6)
    assert parts[3] == pytest.approx(0.5 * parts[0] + 3 * parts[1], rel=1e-6)
    assert min(parts) > 0
    assert make(kind, cls_weight=0.0, patch_weight=0.0).stuck_values(8) == {}
    log_k = next(iter(make(kind, patch_weight=0.0).stuck_values(8).values()))
    assert make(kind, cls_weight=0.0).stuck_values(8) == {"0.5 ln K": pytest.approx(0.5 * log_k)}


def step(rank=0, world=1):
    """Two losses, the gradient of the weights averaged over ranks, and the patches' centre after a step."""
    method, result = make(patch_weight=3.0), {}
    method.masks = lambda images: MASKS[: len(images)]
    joint = method.views(pictures(8), generator=torch.Generator().manual_seed(0))
    views = [view.chunk(world)[rank] for view in joint]
    for name in ("first", "second"):
        value = method.loss(views)
        result[name] = value.detach()
        method.after_step()
    value.backward()
    gradient = method.head.mlp[0].weight.grad
    if world > 1:
        dist.all_reduce(gradient)
    return result | {"gradient": gradient / world, "center": method.patch_center.value}


# four images, two crops each; every rank has the same masks, and in those of two images nothing is masked
MASKS = torch.rand(4, 16, generator=torch.Generator().manual_seed(0)) < torch.tensor([[0.5], [0], [0.2], [0]])
MASKS = MASKS.repeat(4, 1)


def one_rank(rank):
    return step(rank, 2)


@pytest.mark.slow
def test_two_ranks_equal_one_process(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    expected = step()
    assert expected["center"].abs().sum() > 0
    for rank in range(2):
        for name, value in results[rank].items():
            assert torch.allclose(value, expected[name], rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("method", [IBOT, DINOv2])
def test_no_gradient_reaches_the_teacher_and_all_else_learns(method):
    method = make(method)
    method.loss(method.views(pictures(8))).backward()
    for name, parameter in method.named_parameters():
        assert (parameter.grad is None) == ("teacher" in name), name
    trained = [p for g in method.configure_optimizers()["optimizer"].param_groups for p in g["params"]]
    assert len(trained) == sum(p.requires_grad for p in method.parameters())


@pytest.mark.parametrize("shared_head", [True, False])
def test_teacher_and_both_prototypes_follow_their_schedules(shared_head):
    method = make(momentum=0.0, final_momentum=0.0, shared_head=shared_head, frozen_steps=2)
    heads = [method.head] + ([] if shared_head else [method.patch_head])
    start = [head.prototypes.detach().clone() for head in heads]
    train(method, 2)
    assert all(torch.equal(a, head.prototypes) for a, head in zip(start, heads, strict=True))
    pairs = [(method.teacher, method.student)] + (
        [] if shared_head else [(method.patch_teacher, method.patch_head)]
    )
    for teacher, student in pairs:
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            assert torch.allclose(slow, fast)


def test_stuck_value_is_the_loss_when_all_prototypes_are_equally_likely():
    method = make(student_temperature=1e4, masked_share=0.5)
    value = method.loss(method.views(pictures(8))).item()
    assert value == pytest.approx(method.stuck_values(8)["1.5 ln K"], rel=1e-4)
    assert value == pytest.approx(1.5 * math.log(16), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", [IBOT, DINOv2])
def test_training_lowers_the_loss(method):
    method, images = make(method, momentum=0.9, learning_rate=3e-3, masked_share=1.0), colours()
    before = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    train(method, 60, batch_size=32, images=images)
    after = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    assert after < before - 0.2


@pytest.mark.parametrize("kind", [IBOT, DINOv2])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, kind):
    whole, _ = assert_resumed_equals_whole(lambda: make(kind, momentum=0.5, frozen_steps=5), tmp_path)
    assert {"mask_token", "patch_center.value", "center.value"} <= set(whole.state_dict())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"mask_ratio": (0.5, 0.1)}, r"mask_ratio=\(0.5, 0.1\)"), ({"masked_share": 0}, "masked_share=0")],
)
def test_bad_input_is_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=f"DINOv2: .*{sentence}|{sentence}"):
        make(**options)


def test_an_encoder_without_patches_is_refused():
    with pytest.raises(TypeError, match="IBOT: encoder is a Pixels; give a models"):
        IBOT(Pixels())
