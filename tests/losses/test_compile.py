import pytest
import torch

from course_lib.losses import info_nce, moco, nt_xent

SHAPES = {nt_xent: [(6, 5)] * 2, info_nce: [(6, 5)] * 2, moco: [(6, 5), (6, 5), (9, 5)]}


def explained(loss, inputs):
    torch._dynamo.reset()
    return torch._dynamo.explain(loss)(*inputs)


@pytest.mark.parametrize("loss", SHAPES)
def test_no_graph_breaks_and_the_same_value_and_gradient(loss):
    inputs = [torch.randn(shape, requires_grad=True) for shape in SHAPES[loss]]
    report = explained(loss, inputs)
    assert report.graph_break_count == 0, report.break_reasons
    assert report.graph_count == 1
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    eager, traced = loss(*inputs), compiled(*inputs)
    assert torch.allclose(eager, traced, rtol=1e-5)
    ours, theirs = (torch.autograd.grad(value, inputs[:1]) for value in (eager, traced))
    assert torch.allclose(ours[0], theirs[0], atol=1e-6)


def test_explicit_negatives_and_low_temperature_compile_too():
    torch._dynamo.reset()
    q, p, n = torch.randn(6, 5), torch.randn(6, 5), torch.randn(9, 5)
    compiled = torch.compile(lambda a, b, c: info_nce(a, b, c, 0.005), fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(q, p, n), info_nce(q, p, n, 0.005), rtol=1e-5)
    compiled = torch.compile(lambda a, b: nt_xent(a, b, 0.005), fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(q, p), nt_xent(q, p, 0.005), rtol=1e-5)


@pytest.mark.slow
def test_compiled_by_the_default_backend():
    def all_three(a, b, queue):
        return nt_xent(a, b) + 2 * info_nce(a, b) + 3 * moco(a, b, queue)

    torch._dynamo.reset()
    inputs = [torch.randn(shape, requires_grad=True) for shape in SHAPES[moco]]
    eager, compiled = all_three(*inputs), torch.compile(all_three, fullgraph=True)(*inputs)
    assert torch.allclose(compiled, eager, rtol=1e-5)
    ours, theirs = (torch.autograd.grad(value, inputs[:2]) for value in (compiled, eager))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(ours, theirs, strict=True))
