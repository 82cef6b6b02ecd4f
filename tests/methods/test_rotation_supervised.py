"""S4L-Rotation: which images are asked what, and that turned pictures help where labels are few."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.data import ImageSet
from course_lib.methods.labelled import LabelledImages
from course_lib.methods.rotation import Rotation
from course_lib.methods.rotation_supervised import RotationSupervised

from .pretext_pictures import Thumbnail, as_one_view, seeded, silence
from .small import assert_resumed_equals_whole, pictures, tiny_resnet, train

LABELS = torch.tensor([0, 2, 1, 1, 0, 2])


def make(encoder=Thumbnail, labelled=None, **options):
    torch.manual_seed(0)
    labelled = (pictures(6, seed=1), LABELS) if labelled is None else labelled
    options = {"labelled_batch": 5, "augment": as_one_view, **options}
    return RotationSupervised(encoder(), 3, labelled, **options)


def test_views_are_all_images_in_all_four_positions_with_the_labels_of_the_labelled_ones():
    method, images = make(), pictures(8)
    turned, labels, answer = method.views(images, generator=seeded())
    assert turned.shape == (4 * 13, 3, 16, 16)
    assert answer.tolist() == [turns for turns in range(4) for _ in range(13)]
    for turns, part in enumerate(turned.split(13)):
        upright = part.rot90(-turns, (2, 3))
        assert torch.equal(upright[5:], images / 255)
        for image, label in zip(upright[:5], labels, strict=True):
            same = (pictures(6, seed=1) / 255 == image).flatten(1).all(dim=1)
            assert LABELS[same].tolist() == [label]


def test_labels_of_the_batch_are_not_looked_at_and_draws_come_from_the_generator():
    method, images = make(), pictures(8)
    first, again, other = (method.views(images, generator=seeded(s)) for s in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert not method.needs_labels
    method.training_step([images, torch.full((8,), 99)], 0)


def test_the_loss_asks_the_labelled_images_twice_and_the_others_once():
    method = make(weight=0.7)
    turned, labels, answer = method.views(pictures(8), generator=seeded())
    classes, turns = [], []
    for row, image in enumerate(turned):
        features = method.encoder(image[None])
        turns.append(F.cross_entropy(method.rotation_head(features), answer[row : row + 1]))
        if row % 13 < 5:
            right = labels[row % 13][None]
            classes.append(F.cross_entropy(method.classifier(features), right))
    expected = sum(classes) / 20 + 0.7 * sum(turns) / 52
    assert torch.allclose(method.loss([turned, labels, answer]), expected, rtol=1e-5)


def test_the_parts_are_those_of_rotation_and_of_the_supervised_baseline():
    method, images = make(), pictures(8)
    turned, labels, answer = method.views(images, generator=seeded())
    rotation = Rotation(method.encoder, augment=as_one_view)
    rotation.head = method.rotation_head
    known = turned.unflatten(0, (4, 13))[:, :5].flatten(0, 1)
    parts = rotation.loss([turned, answer]), super(RotationSupervised, method).loss([known], labels.repeat(4))
    assert torch.allclose(method.loss([turned, labels, answer]), sum(parts), rtol=1e-5)


def test_without_weight_the_rotation_head_and_the_unlabelled_images_teach_nothing():
    method = make(weight=0.0)
    turned, labels, answer = method.views(pictures(8), generator=seeded())
    leaf = turned.clone().requires_grad_()
    method.loss([leaf, labels, answer]).backward()
    assert method.rotation_head.weight.grad.abs().sum() == 0
    by_image = leaf.grad.abs().sum(dim=(1, 2, 3)).unflatten(0, (4, 13))
    assert (by_image[:, :5] > 0).all()
    assert (by_image[:, 5:] == 0).all()


@pytest.mark.parametrize(("weight", "name"), [(1.0, "ln C + ln 4"), (0.0, "ln C"), (0.5, "ln C + 0.5 ln 4")])
def test_stuck_value_is_the_loss_of_equal_scores(weight, name):
    method = make(weight=weight)
    silence(method.classifier)
    silence(method.rotation_head)
    value = method.loss(method.views(pictures(8))).item()
    assert list(method.stuck_values(8)) == [name]
    assert value == pytest.approx(method.stuck_values(8)[name], rel=1e-6)
    assert value == pytest.approx(math.log(3) + weight * math.log(4), rel=1e-6)


def test_it_learns_both_questions_and_predicts_upright_images():
    """Bright above, dark below; the class is the colour, of which one example each has a label."""
    colours = torch.tensor([[250, 90, 90], [90, 250, 90], [90, 90, 250]], dtype=torch.uint8)
    labels = torch.arange(24) % 3
    images = colours[labels][:, :, None, None].repeat(1, 1, 16, 16)
    images[:, :, 8:] //= 4
    images -= torch.randint(0, 20, (24, 1, 1, 1), dtype=torch.uint8, generator=seeded())
    known = ImageSet(images[:3], labels[:3], list("abc"))
    method = make(labelled=known, learning_rate=0.03)
    views = method.views(images, generator=seeded())
    before = method.loss(views).item()
    train(method, 40, batch_size=24, images=images)
    assert method.loss(views).item() < 0.4 * before
    assert (method.predict(images) == labels).float().mean() > 0.9
    scores = method.rotation_head(method.encoder(views[0]))
    assert (scores.argmax(dim=1) == views[2]).float().mean() > 0.9


def test_accuracy_of_the_turns_is_logged():
    trainer = train(make(tiny_resnet), 2, images=pictures(8))
    assert 0 <= trainer.logged_metrics["accuracy"] <= 1


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    assert_resumed_equals_whole(lambda: make(tiny_resnet), tmp_path, steps=4)


def test_labelled_images_are_drawn_with_replacement_each_with_its_own_label():
    labelled = LabelledImages("X", (pictures(6), LABELS), 600)
    images, labels = labelled.draw(torch.device("cpu"), seeded())
    which = (images[:, None] == pictures(6)).flatten(2).all(dim=2).int().argmax(dim=1)
    assert torch.equal(labels, LABELS[which])
    assert (which.bincount(minlength=6) > 60).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: make(weight=-1), "RotationSupervised: weight=-1"),
        (lambda: make(labelled_batch=0), "RotationSupervised: labelled_batch=0"),
        (lambda: make(labelled=(pictures(3), torch.tensor([0, 1]))), "RotationSupervised: .* 3 images and 2"),
        (lambda: make(labelled=(pictures(2), torch.tensor([0, -1]))), "at least 0"),
        (
            lambda: make().views(pictures(4, 12)),
            r"labelled images are \(3, 16, 16\), the others \(3, 12, 12\)",
        ),
        (
            lambda: make().loss([torch.rand(52, 3, 8, 8), torch.full((5,), 3), torch.zeros(52).long()]),
            "3 cla",
        ),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
