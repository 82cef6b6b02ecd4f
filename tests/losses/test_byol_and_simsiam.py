import lightly.loss
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.losses.byol import byol
from course_lib.losses.inputs import NotFiniteError
from course_lib.losses.simsiam import simsiam

from .oracles_no_negatives import byol_loop, simsiam_loop


def draw(number, batch=6, size=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, size, generator=generator).requires_grad_() for _ in range(number)]


def with_gradient(loss, inputs, learning):
    value = loss(*inputs)
    return value.detach().double(), torch.autograd.grad(value, [inputs[i] for i in learning])


def assert_same(ours, theirs, tolerance=1e-5):
    assert torch.allclose(ours[0], theirs[0], rtol=tolerance, atol=1e-6)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        assert (mine - other).abs().max() <= tolerance * other.abs().max()


@pytest.mark.parametrize("batch", [1, 2, 9])
def test_equal_the_loops_in_value_and_gradient(batch):
    inputs = draw(4, batch)
    assert_same(with_gradient(byol, inputs[:2], [0]), with_gradient(byol_loop, inputs[:2], [0]))
    assert_same(with_gradient(simsiam, inputs, [0, 2]), with_gradient(simsiam_loop, inputs, [0, 2]))


@pytest.mark.parametrize("batch", [2, 33, 256])
def test_equal_lightly_in_value_and_gradient(batch):
    peer = lightly.loss.NegativeCosineSimilarity()
    inputs = draw(4, batch, 24)

    def lightly_byol(p, t):
        return 2 + 2 * peer(p, t.detach())

    def lightly_simsiam(p1, z2, p2, z1):
        return (peer(p1, z2.detach()) + peer(p2, z1.detach())) / 2

    assert_same(with_gradient(byol, inputs[:2], [0]), with_gradient(lightly_byol, inputs[:2], [0]))
    assert_same(with_gradient(simsiam, inputs, [0, 2]), with_gradient(lightly_simsiam, inputs, [0, 2]))


def test_targets_get_exactly_no_gradient():
    p, t = draw(2)
    assert torch.autograd.grad(byol(p, t), [p, t], allow_unused=True)[1] is None
    inputs = draw(4)
    gradients = torch.autograd.grad(simsiam(*inputs), inputs, allow_unused=True)
    assert [gradient is None for gradient in gradients] == [False, True, False, True]


def test_unrelated_right_and_opposite():
    eye, other = torch.eye(8)[:4], torch.eye(8)[4:]
    same = torch.full((4, 8), 0.3)
    for prediction, target, value in (
        (eye, other, 2.0), (eye, eye, 0.0), (same, same, 0.0), (eye, -eye, 4.0)
    ):  # fmt: skip
        assert byol(prediction, target).item() == pytest.approx(value, abs=1e-6)
        assert simsiam(prediction, target, prediction, target).item() == pytest.approx(
            value / 2 - 1, abs=1e-6
        )
    assert simsiam(eye, eye, eye, other).item() == pytest.approx(-0.5)  # both directions count half


def test_one_byol_is_two_simsiams_plus_two():
    p1, z2, p2, z1 = draw(4)
    both = byol(p1, z2) + byol(p2, z1)
    assert torch.allclose(both, 4 + 4 * simsiam(p1, z2, p2, z1), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(batch=st.integers(1, 10), size=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_blind_to_order_and_scale(batch, size, seed):
    inputs = [x.detach() for x in draw(4, batch, size, seed)]
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(batch, generator=generator)
    scales = torch.rand(batch, 1, generator=generator) * 10 + 0.1
    for loss, count in ((byol, 2), (simsiam, 4)):
        value = loss(*inputs[:count])
        assert torch.allclose(loss(*[x[order] for x in inputs[:count]]), value, rtol=1e-4, atol=1e-5)
        scaled = [x * scales.roll(i, 0) for i, x in enumerate(inputs[:count])]
        assert torch.allclose(loss(*scaled), value, rtol=1e-4, atol=1e-5)
    p1, z2, p2, z1 = inputs
    assert torch.allclose(simsiam(p2, z1, p1, z2), simsiam(*inputs), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_float32_inside_whatever_comes_in(dtype):
    inputs = [x.detach().to(dtype) for x in draw(4, 16, 32)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = byol(*inputs[:2]), simsiam(*inputs)
    assert {value.dtype for value in values} == {torch.float32}
    assert values[0].item() == pytest.approx(byol_loop(*inputs[:2]).item(), rel=1e-5)
    assert values[1].item() == pytest.approx(simsiam_loop(*inputs).item(), rel=1e-5, abs=1e-6)


def test_dead_and_duplicated_rows_are_finite_in_value_and_gradient():
    inputs = [x.detach() for x in draw(4)]
    for x in inputs:
        x[1] = x[0]
        x[2] = 0
    inputs = [x.requires_grad_() for x in inputs]
    for loss, count in ((byol, 2), (simsiam, 4)):
        value = loss(*inputs[:count])
        assert torch.isfinite(value)
        for gradient in torch.autograd.grad(value, inputs[:count], allow_unused=True):
            assert gradient is None or torch.isfinite(gradient).all()


@pytest.mark.parametrize(("loss", "count"), [(byol, 2), (simsiam, 4)])
def test_one_graph_when_compiled(loss, count):
    inputs = draw(count)
    torch._dynamo.reset()
    report = torch._dynamo.explain(loss)(*inputs)
    assert (report.graph_break_count, report.graph_count) == (0, 1), report.break_reasons
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert_same(with_gradient(compiled, inputs, [0]), with_gradient(loss, inputs, [0]))


Z = torch.randn(4, 3)
NAN = torch.where(torch.arange(4)[:, None] == 2, float("nan"), Z)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: byol(Z, Z[:3]), ValueError, r"byol: prediction is \(4, 3\) but target is \(3, 3\)"),
        (lambda: byol(Z, Z.long()), TypeError, "byol: target is torch.int64"),
        (lambda: byol(Z[0], Z[0]), ValueError, r"prediction has shape \(3,\)"),
        (lambda: byol(Z, NAN), NotFiniteError, "byol: target has NaN or infinite features in 1 of its 4"),
        (lambda: simsiam(Z, Z[:3], Z, Z), ValueError, r"simsiam: p1 is \(4, 3\) but z2 is \(3, 3\)"),
        (lambda: simsiam(Z, Z, Z, Z[:, :2]), ValueError, r"simsiam: p2 is \(4, 3\) but z1 is \(4, 2\)"),
        (lambda: simsiam(Z, Z, Z[:3], Z[:3]), ValueError, r"simsiam: p1 is \(4, 3\) but p2 is \(3, 3\)"),
        (lambda: simsiam(Z, Z, NAN, Z), NotFiniteError, "simsiam: p2 has NaN"),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
