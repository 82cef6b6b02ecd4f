"""Gram anchoring: when the Gram teacher is taken, what it is compared with, and that patches stay."""

import copy

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from course_lib.losses.gram import gram
from course_lib.methods.dinov2 import DINOv2
from course_lib.methods.gram_anchoring import GramAnchoring
from course_lib.methods.ibot import IBOT
from course_lib.models import VisionTransformer

from .crops import crops
from .small import Pixels, assert_same_state, pictures, train

PLAIN = {"shared_head": True, "koleo_weight": 0.0, "sinkhorn_centering": False}


def make(kind=GramAnchoring, total_steps=6, **options):
    torch.manual_seed(0)
    small = {"prototypes": 16, "hidden_size": 32, "bottleneck": 8, "views": crops, "momentum": 0.5}
    method = kind(VisionTransformer(16, 4, 16, 2, 2, registers=1), **{**small, **options})
    method.total_steps = total_steps
    return method


def watched(method):
    """A list that gets, after every step, the teacher's encoder and the step the Gram teacher is from."""
    seen, after_step = [], method.after_step

    def after():
        after_step()
        seen.append((copy.deepcopy(method.teacher[0]), int(method.gram_step)))

    method.after_step = after
    return seen


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        ({}, [-1, -1, 3, 3, 3, 3]),
        ({"start": 0.0}, [1, 1, 1, 1, 1, 1]),
        ({"start": 0.4}, [-1, -1, 3, 3, 3, 3]),  # 2.4 steps
        ({"start": 1.0}, [-1, -1, -1, -1, -1, 6]),
        ({"refresh_steps": 2}, [-1, -1, 3, 3, 5, 5]),
        ({"start": 0.0, "refresh_steps": 1}, [1, 2, 3, 4, 5, 6]),
        ({"taken": 0.0}, [1, 1, 1, 1, 1, 1]),
        ({"taken": 0.3, "refresh_steps": 2}, [-1, 2, 2, 2, 5, 5]),  # two steps after the loss began, at 3
        ({"total_steps": None}, [-1] * 6),
    ],
)
def test_the_gram_teacher_is_the_teacher_as_it_was_at_that_step(options, taken):
    method = make(**options)
    start, seen = copy.deepcopy(method.gram_teacher), watched(method)
    train(method, 6, images=pictures(8))
    assert [step for _, step in seen] == taken
    last = taken[-1]
    assert_same_state(method.gram_teacher, seen[last - 1][0] if last > 0 else start)
    if 0 < last < 6:  # and not the teacher as it is now
        assert not torch.equal(method.gram_teacher.cls_token, method.teacher[0].cls_token)


def test_before_it_is_taken_the_run_is_dinov2_bit_for_bit():
    anchored, plain = make(start=0.5), make(DINOv2)
    for method in (anchored, plain):
        train(method, 3, images=pictures(8))
    ours, theirs = anchored.state_dict(), plain.state_dict()
    assert set(ours) - set(theirs) == {n for n in ours if n.startswith("gram_")}
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_an_early_gram_teacher_waits_for_the_start_of_the_loss():
    anchored, plain = make(taken=0.0, start=0.5), make(DINOv2)
    values = [[], []]
    for method, losses in zip((anchored, plain), values, strict=True):
        loss = method.loss
        method.loss = lambda views, loss=loss, losses=losses: losses.append(loss(views)) or losses[-1]
        train(method, 5, images=pictures(8), batch_size=2)
    equal = [torch.equal(ours, theirs) for ours, theirs in zip(*values, strict=True)]
    assert equal == [True] * 3 + [False] * (len(equal) - 3)
    assert anchored.gram_step == 1


def test_without_weight_it_is_dinov2_to_the_end():
    anchored, plain = make(start=0.0, gram_weight=0.0), make(DINOv2)
    anchored.gram_teacher.all_tokens = None  # nobody asks it
    for method in (anchored, plain):
        train(method, 4, images=pictures(8))
    assert all(torch.equal(anchored.state_dict()[name], value) for name, value in plain.state_dict().items())


@pytest.mark.parametrize(("kind", "options"), [(DINOv2, {}), (IBOT, PLAIN)])
def test_the_loss_adds_the_change_of_cosines_among_the_patches_of_the_large_crops(kind, options):
    method = make(start=0.0, gram_weight=0.7, **options)
    train(method, 3, images=pictures(8))
    views = method.views(pictures(8))
    mask = torch.rand(16, 16, generator=torch.Generator().manual_seed(0)) < 0.3
    method.masks = lambda images: mask
    images, encoder = torch.cat(views[:2]), method.encoder
    student = encoder.run(encoder.tokens(images, mask, method.mask_token))[:, 2:]  # without CLS and register
    extra = gram(student, patches(method.gram_teacher, images))
    assert extra > 1e-4
    plain = make(kind, **options)
    plain.load_state_dict(method.state_dict(), strict=False)
    plain.masks = lambda images: mask
    assert torch.allclose(method.loss(views), plain.loss(views) + 0.7 * extra, rtol=1e-5)


def patches(encoder, images):
    return encoder.run(encoder.tokens(images))[:, encoder.prefix :]


def test_only_the_student_learns_from_it():
    method = make(start=0.0)
    train(method, 1, images=pictures(8))
    method.zero_grad()
    images = torch.cat(method.views(pictures(8))[:2])
    method.anchor(images, method.encoder.all_tokens(images)).backward()
    assert all(p.grad is None for p in method.gram_teacher.parameters())
    assert method.encoder.blocks[0].attention.qkv.weight.grad.abs().sum() > 0
    trained = [p for g in method.configure_optimizers()["optimizer"].param_groups for p in g["params"]]
    assert len(trained) == sum(p.requires_grad for p in method.parameters())
    assert not any(p.requires_grad for p in method.gram_teacher.parameters())


def test_anchored_patches_keep_their_resemblances():
    images, drift = pictures(8), {}
    for weight in (0.0, 20.0):
        method = make(start=0.0, gram_weight=weight, learning_rate=3e-3, total_steps=30)
        train(method, 30, images=images.repeat(30, 1, 1, 1))
        view = images / 255
        drift[weight] = gram(patches(method.encoder, view), patches(method.gram_teacher, view)).item()
    assert drift[20.0] < 0.5 * drift[0.0]


@pytest.mark.parametrize("saved", [2, 4])  # before and after the Gram teacher is taken
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, saved):
    runs = [make(total_steps=8, start=0.4, refresh_steps=3) for _ in range(3)]
    whole, half, rest = runs
    batch = {"images": pictures(8)}
    train(whole, 8, **batch)
    saver = ModelCheckpoint(dirpath=tmp_path, filename="{step}", every_n_train_steps=2, save_top_k=-1)
    train(half, saved + 1, callbacks=[saver], enable_checkpointing=True, **batch)
    rest.gram_teacher.cls_token.fill_(1)
    rest.gram_step.fill_(77)
    train(rest, 8, resume=tmp_path / f"step={saved}.ckpt", **batch)
    assert_same_state(whole, rest)
    assert int(whole.gram_step) == 7
    assert {"gram_step", "gram_teacher.cls_token"} <= set(whole.state_dict())


def test_a_step_of_several_batches_counts_once():
    method = make(start=0.5, total_steps=2)
    train(method, 1, images=pictures(16), accumulate_grad_batches=2)
    assert int(method.gram_step) == 1


def test_stuck_values_are_those_of_the_run_that_is_anchored():
    assert make().stuck_values(8) == make(DINOv2).stuck_values(8)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"gram_weight": -1.0}, "gram_weight=-1"),
        ({"start": 1.5}, "start=1.5"),
        ({"refresh_steps": 0}, "refresh_steps=0"),
        ({"mask_ratio": (0.5, 0.1)}, "GramAnchoring: mask_ratio"),
    ],
)
def test_bad_input_is_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**options)


def test_an_encoder_without_patches_is_refused():
    with pytest.raises(TypeError, match="GramAnchoring: encoder is a Pixels"):
        GramAnchoring(Pixels())
