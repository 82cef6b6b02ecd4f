import pytest
import torch
from torch import nn

from course_lib.data import default_views
from course_lib.losses.barlow_twins import barlow_twins
from course_lib.losses.vicreg import vicreg
from course_lib.methods.barlow_twins import BarlowTwins
from course_lib.methods.vicreg import VICReg

from .small import Constant, Pixels, assert_resumed_equals_whole, noisy_views, pictures, tiny_resnet, train

METHODS = pytest.mark.parametrize("method_class", [BarlowTwins, VICReg])


def make(method_class, encoder=Pixels, **options):
    torch.manual_seed(0)
    return method_class(encoder(), **{"projection_size": 8, "views": noisy_views, **options})


def test_losses_are_those_of_the_two_projections_with_the_given_weights():
    for options, loss in (
        ({"redundancy_weight": 0.3}, lambda a, b: barlow_twins(a, b, 0.3)),
        ({"invariance_weight": 3.0, "variance_weight": 5.0, "covariance_weight": 7.0},
         lambda a, b: vicreg(a, b, 3.0, 5.0, 7.0)),
    ):  # fmt: skip
        method = make(BarlowTwins if "redundancy_weight" in options else VICReg, tiny_resnet, **options)
        views = method.train().views(pictures(8))
        z1, z2 = (method.projector(method.encoder(view)) for view in views)
        assert torch.allclose(method.loss(views), loss(z1, z2), rtol=1e-4)


@METHODS
def test_every_parameter_learns_through_both_views_but_the_last_bias(method_class):
    method = make(method_class, tiny_resnet)
    for still in (0, 1):  # a view that is cut off leaves the gradient of the other one
        views = method.views(pictures(8))
        views[still] = views[still].detach()
        method.zero_grad()
        method.loss(views).backward()
        assert all(p.grad is not None for p in method.parameters())
    last = method.projector[-1]
    assert last.bias.grad.abs().max() < 1e-4 * last.weight.grad.abs().max()


@METHODS
def test_projector_has_three_layers_and_no_last_norm(method_class):
    method = make(method_class)
    assert sum(isinstance(layer, nn.Linear) for layer in method.projector) == 3
    assert isinstance(method.projector[-1], nn.Linear)
    assert make(method_class, hidden_size=40).projector[0].out_features == 40
    assert method_class(Pixels()).views is default_views


@METHODS
def test_stuck_value_is_the_loss_of_an_encoder_that_learned_nothing(method_class):
    method = make(method_class, Constant)
    value = method.eval().loss(method.views(pictures(8))).item()
    ((name, stuck),) = method.stuck_values(8).items()
    assert name == {BarlowTwins: "D", VICReg: "0.99 mu"}[method_class]
    assert value == pytest.approx(stuck, rel=1e-5)
    assert stuck == pytest.approx({BarlowTwins: 8, VICReg: 24.75}[method_class])


def test_vicreg_without_variance_term_has_no_stuck_value():
    assert make(VICReg, variance_weight=0.0).stuck_values(8) == {}
    assert make(VICReg, variance_weight=10.0).stuck_values(8) == {"0.99 mu": pytest.approx(9.9)}


def test_your_own_loss_is_called_with_two_projections_and_the_weights():
    calls = []

    def mine(z1, z2, *weights):
        calls.append((z1.shape, z2.shape, weights))
        return (z1 - z2).square().mean()

    train(make(BarlowTwins, loss_function=mine), 1)
    train(make(VICReg, loss_function=mine), 1)
    assert calls == [((8, 8), (8, 8), (0.0051,)), ((8, 8), (8, 8), (25.0, 25.0, 1.0))]


@METHODS
def test_training_lowers_the_loss(method_class):
    method = make(method_class, tiny_resnet, learning_rate=0.01)
    views = method.views(pictures(24), generator=torch.Generator().manual_seed(1))
    before = method.loss(views).item()
    train(method, 30, batch_size=24, images=pictures(24).repeat(30, 1, 1, 1))
    assert method.train().loss(views).item() < 0.8 * before


@METHODS
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, method_class):
    assert_resumed_equals_whole(lambda: make(method_class, tiny_resnet), tmp_path)
