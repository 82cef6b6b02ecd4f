import math

import pytest
import torch

from course_lib.losses.dino import dino
from course_lib.methods.dino import DINO
from course_lib.methods.schedule import half_cosine
from course_lib.methods.self_distillation import Center, encode_crops, warm_up
from course_lib.models import VisionTransformer

from .crops import colours, crops, entropy
from .small import Constant, Pixels, assert_resumed_equals_whole, pictures, tiny_resnet, train


def make(encoder=lambda: Pixels(16), **options):
    torch.manual_seed(0)
    small = {"prototypes": 16, "hidden_size": 32, "bottleneck": 8, "views": crops}
    return DINO(encoder(), **{**small, **options})


def tiny_vit():
    return VisionTransformer(16, 4, 16, 2, 2)


@pytest.mark.parametrize("encoder", [tiny_resnet, tiny_vit])
def test_student_sees_all_crops_and_teacher_the_large_ones_in_one_batch_per_size(encoder):
    method, seen = make(encoder), {"student": [], "teacher": []}
    method.encoder.register_forward_pre_hook(lambda _, args: seen["student"].append(args[0].shape))
    method.teacher[0].register_forward_pre_hook(lambda _, args: seen["teacher"].append(args[0].shape))
    method.loss(method.views(pictures(4)))
    assert seen == {"student": [(8, 3, 16, 16), (8, 3, 8, 8)], "teacher": [(8, 3, 16, 16)]}


def test_encoded_crops_keep_their_order():
    encoder, views = Pixels(), crops(pictures(4))
    views.append(views[0] / 2)  # a large one after the small ones
    expected = torch.stack([encoder(view) for view in views])
    assert torch.allclose(encode_crops(encoder, views), expected, atol=1e-6)


def test_loss_is_dino_with_the_center_before_this_batch_and_then_teacher_and_center_follow():
    method = make(momentum=0.9, final_momentum=0.9, center_momentum=0.8)
    train(method, 3)
    views = method.views(pictures(8))
    student = torch.stack([method.student(view) for view in views])
    teacher = torch.stack([method.teacher(view) for view in views[:2]])
    center = method.center.value.clone()
    assert center.abs().sum() > 0
    value = method.train().loss(views)
    assert torch.allclose(value, dino(student, teacher, center, 0.1, 0.04), rtol=1e-5)
    assert torch.equal(method.center.value, center)  # not before the step
    slow = [
        0.9 * t + 0.1 * s
        for t, s in zip(method.teacher.parameters(), method.student.parameters(), strict=True)
    ]
    method.after_step()
    assert torch.allclose(method.center.value, 0.8 * center + 0.2 * teacher.mean(dim=(0, 1)), atol=1e-6)
    for parameter, expected in zip(method.teacher.parameters(), slow, strict=True):
        assert torch.allclose(parameter, expected, atol=1e-6)


def test_no_gradient_reaches_the_teacher_and_the_optimiser_does_not_have_it():
    method = make(tiny_resnet)
    method.loss(method.views(pictures(8))).backward()
    assert all(p.grad is None for p in method.teacher.parameters())
    assert all(p.grad is not None for p in method.student.parameters())
    trained = {id(p) for g in method.configure_optimizers()["optimizer"].param_groups for p in g["params"]}
    assert trained == {id(p) for p in method.student.parameters()}


def test_momentum_and_temperature_follow_the_progress_of_the_run():
    calls = []

    def my_loss(student, teacher, center, student_temperature, teacher_temperature):
        calls.append((student.shape, teacher.shape, center.shape, student_temperature, teacher_temperature))
        return student.square().mean()

    momenta = []
    method = make(
        loss_function=my_loss, momentum=0.5, momentum_update=lambda t, s, m: momenta.append(m),
        teacher_temperature=0.07, warmup_teacher_temperature=0.04, temperature_warmup=0.5,
    )  # fmt: skip
    method.total_steps = 8
    train(method, 8)
    assert {call[:4] for call in calls} == {((4, 8, 16), (2, 8, 16), (16,), 0.1)}
    expected = [0.04, 0.0475, 0.055, 0.0625, 0.07, 0.07, 0.07, 0.07]
    assert [call[4] for call in calls] == pytest.approx(expected)
    assert momenta == pytest.approx([half_cosine(0.5, 1.0, step / 8) for step in range(8)])
    assert warm_up(1.0, 2.0, 0.0, 0.0) == 2.0


def test_prototypes_are_frozen_for_the_first_steps():
    method, start = make(frozen_steps=2, weight_decay=0.1), make().head.prototypes.detach().clone()
    train(method, 2)
    assert torch.equal(method.head.prototypes, start)  # neither gradient nor weight decay moved them
    method = make(frozen_steps=2, weight_decay=0.1)
    before = [p.detach().clone() for p in method.encoder.parameters()]
    train(method, 3)
    assert not torch.equal(method.head.prototypes, start)
    assert not all(torch.equal(a, b) for a, b in zip(before, method.encoder.parameters(), strict=True))


def trained_on_colours(**options):
    """100 steps on 32 colours; the teacher's probabilities (32, K) and the loss at the end."""
    method, images = make(momentum=0.9, learning_rate=0.01, **options), colours()
    method.total_steps = 100
    train(method, 100, batch_size=32, images=images)
    method.eval()
    loss = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    with torch.no_grad():
        scores = method.teacher(images.float() / 255) - method.center.value
    return (scores / method.teacher_temperature).softmax(dim=-1), loss


def test_without_centering_one_prototype_wins_and_without_sharpening_all_are_equal():
    p, loss = trained_on_colours()
    assert entropy(p).mean() < 0.5  # each image has its prototype,
    assert entropy(p.mean(dim=0)) > 1  # and not all the same one
    assert loss < 1
    p, loss = trained_on_colours(centering=False)
    assert entropy(p.mean(dim=0)) < 0.05
    assert loss < 0.05  # a perfect loss, and nothing learned
    p, loss = trained_on_colours(sharpening=False)
    assert entropy(p).mean() > 0.8 * math.log(16)
    assert loss == pytest.approx(math.log(16), rel=0.1)


def test_switches_leave_the_rest_alone():
    plain, uncentred, unsharpened = make(), make(centering=False), make(sharpening=False)
    assert plain.teacher_temperature == uncentred.teacher_temperature == 0.04
    assert unsharpened.teacher_temperature == 0.1
    train(uncentred, 3)
    assert uncentred.center.value.abs().sum() == 0


def test_stuck_value_is_the_loss_of_an_encoder_that_learned_nothing():
    method = make(Constant, center_momentum=0.0, student_temperature=1e4)
    method.loss(method.views(pictures(8)))
    method.after_step()  # now the centre is what the teacher says of everything
    value = method.loss(method.views(pictures(8))).item()
    assert value == pytest.approx(method.stuck_values(8)["ln K"], rel=1e-4)
    assert value == pytest.approx(math.log(16), rel=1e-4)


def test_validation_does_not_move_the_center_and_accumulated_batches_all_do():
    method = make().eval()
    method.loss(method.views(pictures(8)))
    method.after_step()
    assert method.center.value.abs().sum() == 0
    center = Center(2, momentum=0.5)
    center.collect(torch.tensor([[8.0, 0.0]]))  # of a step that never came
    center.collect(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
    center.collect(torch.tensor([[0.0, 4.0]]), first=False)
    center.move()
    assert center.value.tolist() == [0.5, 1.0]
    center.move()
    assert center.value.tolist() == [0.5, 1.0]  # nothing new


def test_training_lowers_the_loss_with_a_vit_as_well():
    torch.manual_seed(0)
    method, images = make(tiny_vit, momentum=0.9, learning_rate=3e-3), colours()
    before = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    train(method, 60, batch_size=32, images=images)
    after = method.loss(method.views(images, generator=torch.Generator().manual_seed(1))).item()
    assert after < before - 0.1


def test_a_resumed_run_equals_the_uninterrupted_one_including_center_and_schedules(tmp_path):
    options = {
        "momentum": 0.5,
        "warmup_teacher_temperature": 0.02,
        "temperature_warmup": 0.9,
        "frozen_steps": 5,
    }
    whole, _ = assert_resumed_equals_whole(
        lambda: make(tiny_resnet, **options), tmp_path, spoil=lambda rest: rest.center.value.fill_(7)
    )
    assert "center.value" in whole.state_dict()
    assert {name.split(".")[0] for name in whole.state_dict()} == {"encoder", "head", "teacher", "center"}


def test_default_views_are_multi_crops():
    method = DINO(Pixels())
    assert [view.shape[-1] for view in method.views(pictures(2))] == [16, 16, 8, 8, 8, 8]
    assert method.global_crops == 2
    assert DINO(Pixels(), global_crops=1).global_crops == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"momentum": 1.5}, "momentum=1.5"),
        ({"momentum": 0.9, "final_momentum": 0.5}, "final_momentum=0.5"),
        ({"center_momentum": -1}, "center_momentum is -1"),
        ({"prototypes": 0}, "prototypes=0"),
        ({"global_crops": 0}, "global_crops is 0"),
    ],
)
def test_bad_input_is_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**options)
