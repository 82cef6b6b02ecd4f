"""Lab 03 beyond what holds for every lab: closed forms, oracles, other versions of known mistakes."""

import ast
import json
import math
import re

import numpy as np
import pytest
import torch
from every_lab import CONTRASTIVE as LAB
from lab_files import HIDDEN, LABS, PUBLIC
from torch.nn import functional as F


@pytest.mark.parametrize("exercise", LAB.exercises)
def test_each_docstring_names_the_shapes(exercise):
    text = LAB.answer(exercise).__doc__
    assert "(B, " in text or "(N, D)" in text or exercise == "3.6"


def test_a_probe_does_not_touch_the_global_random_state():
    for exercise in LAB.exercises:
        torch.manual_seed(5)
        LAB.run(exercise, LAB.answer(exercise), 0)
        after = torch.rand(1)
        torch.manual_seed(5)
        assert exercise == "3.6" or torch.equal(after, torch.rand(1)), exercise  # nn.Linear draws its weights


def test_matching_does_not_depend_on_the_order_of_the_draws():
    """Another student's version of the same mistake in 3.1 has other random numbers and the same values."""

    def coin_first(images, size, generator):
        views = []
        for _ in range(2):
            coin = torch.rand(1, generator=generator) < 0.5
            column = int(torch.randint(images.shape[3] - size + 1, (1,), generator=generator))
            row = int(torch.randint(images.shape[2] - size + 1, (1,), generator=generator))
            view = images[:, :, row : row + size, column : column + size]
            views.append(view.flip(3) if coin else view)
        return views

    for seed in PUBLIC + HIDDEN:
        assert LAB.same(
            LAB.run("3.1", LAB.wrong["3.1"]["two_views__one_draw_per_batch"], seed),
            LAB.run("3.1", coin_first, seed),
            "3.1",
        )


def test_losses_meet_the_closed_forms():
    """ln B, ln(2B-1) and ln(K+1) for equal vectors; the value by hand for perfect pairs."""
    flat, eye, tau = torch.ones(7, 3), torch.eye(5), 0.3
    nt_xent, info_nce, moco = (LAB.reference[name] for name in ("nt_xent", "info_nce", "moco"))
    assert float(info_nce(flat, flat, tau)) == pytest.approx(math.log(7), abs=1e-5)
    assert float(nt_xent(flat, flat, tau)) == pytest.approx(math.log(13), abs=1e-5)
    assert float(moco(flat, flat, torch.ones(11, 3), tau)) == pytest.approx(math.log(12), abs=1e-5)
    perfect = -1 / tau + math.log(math.exp(1 / tau) + 8)
    assert float(nt_xent(eye, 3 * eye, tau)) == pytest.approx(perfect, abs=1e-5)
    assert float(moco(eye[:2], eye[:2], eye[2:], tau)) == pytest.approx(
        -1 / tau + math.log(math.exp(1 / tau) + 3), abs=1e-5
    )


def test_losses_agree_with_an_independent_library():
    lightly = pytest.importorskip("lightly.loss")
    z1, z2 = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(1))
    expected = lightly.NTXentLoss(temperature=0.2)(z1, z2)
    assert float(LAB.reference["nt_xent"](z1, z2, 0.2)) == pytest.approx(float(expected), rel=1e-5)


def test_knn_agrees_with_scikit_learn():
    neighbors = pytest.importorskip("sklearn.neighbors")
    generator = torch.Generator().manual_seed(2)
    train, queries = (
        F.normalize(torch.randn(120, 5, generator=generator)),
        torch.randn(60, 5, generator=generator),
    )
    labels = torch.randint(0, 4, (120,), generator=generator)

    def weights(distances):  # the cosine distance of scikit-learn is 1 - similarity
        return np.exp((1 - distances) / 0.1)

    expected = (
        neighbors.KNeighborsClassifier(15, weights=weights, metric="cosine")
        .fit(train, labels)
        .predict(queries)
    )
    assert LAB.reference["knn"](train, labels, queries, 15, 0.1).tolist() == expected.tolist()


def test_the_teacher_keeps_m_to_the_n_after_n_steps():
    teacher, student = torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False)
    teacher.requires_grad_(False).weight.fill_(1.0)
    with torch.no_grad():
        student.weight.fill_(0.0)
    for _ in range(20):
        LAB.reference["momentum_update"](teacher, student, 0.95)
    assert teacher.weight.flatten().tolist() == pytest.approx([0.95**20] * 4, rel=1e-5)


def test_the_queue_holds_exactly_the_last_keys():
    queue, pointer, sent = torch.zeros(7, 1), 0, []
    for step in range(20):
        keys = torch.arange(3).float().view(3, 1) + 3 * step
        queue, pointer = LAB.reference["enqueue"](queue, pointer, keys)
        sent += keys.flatten().tolist()
        assert step < 2 or sorted(queue.flatten().tolist()) == sent[-7:]


def test_cells_with_numbers_that_vary_are_ignored_by_nbval():
    """A cell that trains, times or measures features must not have its output compared."""
    measured = re.compile(r"\b(fit|play|features_of|knn_accuracy|probe_accuracy|evaluate\.embed)\(")
    for cell in LAB.source:
        if measured.search(cell.source) and "markdown" not in cell.marker and not cell.value("points"):
            assert "nbval-ignore-output" in cell.marker, cell.source[:80]


def test_answers_make_their_tensors_where_the_input_is():
    """The losses run on a GPU, too: whatever the answer makes itself gets the device of its input."""
    makes = {"arange", "eye", "full", "ones", "zeros"}
    for exercise in ("3.3", "3.4", "3.7", "3.8"):
        cell = next(cell for cell in LAB.cells("right") if cell.value("exercise") == exercise)
        for source in (LAB.of(exercise, "answer")[0].source, cell.source):
            for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
                if ast.unparse(call.func) in {f"torch.{name}" for name in makes}:
                    assert "device" in [keyword.arg for keyword in call.keywords], ast.unparse(call)


@pytest.mark.parametrize("exercise", ["3.3", "3.4", "3.8"])
def test_a_loss_that_is_a_plain_number_is_told_so(exercise):
    """A float has no isfinite of its own: the probe must not stop with an error that is not the student's."""
    answer = LAB.answer(exercise)
    values = LAB.run(exercise, lambda *inputs: float(answer(*inputs).detach()), 0)
    assert "error" not in values
    mistake = "query_detached" if exercise == "3.8" else "number_instead_of_tensor"
    assert LAB.same(
        values, LAB.run(exercise, LAB.wrong[exercise][f"{LAB.answer_name(exercise)}__{mistake}"], 0), exercise
    )


def test_a_view_that_ignores_the_generator_is_found_whichever_it_is():
    """Draws from the global source in one of the views, in another order than in the wrong answer."""

    def second_view_ignores(images, size, generator):
        draw = LAB.reference["two_views"]
        return draw(images, size, generator)[0], draw(images, size, None)[1]

    def first_view_ignores(images, size, generator):
        return second_view_ignores(images, size, generator)[::-1]

    expected = LAB.run("3.1", LAB.wrong["3.1"]["two_views__part_of_the_draws_ignore_the_generator"], 0)
    for answer in (second_view_ignores, first_view_ignores):
        assert LAB.same(expected, LAB.run("3.1", answer, 0), "3.1")


def test_an_error_around_the_end_is_a_value_and_other_errors_stay_errors():
    def stops_at(call):
        calls = []

        def answer(queue, pointer, keys):
            calls.append(pointer)
            if len(calls) == call:
                raise IndexError("row 10")
            return LAB.reference["enqueue"](queue, pointer, keys)

        return answer

    assert LAB.run("3.7", stops_at(1), 0) == {"error": "IndexError"}
    assert LAB.run("3.7", stops_at(3), 0)["a batch around the end is written without an error"] == "no"
    assert LAB.run("3.7", stops_at(5), 0) == {"error": "IndexError"}


def test_the_stored_solution_shows_that_both_networks_learned_something():
    solution = json.loads((LABS / "solutions" / f"{LAB.name}.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in solution["cells"] for output in cell.get("outputs", [])]
    shown = "".join("".join(output.get("data", {}).get("text/markdown", "")) for output in outputs)
    assert "SimCLR and MoCo beat the network with random weights" in shown, (
        "the stored solution comes from a busy machine; run `course build` on an idle machine"
    )
