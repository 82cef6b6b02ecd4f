"""Instance discrimination: who has which row, when rows move, and that copies and strangers are noticed."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.data import ImageSet
from course_lib.losses import info_nce
from course_lib.losses.instance_discrimination import instance_discrimination
from course_lib.methods.instance_discrimination import InstanceDiscrimination, remember

from .crops import colours
from .pretext_pictures import as_one_view, seeded
from .small import Constant, Pixels, assert_resumed_equals_whole, pictures, tiny_resnet, train


def make(encoder=Pixels, images=None, **options):
    torch.manual_seed(0)
    images = pictures() if images is None else images
    return InstanceDiscrimination(
        encoder(), images, **{"projection_size": 5, "augment": as_one_view, **options}
    )


def test_every_image_has_one_row_of_its_own_in_any_order_and_any_batch():
    images = pictures(40)
    method = make(images=images)
    rows = method.rows(images)
    assert sorted(rows.tolist()) == list(range(40))
    order = torch.randperm(40, generator=seeded())
    assert torch.equal(method.rows(images[order]), rows[order])
    assert torch.equal(torch.cat([method.rows(part) for part in images.split(7)]), rows)
    assert torch.equal(make(images=images[order]).rows(images), rows)  # the set may be given in any order


def test_views_carry_the_row_last_and_draw_from_the_generator():
    images = pictures(6, 32)
    method = InstanceDiscrimination(Pixels(), images)
    view, own = method.views(images, generator=seeded())
    assert view.shape == (6, 3, 32, 32)
    assert view.dtype == torch.float32
    assert torch.equal(own, method.rows(images))
    assert torch.equal(view, method.views(images, generator=seeded())[0])
    assert not torch.equal(view, method.views(images, generator=seeded(1))[0])


def test_an_image_that_was_not_given_is_refused_and_labels_are_not_looked_at():
    images = pictures(8)
    method = make(images=ImageSet(images, [-1] * 8, ["a"]))
    other = images.clone()
    other[[2, 5], 0, 0, 0] += 1
    with pytest.raises(ValueError, match="2 of 8 images are none of the 8 it was made with"):
        method.views(other)
    batch = [images, torch.full((8,), 3)]
    assert torch.equal(method.training_step(batch, 0), method.training_step(images, 0))


def test_copies_of_a_picture_share_a_row_which_moves_once():
    images = pictures(6)[torch.tensor([0, 1, 2, 3, 0, 0])]
    method = make(images=images, momentum=0.5)
    assert len(method.bank) == 4
    rows = method.rows(images)
    assert rows[0] == rows[4] == rows[5]
    bank, z = method.bank.clone(), F.normalize(torch.randn(6, 5), dim=1)
    remember(method.bank, rows, z, 0.5)
    moved = F.normalize(0.5 * bank[rows[0]] + 0.5 * z[[0, 4, 5]].mean(0), dim=0)
    assert torch.allclose(method.bank[rows[0]], moved, atol=1e-6)
    assert torch.allclose(method.bank[rows[1]], F.normalize(0.5 * bank[rows[1]] + 0.5 * z[1], dim=0))


def test_the_bank_starts_as_random_unit_rows():
    bank = make(images=pictures(200), projection_size=64).bank
    assert torch.allclose(bank.norm(dim=1), torch.ones(200))
    assert bank.mean(dim=0).norm() < 0.2
    assert bank.dtype == torch.float32


@pytest.mark.parametrize("momentum", [0.0, 0.5, 1.0])
def test_the_loss_uses_the_bank_before_this_batch_and_the_step_moves_the_rows_of_this_batch(momentum):
    images = pictures(24)
    method = make(images=images, momentum=momentum)
    train(method, 2, images=images)
    view, own = method.views(images[8:16])
    z, bank = F.normalize(method.project(view), dim=1), method.bank.clone()
    loss = method.train().loss([view, own])
    assert torch.allclose(loss, instance_discrimination(z, bank, own, 0.07))
    assert torch.equal(method.bank, bank)  # not before the step
    method.after_step()
    assert torch.allclose(method.bank.norm(dim=1), torch.ones(24))
    expected = F.normalize(momentum * bank[own] + (1 - momentum) * z, dim=1)
    assert torch.allclose(method.bank[own], expected, atol=1e-6)
    others = [row for row in range(24) if row not in own]
    assert torch.equal(method.bank[others], bank[others])


def test_all_accumulated_batches_reach_the_bank_and_validation_does_not():
    images = pictures(16)
    method = make(images=images)
    start = method.bank.clone()
    train(method, 1, batch_size=4, images=images, accumulate_grad_batches=2)
    assert sorted((method.bank != start).any(dim=1).nonzero()[:, 0].tolist()) == sorted(
        method.rows(images[:8]).tolist()
    )
    bank = method.bank.clone()
    method.eval().loss(method.views(images))
    method.after_step()
    assert torch.equal(method.bank, bank)


def test_only_the_batches_of_the_last_step_count_and_only_once():
    images = pictures()
    method = make()
    start = method.bank.clone()
    method.loss(method.views(images[:8]))  # a step that was never finished
    method.loss(method.views(images[8:16]))
    method.after_step()
    moved = (method.bank != start).any(dim=1).nonzero()[:, 0]
    assert sorted(moved.tolist()) == sorted(method.rows(images[8:16]).tolist())
    bank = method.bank.clone()
    method.after_step()
    assert torch.equal(method.bank, bank)


def test_the_proximal_term_is_the_squared_way_from_the_own_row():
    method, images = make(proximal_weight=0.3), pictures()
    view, own = method.views(images)
    z = F.normalize(method.project(view), dim=1)
    way = (z - method.bank[own]).square().sum(dim=1).mean()
    plain = instance_discrimination(z, method.bank, own, 0.07)
    assert torch.allclose(method.loss([view, own]), plain + 0.3 * way, rtol=1e-5)


def test_drawn_negatives_are_rows_of_the_bank():
    method, images = make(negatives=7), pictures()
    view, own = method.views(images)
    torch.manual_seed(3)
    value = method.loss([view, own])
    torch.manual_seed(3)
    others = torch.randint(24, (7,))
    expected = info_nce(method.project(view), method.bank[own], method.bank[others], 0.07)
    assert torch.allclose(value, expected, rtol=1e-5)
    assert method.stuck_values(8) == {"ln(m+1)": math.log(8)}


def test_only_encoder_and_projector_learn_and_your_own_loss_is_used():
    calls = []

    def my_loss(features, bank, own, temperature):
        calls.append((features.shape, bank.shape, own.shape, temperature))
        return (features - bank[own]).square().mean()

    method = make(tiny_resnet, loss_function=my_loss, temperature=0.2)
    method.loss(method.views(pictures(8))).backward()
    assert calls == [((8, 5), (24, 5), (8,), 0.2)]
    assert all(p.grad is not None for p in method.parameters())
    assert set(dict(method.named_buffers())) >= {"bank", "known"}


def test_stuck_value_is_the_loss_of_an_encoder_that_learned_nothing():
    method, images = make(Constant), pictures()
    for _ in range(12):  # until nothing is left of the random rows
        method.loss(method.views(images))
        method.after_step()
    value = method.loss(method.views(images)).item()
    assert list(method.stuck_values(8)) == ["ln N"]
    assert value == pytest.approx(method.stuck_values(8)["ln N"], rel=1e-3)
    assert value == pytest.approx(math.log(24), rel=1e-3)


def test_it_learns_to_tell_images_apart():
    images = colours(32)
    method = make(images=images, learning_rate=0.03)
    train(method, 60, batch_size=32, images=images)
    view, own = method.views(images)
    assert method.loss([view, own]).item() < 0.8 * math.log(32)
    nearest = (F.normalize(method.project(view), dim=1) @ method.bank.T).argmax(dim=1)
    assert (nearest == own).float().mean() > 0.5


def test_a_resumed_run_equals_the_uninterrupted_one_including_the_bank(tmp_path):
    images = pictures(8)
    whole, _ = assert_resumed_equals_whole(
        lambda: make(tiny_resnet, images, negatives=5, proximal_weight=0.1),
        tmp_path,
        images=images,
        spoil=lambda rest: rest.bank.zero_(),
    )
    assert {"bank", "known"} <= set(whole.state_dict())


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: make(momentum=1.5), ValueError, "momentum=1.5"),
        (lambda: make(proximal_weight=-1), ValueError, "proximal_weight=-1"),
        (lambda: make(negatives=0), ValueError, "negatives=0"),
        (lambda: make(images=pictures(1).repeat(3, 1, 1, 1)), ValueError, "has 1 different images; give"),
        (lambda: make(images=pictures(0)), ValueError, "has 0 different images; give"),
        (lambda: make(images=pictures(4).float()), TypeError, "float32; give uint8"),
    ],
)
def test_sentences(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
