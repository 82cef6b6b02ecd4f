"""All names of `course train`: each is trained, probed and reported, and goes on after an interruption."""

import os
import signal

import pytest
import torch

import course_lib.data
from course_lib import cli
from course_lib.data import ImageSet
from course_lib.models import VisionTransformer, resnet
from course_lib.training import recipe

from .stand_ins import pictures, same_state
from .test_fit import quick

SIDE = 12
# no test of their own resumes these; the others are slow here, and quick in the file of their method
RESUMED_HERE = ("simclr_v2", "moco_v1", "supervised", "pseudo_label", "fixmatch")
ALL = [n if n in RESUMED_HERE else pytest.param(n, marks=pytest.mark.slow) for n in recipe.METHODS]


def noise(n=128, seed=0):
    """Images in two classes, enough of each to draw the labelled ones of the semi-supervised methods."""
    return ImageSet(pictures(n, size=SIDE, seed=seed), torch.arange(n) % 2, ["even", "odd"], "noise")


def method_of(name, images):
    """The recipe's method with its own options, on the smallest encoder of its usual family."""
    torch.manual_seed(5)
    one = recipe.RECIPES[name]
    if one.families[0] == "resnet":
        encoder = resnet(widths=(4, 6), blocks=(1, 1))
    else:
        encoder = VisionTransformer(SIDE, 4, 8, 1, 2, pool="mean" if one.families[0] == "vit_mean" else "cls")
    teacher = {"teacher": resnet(widths=(4, 8), blocks=(1, 1))} if one.from_teacher else {}
    return recipe.build(name, encoder, images, **teacher)


@pytest.mark.parametrize("name", ALL)
def test_an_interrupted_run_of_every_recipe_equals_the_uninterrupted_one(tmp_path, name):
    """Bit for bit, whatever a method keeps besides its weights and wherever its draws come from."""
    images, options = noise(60), {"steps": 4, "batch_size": 16}  # three steps are an epoch
    whole, parts, fresh = (method_of(name, images) for _ in range(3))
    expected = quick(whole, images, folder=tmp_path / "whole", **options)
    loss = parts.loss

    def interrupted_loss(*given):
        if parts._trainer is not None and parts.global_step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return loss(*given)

    parts.loss = interrupted_loss
    assert quick(parts, images, folder=tmp_path / "parts", **options).steps == 3
    run = quick(fresh, images, folder=tmp_path / "parts", resume=True, **options)
    assert run.steps == 4
    assert same_state(whole, fresh)
    assert run.history.loss.equals(expected.history.loss)


@pytest.mark.slow
@pytest.mark.parametrize("name", recipe.METHODS)
def test_the_command_trains_and_reports_every_name(tmp_path, monkeypatch, capsys, name):
    monkeypatch.setattr(course_lib.data, "load", lambda name, split: noise(seed=int(split == "test")))
    command = ["train", name, "--profile", "quick", "--steps", "2", "--out", str(tmp_path)]
    assert cli.main(command) == 0
    report = capsys.readouterr().out
    assert f"{name} ({recipe.RECIPES[name].families[0]}) on noise: finished, 2 steps" in report
    assert "128 test images: random encoder" in report
    assert f"checkpoint: {tmp_path / 'last.ckpt'}" in report
    assert (tmp_path / "last.ckpt").is_file()
