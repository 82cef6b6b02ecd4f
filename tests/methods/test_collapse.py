"""What keeps all images from ending at one point? One part is taken away, and the features are looked at.

64 small pictures whose two views share only half of their pixels' values: agreement is cheapest when nothing
of the picture is left. 100 steps with a high learning rate show what takes longer otherwise.
"""

import functools

import pytest
import torch
from torch import nn

from course_lib.evaluate import effective_rank, feature_std
from course_lib.losses.vicreg import covariance
from course_lib.methods.byol import BYOL
from course_lib.methods.simsiam import SimSiam
from course_lib.methods.vicreg import VICReg
from course_lib.models import Encoder


class Thumbnail(Encoder):
    """4 x 4 pixels -> two linear layers."""

    def __init__(self):
        super().__init__(32)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(48, 64), nn.ReLU(), nn.Linear(64, 32))

    def forward(self, images):
        return self.layers(self.standardise(images))


@functools.cache
def trained(method_class, **options):
    """(loss, projections of 64 pictures) after 100 steps."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(64, 3, 4, 4, generator=generator)

    def views():
        return [0.5 * images + 0.5 * torch.rand(images.shape, generator=generator) for _ in range(2)]

    method = method_class(Thumbnail(), projection_size=32, hidden_size=32, **options)
    optimizer = torch.optim.AdamW([p for p in method.parameters() if p.requires_grad], lr=0.03)
    for _ in range(100):
        optimizer.zero_grad()
        loss = method.loss(views())
        loss.backward()
        optimizer.step()
        method.after_step()
    with torch.no_grad():
        return loss.item(), method.project(views()[0])


def spread(method_class, **options):
    return feature_std(trained(method_class, **options)[1])


def rank(method_class, **options):
    return effective_rank(trained(method_class, **options)[1], center=True)


def redundancy(method_class, **options):
    """Covariance of the features at standard deviation 1: how far they repeat each other."""
    z = trained(method_class, **options)[1]
    return covariance((z - z.mean(0)) / z.std(0)).item()


def test_byol_collapses_without_stop_gradient():
    assert spread(BYOL) > 0.8
    assert spread(BYOL, stop_gradient=False) < 0.1
    assert trained(BYOL, stop_gradient=False)[0] < trained(BYOL)[0]  # and its loss looks better


def test_byol_collapses_without_predictor_as_fast_as_its_teacher_follows():
    assert spread(BYOL, predictor=False, momentum=0.0) < 0.1
    assert spread(BYOL, predictor=False, momentum=0.9) < 0.7 * spread(BYOL, momentum=0.9)
    assert spread(BYOL, momentum=0.0) > 0.8  # it is not the teacher that holds it here, but the predictor


@pytest.mark.parametrize("missing", ["stop_gradient", "predictor"])
def test_simsiam_collapses_to_a_line_and_without_last_norm_to_a_point(missing):
    assert rank(SimSiam) > 1.8 * rank(SimSiam, **{missing: False})
    assert spread(SimSiam, last_norm=False) > 0.7
    assert spread(SimSiam, last_norm=False, **{missing: False}) < 0.1
    assert trained(SimSiam, last_norm=False, **{missing: False})[0] < -0.99


def test_vicreg_collapses_without_variance_and_repeats_itself_without_covariance():
    assert spread(VICReg) > 0.4
    assert spread(VICReg, variance_weight=0.0) < 0.1
    assert redundancy(VICReg, covariance_weight=0.0) > 2 * redundancy(VICReg)
