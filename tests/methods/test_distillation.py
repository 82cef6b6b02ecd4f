"""Distillation: who teaches, who stays as it is, and that a smaller student comes to agree."""

import copy

import pytest
import torch
import torch.nn.functional as F

from course_lib.evaluate import cka, embed
from course_lib.losses import gram
from course_lib.methods import Distillation, SimCLR
from course_lib.models import VisionTransformer, resnet

from .small import Pixels, assert_same_state, pictures, tiny_resnet, train


def one_view(images, generator=None):
    return [images.float() / 255 if images.dtype == torch.uint8 else images]


def make(teacher=None, encoder=Pixels, **options):
    torch.manual_seed(0)
    return Distillation(encoder(), teacher or resnet((8, 12), (1, 1)), **{"views": one_view, **options})


def test_the_loss_is_the_distance_of_directions():
    method = make()
    view = pictures(6).float() / 255
    prediction = F.normalize(method.predictor(method.encoder(view)), dim=1)
    target = F.normalize(method.teacher(view), dim=1)
    assert torch.allclose(method.loss([view]), (prediction - target).square().sum(1).mean(), rtol=1e-4)


def test_the_teacher_is_a_frozen_copy_in_eval_mode_also_while_training():
    teacher = resnet((8, 12), (1, 1)).train()
    method = make(teacher)
    before = copy.deepcopy(method.teacher)
    train(method, 3)
    method.train()
    assert not method.teacher.training
    assert method.encoder.training
    assert_same_state(method.teacher, before)  # running averages as well
    assert teacher.training
    assert not any(p.requires_grad for p in method.teacher.parameters())
    assert all(p.requires_grad for p in teacher.parameters())


def test_a_method_may_be_the_teacher():
    source = SimCLR(tiny_resnet())
    method = make(source)
    assert method.predictor.out_features == source.width
    assert type(method.teacher) is type(source.encoder)


def test_a_student_comes_to_agree_with_its_teacher():
    torch.manual_seed(1)
    teacher, images = resnet((8, 12), (1, 1)).eval(), pictures(24)
    method = make(teacher, tiny_resnet, learning_rate=1e-2)
    view = one_view(images)
    before, alike = method.loss(view).item(), cka(embed(method, images), embed(teacher, images))
    train(method, 60, batch_size=24, images=images)
    assert method.train().loss(view).item() < 0.5 * before
    assert cka(embed(method, images), embed(teacher, images)) > alike


def vit(width=12, patch=8):
    return VisionTransformer(16, patch, width, 2, 2, registers=1)


def test_gram_weight_adds_the_resemblance_of_patches_and_leaves_out_the_prefix():
    teacher = vit(16)
    plain, anchored = make(teacher, vit), make(teacher, vit, gram_weight=2.0)
    view = pictures(4).float() / 255
    tokens = [anchored.encoder.all_tokens(view), anchored.teacher.all_tokens(view)]
    extra = 2.0 * gram(*(x[:, 2:] for x in tokens))
    assert torch.allclose(anchored.loss([view]), plain.loss([view]) + extra, rtol=1e-5)


def test_stuck_value_is_that_of_unrelated_directions():
    method = make(encoder=lambda: Pixels(6))
    torch.nn.init.zeros_(method.predictor.weight)
    torch.nn.init.zeros_(method.predictor.bias)
    assert method.loss([pictures(5).float() / 255]).item() == pytest.approx(method.stuck_values(5)["cos = 0"])
    assert make(loss_function=F.mse_loss).stuck_values(5) == {}


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    runs = [make(tiny_resnet(), tiny_resnet) for _ in range(3)]
    for run in runs[1:]:
        run.load_state_dict(runs[0].state_dict())
    images = pictures(8)
    train(runs[0], 4, images=images)
    train(runs[1], 2, images=images).save_checkpoint(tmp_path / "half.ckpt")
    train(runs[2], 4, images=images, resume=tmp_path / "half.ckpt")
    assert_same_state(runs[0], runs[2])


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: make(torch.nn.Linear(3, 2)), TypeError, "without .width"),
        (lambda: make(gram_weight=1.0), ValueError, "two vision transformers"),
        (lambda: make(vit(patch=4), vit, gram_weight=1.0), ValueError, "patches of 8 and 4"),
        (lambda: make(vit(), vit, gram_weight=-1.0), ValueError, "gram_weight=-1"),
    ],
)
def test_sentences(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
