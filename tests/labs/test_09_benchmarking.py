"""Lab 09 beyond what holds for every lab: the library and published numbers as oracles, other mistakes."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from every_lab import BENCHMARKING as LAB
from lab_files import HIDDEN, LABS, PUBLIC

from course_lib.arena.judging import agreement as course_agreement
from course_lib.arena.judging import style, verdicts
from course_lib.arena.published import datasets
from course_lib.arena.ratings import bradley_terry as course_fit
from course_lib.arena.ratings import elo, intervals
from course_lib.evaluate import scaling

REFERENCE_MODEL = "claude-3-sonnet-20240229"


def crowd_counts():
    """LLMFAO's votes, and its wins and ties as the lab counts them, with the names of the models."""
    battles = datasets.load("llmfao_crowd")
    models = sorted(set(battles["model_a"]) | set(battles["model_b"]))
    place = {model: position for position, model in enumerate(models)}
    wins, ties = np.zeros((2, len(models), len(models)))
    for a, b, winner in zip(battles["model_a"], battles["model_b"], battles["winner"], strict=True):
        i, j = place[a], place[b]
        if winner == "tie":
            ties[i, j] += 1
            ties[j, i] += 1
        elif winner == "model_a":
            wins[i, j] += 1
        else:
            wins[j, i] += 1
    return battles, models, wins, ties


@pytest.mark.parametrize("exercise", LAB.exercises)
def test_each_docstring_says_what_is_returned(exercise):
    assert "Returns" in LAB.answer(exercise).__doc__


@pytest.mark.parametrize("exercise", LAB.exercises)
@pytest.mark.parametrize("seed", [*PUBLIC[:1], *HIDDEN[:1]])
def test_no_known_mistake_stops_with_an_error(exercise, seed):
    for name, answer in LAB.wrong[exercise].items():
        assert "error" not in LAB.run(exercise, answer, seed), name


def test_no_answer_and_no_setup_cell_needs_torch_or_gives_an_answer_away():
    """What the grader runs imports NumPy and pandas; from the arena only the tables."""
    setup = next(cell for cell in LAB.source if '"setup"' in cell.marker).source
    graded = [setup, *(LAB.of(exercise, "answer")[0].source for exercise in LAB.exercises)]
    for source in graded:
        assert not re.search(r"\b(torch|scipy|sklearn)\b", source.replace("leave torch as it is", ""))
    assert re.findall(r"from (course_lib\S*) import (.+?)(?:  #|$)", setup, re.MULTILINE) == [
        ("course_lib", "viz"),
        ("course_lib.arena.published", "datasets"),
        ("course_lib.lab", "check, hint, setup"),
    ]


def test_elo_and_bradley_terry_agree_with_the_library_on_real_votes():
    battles, models, wins, ties = crowd_counts()
    ratings = dict.fromkeys(models, 1000.0)
    for a, b, winner in zip(battles["model_a"], battles["model_b"], battles["winner"], strict=True):
        ratings[a], ratings[b] = LAB.reference["elo_update"](ratings[a], ratings[b], winner)
    pd.testing.assert_series_equal(
        pd.Series(ratings).sort_index(), elo.online_elo(battles).sort_index(), check_names=False
    )
    found = pd.Series(LAB.reference["bradley_terry"](wins, ties), index=models)
    theirs = course_fit.bradley_terry(battles)
    np.testing.assert_allclose(found, theirs[models], rtol=1e-6)


def test_resampling_questions_widens_the_intervals_as_in_the_library():
    """Widths by question and of single votes, beside the library's block bootstrap: share of left wins."""
    battles = datasets.load("llmfao_crowd")
    rows = np.column_stack([np.arange(len(battles)), battles["winner"] == "model_a"]).astype(float)
    generator = np.random.default_rng(0)
    widths = {}
    for name, unit in (("vote", np.arange(len(battles))), ("question", battles["question"].to_numpy())):
        low, high = LAB.reference["question_interval"](rows, unit, lambda x: x[:, 1].mean(), 200, generator)
        widths[name] = high - low
    table = intervals.bootstrap(
        battles, lambda part: (part["winner"] == "model_a").mean(), 60, unit="question"
    )
    ends = intervals.percentiles(table).loc["value"]
    assert widths["question"] > 1.5 * widths["vote"]
    assert widths["question"] == pytest.approx(ends["high"] - ends["low"], rel=0.4)


def test_judge_score_agrees_with_the_library_and_gives_all_19_printed_scores():
    table = datasets.load("wvbench_verdicts")
    paper = (
        datasets.load("wvbench_leaderboard_paper_table4").dropna(subset="repo_model").set_index("repo_model")
    )
    for rule, weight in (("drop", 3), ("tie", 1)):
        theirs = verdicts.judge_table(table, rule, weight)
        for model, part in table.groupby("model"):
            labels = [label if isinstance(label, str) else None for label in part["verdict"]]
            found = LAB.reference["judge_score"](labels, rule, weight)
            assert found == pytest.approx(tuple(theirs.loc[model, ["score", "win_rate", "reward"]]))
            if rule == "drop" and model in paper.index:
                assert round(found[0], 2) == paper.loc[model, "score"]
    assert len(paper) == 19


def test_agreement_agrees_with_the_library():
    votes = np.array([[30, 4, 7, 1], [2, 19, 0, 3], [5, 6, 11, 2], [0, 0, 0, 0]])
    human = [
        label for label, row in zip(course_agreement.VOTES, votes, strict=True) for _ in range(row.sum())
    ]
    judge = [
        label for row in votes for label, n in zip(course_agreement.VOTES, row, strict=True) for _ in range(n)
    ]
    theirs = course_agreement.agreement(human, judge, "4-way")
    found = LAB.reference["agreement"](votes)
    assert found == pytest.approx((theirs["f1_micro"], theirs["f1_macro"], theirs["kappa"]))
    block = LAB.reference["agreement"](np.array([[300, 61], [102, 269]]))
    assert [round(value, 4) for value in block] == [0.7773, 0.7769, 0.5552]


def test_length_control_agrees_with_the_library_and_lets_opus_pass():
    table = datasets.load("wvbench_verdicts").rename(columns={"answer_tokens": "tokens"})
    battles = verdicts.verdict_battles(table, REFERENCE_MODEL)
    tokens = table.set_index(["model", "question"])["tokens"]
    theirs = tokens[[(REFERENCE_MODEL, question) for question in battles["question"]]].to_numpy()
    own = tokens[list(zip(battles["model_b"], battles["question"], strict=True))].to_numpy()
    difference = style.length_difference(own, theirs)
    fit = style.style_controlled(battles, {"length": -difference}, "weight")
    models = sorted(battles["model_b"].unique())
    number = battles["model_b"].map({model: i for i, model in enumerate(models)}).to_numpy()
    outcome = battles["winner"].map({"model_a": 0.0, "model_b": 1.0, "tie": 0.5}).to_numpy()
    scores, beta = LAB.reference["length_controlled"](
        outcome, number, difference, battles["weight"].to_numpy()
    )
    strengths = fit.strengths
    expected = 100 * strengths[models] / (strengths[models] + strengths[REFERENCE_MODEL])
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    assert beta * fit.scale["length"] == pytest.approx(fit.coefficients["length"], rel=1e-5)
    score = dict(zip(models, scores, strict=True))
    assert score["claude-3-opus-20240229"] > score["Reka-Flash"]


def test_mutual_knn_agrees_with_the_library():
    similarity = pytest.importorskip("course_lib.evaluate.similarity")
    draw = np.random.default_rng(3)
    a = draw.normal(size=(90, 7))
    b = a[:, :5] + draw.normal(size=(90, 5))
    for k in (1, 10, 60):
        assert LAB.reference["mutual_knn"](a, b, k) == pytest.approx(similarity.mutual_knn(a, b, k))


def test_scaling_fit_agrees_with_the_library_and_gives_the_published_slope():
    table = datasets.load("webssl_appendix_vqa").query("table == 8")
    ocr = table[["chartqa", "ocrbench", "textvqa", "docvqa"]].mean(axis=1)
    theirs = scaling.log_linear_fit(table["samples_seen_b"], ocr)
    found = LAB.reference["scaling_fit"](
        table["samples_seen_b"], ocr, lambda freedom: scaling.t_quantile(0.95, freedom)
    )
    assert found == pytest.approx((theirs.slope, theirs.slope_low, theirs.slope_high, theirs.r2))
    assert round(found[0], 2) == 4.22
    assert round(found[3], 3) == 0.998


def test_another_version_of_a_known_mistake_is_recognised():
    """The same mistakes, written otherwise, with other random numbers: the same values."""

    def votes_one_by_one(rows, questions, statistic, rounds, generator):
        picks = [[int(generator.random() * len(rows)) for _ in rows] for _ in range(rounds)]
        results = [statistic(rows[pick]) for pick in picks]
        return np.quantile(results, 0.025, axis=0), np.quantile(results, 0.975, axis=0)

    def unique_questions(rows, questions, statistic, rounds, generator):
        results = []
        for _ in range(rounds):
            names = np.unique(questions)
            drawn = set(names[generator.integers(len(names), size=len(names))].tolist())
            results.append(statistic(rows[[question in drawn for question in questions.tolist()]]))
        return np.quantile(results, 0.025, axis=0), np.quantile(results, 0.975, axis=0)

    def most_likely_without_penalty(outcome, model, difference, weight):
        fit = pytest.importorskip("sklearn.linear_model").LogisticRegression(
            fit_intercept=False, tol=1e-10, max_iter=5000
        )
        design = np.c_[np.eye(model.max() + 1)[model], difference]
        fit.fit(
            np.r_[design, design],
            np.repeat([1, 0], len(model)),
            np.r_[weight * outcome, weight * (1 - outcome)],
        )
        return 100 / (1 + np.exp(-fit.coef_[0, :-1])), fit.coef_[0, -1]

    for exercise, mistake, answer in (
        ("9.3", "question_interval__single_votes", votes_one_by_one),
        ("9.3", "question_interval__repeats_lost", unique_questions),
        ("9.6", "length_controlled__penalised", most_likely_without_penalty),
    ):
        for seed in PUBLIC:
            expected = LAB.run(exercise, LAB.wrong[exercise][mistake], seed)
            assert LAB.same(expected, LAB.run(exercise, answer, seed), exercise), mistake


@pytest.mark.parametrize("exercise", ["9.1", "9.2", "9.4", "9.8"])
def test_an_input_that_must_be_refused_counts_only_as_a_value_error(exercise):
    """An answer that stops with another error there is told so, and an unwritten one is still unwritten."""
    right = LAB.answer(exercise)

    def with_another_error(*inputs):
        try:
            return right(*inputs)
        except ValueError:
            raise RuntimeError("no") from None

    def unwritten(*inputs, **settings):
        raise NotImplementedError

    refused = [
        name for name, value in LAB.run(exercise, right, 0).items() if "refused" in name and value == "yes"
    ]
    values = LAB.run(exercise, lambda *inputs, **settings: with_another_error(*inputs, *settings.values()), 0)
    assert refused
    assert all(values[name] == "no, with another error" for name in refused)
    assert LAB.run(exercise, unwritten, 0) == {"error": "NotImplementedError"}


def test_the_star_needs_no_iteration():
    """The closed form of the judge's score is the Bradley-Terry fit of the star (reference, section 2.1)."""
    wins, ties = np.zeros((2, 3, 3))
    wins[1, 0], wins[0, 1], ties[0, 1], wins[2, 0], wins[0, 2] = 31, 17, 6, 5, 22
    ties[1, 0] = ties[0, 1]
    strengths = LAB.reference["bradley_terry"](wins, ties)
    assert strengths[1] / (strengths[0] + strengths[1]) == pytest.approx((31 + 3) / 54, rel=1e-6)
    labels = ["B>A"] * 31 + ["A>B"] * 17 + ["A=B"] * 6
    assert LAB.reference["judge_score"](labels)[0] == pytest.approx(100 * 34 / 54)


def test_the_stored_solution_shows_what_the_text_promises():
    solution = json.loads((LABS / "solutions" / f"{LAB.name}.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in solution["cells"] for output in cell.get("outputs", [])]
    shown = "".join("".join(output.get("data", {}).get("text/markdown", "")) for output in outputs)
    plain = "".join("".join(output.get("data", {}).get("text/plain", "")) for output in outputs)
    assert "**19 of 19** printed scores" in shown
    assert "19 of 19 come out if missing verdicts are *ties*" in shown
    assert "gains **+4.22** points per doubling" in shown
    assert "Claude-3-Opus crosses above Reka-Flash" in plain
