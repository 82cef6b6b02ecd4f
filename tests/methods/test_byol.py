import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data import default_views
from course_lib.losses.byol import byol
from course_lib.methods.byol import BYOL
from course_lib.methods.schedule import half_cosine
from course_lib.methods.teacher import momentum_update

from .small import Constant, Pixels, assert_resumed_equals_whole, noisy_views, pictures, tiny_resnet, train


def make(encoder=Pixels, **options):
    torch.manual_seed(0)
    return BYOL(
        encoder(),
        **{"projection_size": 8, "hidden_size": 12, "views": noisy_views, **options},
    )


def assert_same_gradients(ours, theirs):
    """Against the largest one: a bias before a BatchNorm has no gradient but rounding."""
    ours, theirs = (torch.cat([g.flatten() for g in gradients]) for gradients in (ours, theirs))
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_loss_is_byol_in_both_directions_with_the_teacher_seeing_the_other_view():
    method = make(tiny_resnet, momentum=0.5)
    train(method, 2)  # teacher and student differ now
    method.train()
    first, second = method.views(pictures(8))
    teacher = [method.teacher(view) for view in (first, second)]
    student = [method.predictor(method.projector(method.encoder(view))) for view in (first, second)]
    expected = byol(student[0], teacher[1]) + byol(student[1], teacher[0])
    assert torch.allclose(method.loss([first, second]), expected, rtol=1e-5)
    same_view = byol(student[0], teacher[0]) + byol(student[1], teacher[1])
    assert not torch.allclose(expected, same_view, rtol=1e-3)


def test_teacher_has_no_predictor_and_no_gradient_and_the_optimiser_does_not_have_it():
    method = make(tiny_resnet)
    assert len(list(method.teacher.parameters())) == len(list(method.student.parameters()))
    method.loss(method.views(pictures(8))).backward()
    assert all(p.grad is None for p in method.teacher.parameters())
    learning = [*method.student.parameters(), *method.predictor.parameters()]
    assert all(p.grad is not None for p in learning)
    trained = {id(p) for g in method.configure_optimizers()["optimizer"].param_groups for p in g["params"]}
    assert trained == {id(p) for p in learning}


def test_stop_gradient_false_is_gradient_descent_on_both_sides_without_a_teacher():
    method = make(stop_gradient=False)
    views = method.views(pictures(8))
    loss = method.loss(views)
    z = [method.project(view) for view in views]
    p = [method.predictor(x) for x in z]
    expected = sum((2 - 2 * F.cosine_similarity(p[i], z[1 - i])).mean() for i in (0, 1))
    assert torch.allclose(loss, expected, rtol=1e-5)
    weights = [*method.student.parameters(), *method.predictor.parameters()]
    ours, theirs = (torch.autograd.grad(value, weights) for value in (loss, expected))
    assert_same_gradients(ours, theirs)


def test_predictor_can_be_left_out():
    assert isinstance(make(predictor=False).predictor, nn.Identity)
    assert sum(isinstance(layer, nn.Linear) for layer in make().predictor) == 2
    assert BYOL(Pixels(6)).projector[0].out_features == 12  # twice the width, as in the paper


def test_momentum_rises_along_half_a_cosine_and_the_teacher_follows_after_the_step():
    seen = []

    def update(teacher, student, momentum):
        seen.append(momentum)
        momentum_update(teacher, student, momentum)

    method = make(momentum=0.9, momentum_update=update)
    method.total_steps = 4
    before = [p.clone() for p in method.teacher.parameters()]
    train(method, 1)
    for teacher, old, student in zip(
        method.teacher.parameters(), before, method.student.parameters(), strict=True
    ):
        assert torch.allclose(teacher, 0.9 * old + 0.1 * student, atol=1e-6)
    method = make(momentum=0.9, momentum_update=update)
    method.total_steps = 4
    train(method, 4)
    assert seen[1:] == pytest.approx([half_cosine(0.9, 1.0, part) for part in (0, 0.25, 0.5, 0.75)])


@pytest.mark.parametrize(("momentum", "moves"), [(1.0, False), (0.0, True)])
def test_a_teacher_with_momentum_1_stays_and_one_with_0_is_the_student(momentum, moves):
    method = make(momentum=momentum)
    start = [p.clone() for p in method.teacher.parameters()]
    train(method, 3)
    expected = list(method.student.parameters()) if moves else start
    assert all(
        torch.allclose(a, b, atol=1e-7) for a, b in zip(method.teacher.parameters(), expected, strict=True)
    )


def test_your_own_loss_is_called_once_a_direction():
    calls = []

    def mine(prediction, target):
        calls.append((prediction.requires_grad, target.requires_grad, target.shape))
        return (prediction - target).square().mean()

    train(make(loss_function=mine), 1)
    assert calls == [(True, False, (8, 8))] * 2


def test_default_views():
    assert BYOL(Pixels()).views is default_views


def test_unrelated_predictions_sit_on_the_stuck_value_and_a_constant_encoder_costs_nothing():
    torch.manual_seed(0)
    method = BYOL(tiny_resnet(), projection_size=512, views=noisy_views)
    value = method.loss(method.views(pictures(24))).item()
    assert value == pytest.approx(method.stuck_values(24)["cos = 0"], abs=0.4)
    collapsed = make(Constant, predictor=False)
    assert collapsed.loss(collapsed.views(pictures(8))).item() == pytest.approx(0, abs=1e-5)
    assert 0.0 not in collapsed.stuck_values(8).values()


def test_training_lowers_the_loss():
    method = make(tiny_resnet, learning_rate=0.01)
    views = method.views(pictures(8), generator=torch.Generator().manual_seed(1))
    before = method.loss(views).item()
    train(method, 40, images=pictures(8).repeat(40, 1, 1, 1))
    assert method.train().loss(views).item() < 0.5 * before


def test_a_resumed_run_equals_the_uninterrupted_one_including_the_teacher(tmp_path):
    whole, _ = assert_resumed_equals_whole(lambda: make(tiny_resnet, momentum=0.8), tmp_path)
    assert {name.split(".")[0] for name in whole.state_dict()} == {
        "encoder", "projector", "predictor", "teacher"
    }  # fmt: skip


def test_bad_momentum_is_a_sentence():
    with pytest.raises(ValueError, match=r"BYOL: momentum is 1\.5"):
        make(momentum=1.5)
