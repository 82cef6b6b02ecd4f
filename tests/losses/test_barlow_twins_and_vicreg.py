import lightly.loss
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.losses.barlow_twins import barlow_twins
from course_lib.losses.inputs import NotFiniteError
from course_lib.losses.vicreg import covariance, invariance, variance, vicreg

from .oracles_no_negatives import (
    barlow_twins_loop,
    covariance_loop,
    invariance_loop,
    variance_loop,
    vicreg_loop,
)


def views(batch, size, seed=0, noise=0.5):
    generator = torch.Generator().manual_seed(seed)
    z1 = torch.randn(batch, size, generator=generator)
    z2 = z1 + noise * torch.randn(batch, size, generator=generator)
    return z1.requires_grad_(), z2.requires_grad_()


def with_gradient(loss, inputs):
    value = loss(*inputs)
    return value.detach().double(), torch.autograd.grad(value, inputs)


def assert_same(ours, theirs, tolerance=1e-5):
    assert torch.allclose(ours[0], theirs[0], rtol=tolerance, atol=1e-6)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        assert (mine - other).abs().max() <= tolerance * other.abs().max() + 1e-9


@pytest.mark.parametrize("weight", [0.0, 0.0051, 1.0])
@pytest.mark.parametrize("shape", [(3, 2), (7, 4), (5, 9)])
def test_barlow_twins_equals_the_loop(shape, weight):
    z1, z2 = views(*shape)
    inputs = [(2 * z1 + 3).detach().requires_grad_(), z2]
    assert_same(
        with_gradient(lambda a, b: barlow_twins(a, b, weight), inputs),
        with_gradient(lambda a, b: barlow_twins_loop(a, b, weight), inputs),
    )


@pytest.mark.parametrize("shape", [(2, 2), (7, 4), (5, 9)])
def test_vicreg_and_its_terms_equal_the_loops(shape):
    z1, z2 = views(*shape, seed=1)
    # half of the features have a spread above 1, half below, and none has mean 0
    scale = torch.linspace(0.2, 3, shape[1])
    inputs = [(z * scale + 2).detach().requires_grad_() for z in (z1, z2)]
    assert_same(with_gradient(vicreg, inputs), with_gradient(vicreg_loop, inputs))
    weights = (3.0, 5.0, 7.0)
    assert_same(
        with_gradient(lambda a, b: vicreg(a, b, *weights), inputs),
        with_gradient(lambda a, b: vicreg_loop(a, b, weights), inputs),
    )
    assert_same(with_gradient(invariance, inputs), with_gradient(invariance_loop, inputs))
    for ours, theirs in ((variance, variance_loop), (covariance, covariance_loop)):
        assert_same(with_gradient(ours, inputs[:1]), with_gradient(theirs, inputs[:1]))


@pytest.mark.parametrize(("batch", "size"), [(8, 24), (33, 24), (256, 128)])
def test_equal_lightly_in_value_and_gradient(batch, size):
    inputs = views(batch, size)
    # lightly adds 1e-5 to the variance where we add 1e-8: inputs with a spread of 100 make that invisible
    large = [(100 * z).detach().requires_grad_() for z in inputs]
    peer = lightly.loss.BarlowTwinsLoss(0.0051)
    assert_same(with_gradient(barlow_twins, large), with_gradient(peer, large))
    assert_same(with_gradient(vicreg, inputs), with_gradient(lightly.loss.VICRegLoss(), inputs))


def test_official_vicreg_value_is_17_63_where_forgetting_the_two_halves_gives_34_70():
    """The shape of a known slip: a hinge that is not halved counts double and nothing else changes."""
    z1, z2 = (0.1 * z.detach() for z in views(64, 8))
    parts = 25 * invariance(z1, z2) + covariance(z1) + covariance(z2)
    spread = variance(z1) + variance(z2)
    assert torch.allclose(vicreg(z1, z2), parts + 12.5 * spread, rtol=1e-5)
    assert vicreg(z1, z2) < 0.55 * (parts + 25 * spread)


@pytest.mark.parametrize("batch", [2, 8, 300, 1024])
def test_constant_features(batch):
    for constant in (0.0, 0.3, 2.3, 10.7, 100.1):
        same = torch.full((batch, 6), constant, requires_grad=True)
        value = barlow_twins(same, same)
        assert value.item() == pytest.approx(6, rel=1e-5)  # the rounding of a mean is no spread
        assert torch.autograd.grad(value, [same])[0].abs().max() == 0
    same = torch.full((batch, 6), 0.3)
    assert vicreg(same, same).item() == pytest.approx(24.75, rel=1e-6)
    assert vicreg(same, same, variance_weight=4.0).item() == pytest.approx(0.99 * 4, rel=1e-6)
    assert vicreg(same, same, variance_weight=0.0).item() == pytest.approx(0, abs=1e-20)
    assert variance(same).item() == pytest.approx(0.99)


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e3])
def test_barlow_twins_of_equal_views_is_0_on_the_diagonal_and_blind_to_scale_and_offset(scale):
    z1, z2 = (z.detach() for z in views(16, 8))
    assert barlow_twins(scale * z1, scale * z1, 0.0).item() == pytest.approx(0, abs=1e-5)
    factor = torch.linspace(0.5, 4, 8) * scale
    moved = barlow_twins(z1 * factor + 3 * scale, z2 * factor.flip(0) - 2 * scale)
    tolerance = 3e-3 if scale < 1 else 1e-5  # where a variance is no longer far above EPSILON
    assert torch.allclose(moved, barlow_twins(z1, z2), rtol=tolerance)
    assert barlow_twins(z1, -z1, 0.0).item() == pytest.approx(8 * 4, rel=1e-4)  # (1 - (-1))^2 a feature


def test_perfect_and_redundant_features():
    eye = torch.eye(4)
    white = torch.cat([eye, -eye]) * 2  # uncorrelated, and a standard deviation above 1
    assert barlow_twins(white, white, 1.0).item() == pytest.approx(0, abs=1e-5)
    assert vicreg(white, white).item() == pytest.approx(0, abs=1e-6)
    copies = white[:, :1].expand(-1, 5) / white[:, 0].std()  # five times one feature of variance 1
    assert covariance(copies).item() == pytest.approx(4, rel=1e-5)
    assert barlow_twins(copies, copies, 0.5).item() == pytest.approx(0.5 * 20, rel=1e-5)


def test_a_constant_feature_among_living_ones_costs_1_and_gives_finite_gradients():
    for batch, constant in ((16, 0.0), (16, 0.1), (300, 7.3), (1024, 100.1)):
        z1, z2 = (z.detach() for z in views(batch, 5))
        z1[:, 2] = z2[:, 2] = constant
        z1.requires_grad_()
        value = barlow_twins(z1, z2)
        rest = [0, 1, 3, 4]
        assert value.item() == pytest.approx(1 + barlow_twins(z1[:, rest], z2[:, rest]).item(), rel=1e-5)
        (gradient,) = torch.autograd.grad(value, [z1])
        assert torch.isfinite(gradient).all()
        assert gradient[:, 2].abs().max() < 1e-5  # dead in both views: nothing pushes it anywhere
        assert torch.isfinite(torch.autograd.grad(vicreg(z1, z2), [z1])[0]).all()


def test_equal_views_make_finite_gradients():
    z1, _ = views(6, 5)
    same = torch.ones(6, 5, requires_grad=True)
    for loss in (barlow_twins, vicreg):
        for z in (z1, same):
            assert torch.isfinite(torch.autograd.grad(loss(z, z), [z])[0]).all()


def test_gradient_flows_into_both_views():
    for loss in (barlow_twins, vicreg):
        _, gradients = with_gradient(loss, views(6, 5))
        assert all(gradient.abs().max() > 1e-4 for gradient in gradients)


@settings(max_examples=30, deadline=None)
@given(batch=st.integers(2, 10), size=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_blind_to_the_order_of_images_and_of_features(batch, size, seed):
    z1, z2 = (z.detach() for z in views(batch, size, seed))
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (torch.randperm(n, generator=generator) for n in (batch, size))
    for loss in (barlow_twins, vicreg):
        value = loss(z1, z2)
        close = {"rtol": 1e-4, "atol": 1e-4}
        assert torch.allclose(loss(z1[rows], z2[rows]), value, **close)
        assert torch.allclose(loss(z1[:, columns], z2[:, columns]), value, **close)
        assert torch.allclose(loss(z2, z1), value, **close)


def test_wrong_pairs_cost_more():
    z1, z2 = views(64, 8)
    for loss in (barlow_twins, vicreg):
        assert loss(z1, z2.roll(1, 0)) > loss(z1, z2) + 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_float32_inside_whatever_comes_in(dtype):
    z1, z2 = (z.detach().to(dtype) for z in views(16, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = barlow_twins(z1, z2), vicreg(z1, z2), variance(z1), covariance(z1), invariance(z1, z2)
    assert {value.dtype for value in values} == {torch.float32}
    assert values[0].item() == pytest.approx(barlow_twins_loop(z1, z2, 0.0051).item(), rel=1e-5)
    assert values[1].item() == pytest.approx(vicreg_loop(z1, z2).item(), rel=1e-5)


@pytest.mark.parametrize("loss", [barlow_twins, vicreg])
def test_one_graph_when_compiled(loss):
    inputs = views(6, 5)
    torch._dynamo.reset()
    report = torch._dynamo.explain(loss)(*inputs)
    assert (report.graph_break_count, report.graph_count) == (0, 1), report.break_reasons
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert_same(with_gradient(compiled, inputs), with_gradient(loss, inputs), 1e-4)


Z = torch.randn(4, 3)
NAN = torch.where(torch.arange(4)[:, None] == 2, float("nan"), Z)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: barlow_twins(Z, Z[:3]), ValueError, r"barlow_twins: z1 is \(4, 3\) but z2 is \(3, 3\)"),
        (lambda: barlow_twins(Z[:1], Z[:1]), ValueError, "barlow_twins: one image has no correlation"),
        (lambda: barlow_twins(Z, Z, -1), ValueError, "barlow_twins: redundancy_weight=-1"),
        (lambda: barlow_twins(Z, Z, float("nan")), ValueError, "redundancy_weight=nan"),
        (lambda: barlow_twins(Z, NAN), NotFiniteError, "barlow_twins: z2 has NaN or infinite features in 1"),
        (lambda: barlow_twins(Z / 0, Z), NotFiniteError, "barlow_twins: z1 has NaN or infinite"),
        (lambda: vicreg(Z, Z[:, :2]), ValueError, r"vicreg: z1 is \(4, 3\) but z2 is \(4, 2\)"),
        (lambda: vicreg(Z[:1], Z[:1]), ValueError, "vicreg: one image has no variance"),
        (lambda: vicreg(Z, Z, variance_weight=-1), ValueError, "variance_weight=-1"),
        (lambda: vicreg(NAN, Z), NotFiniteError, "vicreg: z1 has NaN"),
        (lambda: vicreg(Z.long(), Z), TypeError, "vicreg: z1 is torch.int64"),
        (lambda: variance(Z[0]), ValueError, r"z has shape \(3,\)"),
        (lambda: covariance(Z[:1]), ValueError, "at least 2"),
        (lambda: invariance(Z, Z[:2]), ValueError, "invariance: z1 is"),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
