"""MoCo v3: which view meets which, who learns, and what stays frozen."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.methods import MoCoV3
from course_lib.methods.schedule import half_cosine
from course_lib.models import VisionTransformer

from .small import Constant, Pixels, assert_resumed_equals_whole, noisy_views, pictures, tiny_resnet, train


def make(encoder=Pixels, **options):
    torch.manual_seed(0)  # before the encoder is made: all that are made alike start alike
    return MoCoV3(encoder(), **{"views": noisy_views, "projection_size": 8, **options})


def test_the_loss_is_algorithm_1_written_out():
    method = make(temperature=0.3)
    with torch.no_grad():
        for p in method.teacher.parameters():  # a teacher of its own
            p.add_(0.3 * torch.randn_like(p))
    views = noisy_views(pictures(6), torch.Generator().manual_seed(0))
    total = 0.0
    for one, other in ((0, 1), (1, 0)):
        query = F.normalize(method.predictor(method.project(views[one])), dim=1)
        key = F.normalize(method.teacher(views[other]), dim=1)
        total = total + 2 * 0.3 * F.cross_entropy(query @ key.T / 0.3, torch.arange(6))
    assert torch.allclose(method.loss(views), total, rtol=1e-4)


def test_only_the_student_gets_a_gradient():
    method = make()
    method.loss(noisy_views(pictures(6))).backward()
    assert all(p.grad is None for p in method.teacher.parameters())
    assert method.encoder.layer.weight.grad.abs().sum() > 0


def test_the_patch_embedding_of_a_transformer_is_frozen_unless_asked_for():
    vit = lambda: VisionTransformer(16, 8, 12, 2, 2)  # noqa: E731
    method = make(vit)
    before = method.encoder.patches.weight.clone()
    train(method, 2)
    assert torch.equal(method.encoder.patches.weight, before)
    free = make(vit, freeze_patches=False)
    before = free.encoder.patches.weight.clone()
    train(free, 2)
    assert not torch.equal(free.encoder.patches.weight, before)


def test_momentum_rises_along_half_a_cosine():
    seen = []
    method = make(momentum=0.9, momentum_update=lambda teacher, student, m: seen.append(m))
    method.total_steps = 3
    train(method, 3)
    assert seen == pytest.approx([half_cosine(0.9, 1.0, step / 3) for step in range(3)])


def test_stuck_value_is_the_loss_of_an_encoder_that_learned_nothing():
    method = make(Constant).eval()
    value = method.loss(noisy_views(pictures(10))).item()
    assert value == pytest.approx(method.stuck_values(10)["4T ln B"], rel=1e-5)
    assert value == pytest.approx(4 * 0.2 * math.log(10), rel=1e-5)


def test_it_learns_and_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    assert_resumed_equals_whole(lambda: make(tiny_resnet), tmp_path)
    method = make(tiny_resnet, learning_rate=3e-3)
    views = noisy_views(pictures(24), torch.Generator().manual_seed(5))
    before = method.loss(views).item()
    train(method, 30, batch_size=24)
    assert method.train().loss(views).item() < before


def test_sentence():
    with pytest.raises(ValueError, match="momentum is 2"):
        make(momentum=2)
