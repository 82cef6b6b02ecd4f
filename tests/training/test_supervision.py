"""The supervised baseline and `course train`."""

import pytest
import torch

from course_lib.data import ImageSet
from course_lib.models import resnet
from course_lib.training import recipe, supervised

from .stand_ins import pictures


def small():
    return resnet(widths=(4, 8), blocks=(1, 1))


def shades(n=64, seed=0):
    """Dark and bright noise: a task that a few steps solve."""
    labels = torch.arange(n) % 2
    images = pictures(n, size=12, seed=seed) // 2 + (labels * 110).to(torch.uint8)[:, None, None, None]
    return ImageSet(images, labels, ["dark", "bright"], "shades")


OPTIONS = {"batch_size": 16, "show": False, "precision": "float32", "channels_last": False}


def test_it_learns_what_labels_say_and_repeats_itself(tmp_path):
    a, b = (supervised(small, shades(), steps=40, seed=3, folder=tmp_path / name, **OPTIONS) for name in "ab")
    test = shades(seed=1)
    assert (a.method.predict(test.images) == test.labels).float().mean() > 0.9
    assert a.history.loss.equals(b.history.loss)
    assert "ln C" in a.stuck_values


def test_sets_without_labels_are_refused_in_a_sentence():
    unlabelled = ImageSet(pictures(8), [-1] * 8, ["a", "b"])
    with pytest.raises(ValueError, match="without a label"):
        supervised(small, unlabelled, steps=1)
    with pytest.raises(ValueError, match=r"no \.classes"):
        supervised(small, pictures(8), steps=1)


@pytest.mark.parametrize("name", recipe.METHODS)
def test_every_method_of_the_command_is_built(name):
    method = recipe.build(name, small(), ["a", "b"])
    assert method.encoder.width == 8


def test_the_report_compares_with_the_random_encoder(tmp_path, monkeypatch):
    import course_lib.data

    monkeypatch.setattr(course_lib.data, "load", lambda name, split: shades(seed=int(split == "test")))
    with pytest.raises(ValueError, match='method is "byol"; choose one of simclr'):
        recipe.train("byol", "shades", steps=2, folder=tmp_path)
    report = recipe.train("supervised", "shades", steps=2, folder=tmp_path, show=False, batch_size=16)
    assert "random encoder" in report
    assert str(tmp_path) in report
