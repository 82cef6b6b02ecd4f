"""The non-parametric softmax: a loop, its closed form, and a bank that must not learn."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.losses import NotFiniteError, info_nce
from course_lib.losses.instance_discrimination import instance_discrimination

from .test_info_nce_and_moco import TEMPERATURES, assert_same, draw, with_gradient

OWN = torch.tensor([3, 0, 8, 3, 5])  # an image may occur twice


def loop(features, bank, own, temperature):
    """Equation 2 of Wu et al., image by image, in float64."""
    total = 0.0
    for row, right in zip(features.double(), own.tolist(), strict=True):
        scores = [row @ v / row.norm() / v.norm() / temperature for v in bank.double()]
        total = total - scores[right] + torch.logsumexp(torch.stack(scores), 0)
    return total / len(features)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_equals_the_loop_in_value_and_gradient(temperature):
    features, bank = draw((5, 6), (9, 6))
    ours = with_gradient(lambda x: instance_discrimination(x, bank, OWN, temperature), features)
    assert_same(ours, with_gradient(lambda x: loop(x, bank.detach(), OWN, temperature), features))


def test_it_is_info_nce_with_all_other_rows_as_negatives():
    features, bank = draw((5, 6), (9, 6))
    one_by_one = []
    for i, right in enumerate(OWN):
        others = torch.cat([bank[:right], bank[right + 1 :]])
        one_by_one.append(info_nce(features[i : i + 1], bank[right : right + 1], others, 0.07))
    value = instance_discrimination(features, bank, OWN)
    assert torch.allclose(value, torch.stack(one_by_one).mean(), rtol=1e-5)


def test_ln_n_when_all_rows_are_alike_and_nothing_when_all_are_told_apart():
    alike = torch.randn(1, 6).expand(9, 6)
    assert instance_discrimination(torch.randn(5, 6), alike, OWN).item() == pytest.approx(math.log(9))
    bank = torch.eye(9, 12)
    assert instance_discrimination(bank[OWN], bank, OWN, 0.05).item() == pytest.approx(0, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(5)), st.permutations(range(9)), st.floats(0.1, 50))
def test_order_of_images_and_of_rows_and_scale_change_nothing(images, rows, scale):
    features, bank = (x.detach() for x in draw((5, 6), (9, 6)))
    images, rows = torch.tensor(images), torch.tensor(rows)
    moved = instance_discrimination(scale * features[images], bank[rows], rows.argsort()[OWN[images]])
    assert torch.allclose(moved, instance_discrimination(features, bank, OWN), rtol=1e-5)


def test_the_bank_gets_no_gradient():
    features, bank = draw((5, 6), (9, 6))
    value = instance_discrimination(features, bank, OWN)
    gradients = torch.autograd.grad(value, [features, bank], allow_unused=True)
    assert gradients[0].abs().sum() > 0
    assert gradients[1] is None


@pytest.mark.parametrize("temperature", [0.07, 0.005])
def test_bf16_and_duplicates_are_finite(temperature):
    features = torch.ones(5, 6, dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        value = instance_discrimination(features, torch.ones(9, 6), OWN, temperature)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(math.log(9), rel=1e-4)
    value.backward()
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("temperature", [0.07, 0.005])
def test_it_compiles_to_one_graph(temperature):
    features, bank = draw((5, 6), (9, 6))
    torch._dynamo.reset()
    report = torch._dynamo.explain(instance_discrimination)(features, bank, OWN, temperature)
    assert report.graph_break_count == 0, report.break_reasons
    torch._dynamo.reset()
    compiled = torch.compile(instance_discrimination, fullgraph=True, backend="aot_eager")
    ours = with_gradient(lambda x: compiled(x, bank, OWN, temperature), features)
    assert_same(ours, with_gradient(lambda x: instance_discrimination(x, bank, OWN, temperature), features))


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda x: instance_discrimination(x, torch.ones(9, 5), OWN), ValueError, "6 numbers .* bank has 5"),
        (lambda x: instance_discrimination(x, torch.ones(9, 6), OWN[:4]), ValueError, r"own is \(4,\) for 5"),
        (
            lambda x: instance_discrimination(x, torch.ones(9, 6), OWN.float()),
            TypeError,
            "float32; give int64",
        ),
        (lambda x: instance_discrimination(x, torch.ones(9, 6), [3, 0, 8, 3, 5]), TypeError, "own is a list"),
        (lambda x: instance_discrimination(x, torch.ones(8, 6), OWN), ValueError, "0 to 8; bank has 8 rows"),
        (
            lambda x: instance_discrimination(x, torch.ones(9, 6), OWN - 1),
            ValueError,
            "own runs from -1 to 7",
        ),
        (lambda x: instance_discrimination(x, torch.ones(9, 6), OWN, 0), ValueError, "temperature is 0"),
        (lambda x: instance_discrimination(x[0], torch.ones(9, 6), OWN), ValueError, "features has shape"),
        (lambda x: instance_discrimination(x / 0, torch.ones(9, 6), OWN), NotFiniteError, "features has NaN"),
    ],
)
def test_sentences(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(torch.rand(5, 6))
