import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.losses import moco
from course_lib.methods import MoCo
from course_lib.methods.moco import enqueue, momentum_update

from .small import (
    Constant,
    Pixels,
    assert_resumed_equals_whole,
    assert_same_state,
    noisy_views,
    pictures,
    tiny_resnet,
    train,
)


def make(encoder=Pixels, **options):
    torch.manual_seed(0)  # before the encoder is made: all that are made alike start alike
    options = {"queue_size": 20, "projection_size": 5, "views": noisy_views, **options}
    return MoCo(encoder(), **options)


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 9), batches=st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_queue_holds_the_last_keys_whatever_the_batch_sizes(size, batches):
    queue, pointer, history = -torch.arange(1.0, size + 1)[:, None], 0, []
    for batch in batches:
        keys = torch.arange(len(history), len(history) + batch, dtype=torch.float)[:, None]
        before = queue.clone()
        new, pointer = enqueue(queue, pointer, keys)
        assert torch.equal(queue, before)  # what the loss saw is not touched
        queue, history = new, history + keys[:, 0].tolist()
        assert pointer == len(history) % size
        written = [row for row in queue[:, 0].tolist() if row >= 0]
        assert sorted(written) == sorted(history)[-size:]
    # the row that the pointer shows is the oldest: rows from there on are in the order of arrival
    order = queue.roll(-pointer, 0)[:, 0].tolist()
    arrived = [row for row in order if row >= 0]
    assert arrived == sorted(arrived)


def test_enqueue_refuses_keys_of_another_size():
    with pytest.raises(ValueError, match=r"keys is \(2, 3\) but queue is \(4, 5\)"):
        enqueue(torch.zeros(4, 5), 0, torch.zeros(2, 3))


def test_loss_is_moco_of_query_and_teacher_against_the_queue_before_this_batch():
    method = make(momentum=0.9)
    train(method, 2)  # teacher and student differ now
    views = method.views(pictures(8))
    query, key = method.student(views[0]), method.teacher(views[1])
    queue = method.queue.clone()
    assert torch.allclose(method.train().loss(views), moco(query, key, queue, 0.2), rtol=1e-5)
    assert torch.equal(method.queue, queue)  # not before the step
    weights = [p.clone() for p in method.teacher.parameters()]
    expected = [0.9 * t + 0.1 * s for t, s in zip(weights, method.student.parameters(), strict=True)]
    pointer = int(method.queue_pointer)
    method.after_step()
    rows = torch.arange(pointer, pointer + 8) % 20
    assert torch.allclose(method.queue[rows], F.normalize(key, dim=1), atol=1e-6)
    untouched = [row for row in range(20) if row not in rows]
    assert torch.equal(method.queue[untouched], queue[untouched])
    assert int(method.queue_pointer) == (pointer + 8) % 20
    for teacher, value in zip(method.teacher.parameters(), expected, strict=True):
        assert torch.allclose(teacher, value, atol=1e-6)


def test_no_gradient_reaches_the_teacher_and_the_optimiser_does_not_have_it():
    method = make(tiny_resnet)
    method.loss(method.views(pictures(8))).backward()
    assert all(p.grad is None for p in method.teacher.parameters())
    assert all(p.grad is not None for p in method.student.parameters())
    trained = {id(p) for g in method.configure_optimizers()["optimizer"].param_groups for p in g["params"]}
    assert trained == {id(p) for p in method.student.parameters()}


def test_teacher_starts_as_the_student_and_moves_only_by_momentum():
    frozen, following = make(momentum=1.0), make(momentum=0.0)
    for teacher, student in zip(frozen.teacher.parameters(), frozen.student.parameters(), strict=True):
        assert torch.equal(teacher, student)
    start = [p.clone() for p in frozen.teacher.parameters()]
    train(frozen, 3)
    train(following, 3)
    assert all(torch.equal(a, b) for a, b in zip(start, frozen.teacher.parameters(), strict=True))
    for teacher, student in zip(following.teacher.parameters(), following.student.parameters(), strict=True):
        assert torch.allclose(teacher, student)


@pytest.mark.parametrize(("version", "layers", "temperature"), [(1, 1, 0.07), (2, 2, 0.2)])
def test_versions(version, layers, temperature):
    method = make(version=version)
    assert sum(isinstance(layer, nn.Linear) for layer in method.head) == layers
    assert method.temperature == temperature
    assert make(version=version, temperature=0.5).temperature == 0.5
    assert MoCo(Pixels(), version=version).views.policy == f"moco_v{version}"


def test_stuck_value_is_the_loss_of_an_encoder_that_learned_nothing():
    method = make(Constant, queue_size=12)
    for _ in range(3):  # until the random rows have left the queue
        method.loss(method.views(pictures(8)))
        method.after_step()
    value = method.loss(method.views(pictures(8))).item()
    assert list(method.stuck_values(8)) == ["ln(K+1)"]
    assert value == pytest.approx(method.stuck_values(8)["ln(K+1)"], rel=1e-5)
    assert value == pytest.approx(math.log(13), rel=1e-5)


def test_your_own_functions_are_used():
    calls = []

    def my_loss(query, key, queue, temperature):
        calls.append(("loss", query.shape, key.shape, queue.shape, temperature))
        return (query - key).square().mean()

    def my_update(teacher, student, momentum):
        calls.append(("update", momentum))
        momentum_update(teacher, student, momentum)

    def my_enqueue(queue, pointer, keys):
        calls.append(("enqueue", pointer, keys.shape))
        return torch.cat([queue, keys])[-len(queue) :], 0  # newest last: a queue without a pointer

    method = make(loss_function=my_loss, momentum_update=my_update, enqueue=my_enqueue, momentum=0.7)
    train(method, 2)
    once = [("loss", (8, 5), (8, 5), (20, 5), 0.2), ("update", 0.7), ("enqueue", 0, (8, 5))]
    assert calls == once * 2
    assert all(isinstance(call[1], int) for call in calls if call[0] == "enqueue")


def test_queue_fills_in_order_of_batches_and_every_accumulated_batch_enters():
    method = make(queue_size=16)
    method.enqueue = lambda queue, pointer, keys: (torch.cat([queue, keys])[-16:], pointer + len(keys))
    train(method, 1, batch_size=4, images=pictures(8), accumulate_grad_batches=2)
    assert int(method.queue_pointer) == 8


def test_keys_of_validation_do_not_enter_the_queue():
    method = make().eval()
    method.loss(method.views(pictures(8)))
    queue = method.queue.clone()
    method.after_step()
    assert torch.equal(method.queue, queue)


def test_state_holds_queue_pointer_and_teacher_once(tmp_path):
    method = make(tiny_resnet)
    train(method, 3)
    names = list(method.state_dict())
    assert {"queue", "queue_pointer"} <= set(names)
    assert {name.split(".")[0] for name in names} == {
        "encoder", "head", "teacher", "queue", "queue_pointer"
    }  # fmt: skip
    torch.save(method.state_dict(), tmp_path / "state.pt")
    other = make(tiny_resnet)
    other.load_state_dict(torch.load(tmp_path / "state.pt"))
    assert_same_state(method, other)
    assert int(other.queue_pointer) == 24 % 20


def test_a_resumed_run_equals_the_uninterrupted_one_including_queue_and_teacher(tmp_path):
    assert_resumed_equals_whole(
        lambda: make(tiny_resnet, batch_norm_groups=2), tmp_path, spoil=lambda rest: rest.queue.zero_()
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"version": 3}, "version=3"),
        ({"queue_size": 0}, "queue_size=0"),
        ({"momentum": 1.5}, "momentum=1.5"),
        ({"batch_norm_groups": 0}, "batch_norm_groups is 0"),
    ],
)
def test_bad_input_is_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**options)
