import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data import default_views
from course_lib.losses.simsiam import simsiam
from course_lib.methods.simsiam import SimSiam

from .small import Pixels, assert_resumed_equals_whole, noisy_views, pictures, tiny_resnet, train


def make(encoder=Pixels, **options):
    torch.manual_seed(0)
    return SimSiam(encoder(), **{"projection_size": 16, "views": noisy_views, **options})


def heads(method, views):
    z = [method.projector(method.encoder(view)) for view in views]
    return *z, *(method.predictor(x) for x in z)


def weights(method):
    return list(method.parameters())


def assert_same_gradients(ours, theirs):
    """Against the largest one: a bias before a BatchNorm has no gradient but rounding."""
    ours, theirs = (torch.cat([g.flatten() for g in gradients]) for gradients in (ours, theirs))
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_loss_is_simsiam_with_crossed_views():
    method = make(tiny_resnet).train()
    views = method.views(pictures(8))
    z1, z2, p1, p2 = heads(method, views)
    assert torch.allclose(method.loss(views), simsiam(p1, z2, p2, z1), rtol=1e-5)
    assert not torch.allclose(simsiam(p1, z2, p2, z1), simsiam(p1, z1, p2, z2), rtol=1e-3)


def test_gradient_flows_through_the_predictions_only():
    method = make()
    views = method.views(pictures(8))
    z1, z2, p1, p2 = heads(method, views)
    cosines = F.cosine_similarity(p1, z2.detach()) + F.cosine_similarity(p2, z1.detach())
    expected = torch.autograd.grad(-cosines.mean() / 2, weights(method))
    ours = torch.autograd.grad(method.loss(views), weights(method))
    assert_same_gradients(ours, expected)


def test_without_stop_gradient_both_sides_learn_and_the_value_is_the_same():
    method = make(stop_gradient=False)
    views = method.views(pictures(8))
    z1, z2, p1, p2 = heads(method, views)
    expected = -(F.cosine_similarity(p1, z2) + F.cosine_similarity(p2, z1)).mean() / 2
    loss = method.loss(views)
    assert torch.allclose(loss, expected, rtol=1e-5)
    ours, theirs = (torch.autograd.grad(value, weights(method)) for value in (loss, expected))
    assert_same_gradients(ours, theirs)


def test_without_predictor_the_stop_gradient_stops_nothing_but_half():
    """Section 4.2 of the paper: why removing the predictor collapses."""
    stopped, flowing = make(predictor=False), make(predictor=False, stop_gradient=False)
    views = stopped.views(pictures(8))
    half = torch.autograd.grad(stopped.loss(views), weights(stopped))
    whole = torch.autograd.grad(flowing.loss(views), weights(flowing))
    assert_same_gradients([2 * gradient for gradient in half], whole)


def test_heads_are_the_papers():
    method = make()
    assert sum(isinstance(layer, nn.Linear) for layer in method.projector) == 3
    assert isinstance(method.projector[-1], nn.BatchNorm1d)
    assert not method.projector[-1].affine
    first, *_, last = method.predictor
    assert (first.out_features, last.out_features) == (4, 16)
    assert isinstance(last, nn.Linear)
    assert isinstance(make(predictor=False).predictor, nn.Identity)
    assert isinstance(make(last_norm=False).projector[-1], nn.Linear)
    assert SimSiam(Pixels()).views is default_views


def test_your_own_loss_gets_p1_z2_p2_z1():
    calls = []

    def mine(p1, z2, p2, z1):
        calls.append((p1.shape, z2.shape, p2.shape, z1.shape))
        return simsiam(p1, z2, p2, z1)

    train(make(loss_function=mine), 1)
    assert calls == [((8, 16),) * 4]


def test_unrelated_predictions_sit_on_the_stuck_value():
    torch.manual_seed(0)
    method = SimSiam(tiny_resnet(), projection_size=512, views=noisy_views)
    value = method.loss(method.views(pictures(24))).item()
    assert value == pytest.approx(method.stuck_values(24)["cos = 0"], abs=0.1)
    assert -1.0 not in method.stuck_values(24).values()


def test_training_lowers_the_loss():
    method = make(tiny_resnet, learning_rate=0.01)
    views = method.views(pictures(8), generator=torch.Generator().manual_seed(1))
    before = method.loss(views).item()
    train(method, 40, images=pictures(8).repeat(40, 1, 1, 1))
    assert method.train().loss(views).item() < before - 0.1


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    assert_resumed_equals_whole(lambda: make(tiny_resnet), tmp_path)


def test_a_projection_too_small_for_the_bottleneck_is_a_sentence():
    with pytest.raises(ValueError, match="projection_size is 3; give at least 4"):
        make(projection_size=3)
