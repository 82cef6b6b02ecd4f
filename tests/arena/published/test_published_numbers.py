"""Numbers that others printed, computed again from their data (T1-T4 and T12 of the reference, and more)."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from course_lib.arena.judging.agreement import agreement
from course_lib.arena.judging.style import length_difference, style_controlled
from course_lib.arena.judging.verdict_intervals import score_errors, score_intervals
from course_lib.arena.judging.verdict_rules import toolkit_table
from course_lib.arena.judging.verdicts import judge_table, star_scores, verdict_battles
from course_lib.arena.published.datasets import load
from course_lib.arena.published.vote_statistics import WILDVISION_TABLE_1, check_battle_counts, check_votes

REFERENCE = "claude-3-sonnet-20240229"
COUNTS = ["much_better", "better", "tie", "worse", "much_worse"]


@pytest.fixture(scope="module")
def verdicts() -> pd.DataFrame:
    return load("wvbench_verdicts")


def printed(name: str) -> pd.DataFrame:
    return load(name).rename(columns={"win_rate_pct": "win_rate"})


def as_verdicts(counts: pd.DataFrame, models: str) -> pd.DataFrame:
    """Printed counts as one verdict a row."""
    labels = dict(zip(COUNTS, ("B>>A", "B>A", "A=B", "A>B", "A>>B"), strict=True))
    rows = [
        (row[models], label)
        for _, row in counts.iterrows()
        for column, label in labels.items()
        for _ in range(row[column])
    ]
    return pd.DataFrame(rows, columns=["model", "verdict"])


def test_t1_t2_win_rate_and_reward_of_the_paper_follow_from_its_counts():
    table = printed("wvbench_leaderboard_paper_table4").set_index("paper_name")
    assert len(table) == 20
    assert (table[COUNTS].sum(axis=1) == 500).all()
    found = judge_table(as_verdicts(table.reset_index(), "paper_name")).loc[table.index]
    for column in ("win_rate", "reward"):
        assert (found[column].round(1) == table[column]).all()


def test_t3_scores_of_the_readme_follow_from_the_stored_verdicts(verdicts):
    table = printed("wvbench_leaderboard_readme").set_index("model").drop(REFERENCE)
    found = judge_table(verdicts, "published", verdict="stored_verdict").loc[table.index]
    assert len(table) == 21
    assert (found["score"] - table["score"]).abs().max() <= 0.005 + 1e-9
    assert (found[COUNTS] == table[COUNTS]).all(axis=None)
    for column in ("win_rate", "reward"):
        assert (found[column].round(1) == table[column]).all()


def test_t4_scores_of_the_paper_follow_from_the_labels_in_the_judges_text(verdicts):
    table = printed("wvbench_leaderboard_paper_table4").dropna(subset=["repo_model"]).set_index("repo_model")
    found = judge_table(verdicts, "drop").loc[table.index]
    assert len(table) == 19
    assert (found["score"] - table["score"]).abs().max() <= 0.005 + 1e-9
    published = judge_table(verdicts, "published").loc[table.index]
    assert (published[COUNTS] == table[COUNTS]).all(axis=None)
    for column in ("win_rate", "reward"):
        assert (published[column].round(1) == table[column]).all()


def test_each_rule_reproduces_its_own_table_and_not_the_other(verdicts):
    paper = printed("wvbench_leaderboard_paper_table4").dropna(subset=["repo_model"]).set_index("repo_model")
    readme = printed("wvbench_leaderboard_readme").set_index("model").loc[paper.index]
    tied = judge_table(verdicts, "tie").loc[paper.index]["score"]
    assert (tied - readme["score"]).abs().max() <= 0.005 + 1e-9  # the README's ties are the missing ones
    assert (tied - paper["score"]).abs().min() > 0.01


def test_a_model_without_verdict_file_has_the_paper_score_with_seven_ties_dropped():
    row = load("wvbench_leaderboard_paper_table4").query("paper_name == 'InstructBLIP-7B'")
    for dropped, score in ((7, 5.54), (0, 5.81)):
        found = judge_table(as_verdicts(row.assign(tie=row["tie"] - dropped), "paper_name"))["score"]
        assert round(found.iloc[0], 2) == score


def test_t12_bench_and_arena_agree_on_ranks():
    arena, bench = load("wvarena_leaderboard_paper_table2"), printed("wvbench_leaderboard_paper_table4")
    both = arena.assign(name=arena["paper_name"].str.lower()).merge(
        bench.assign(name=bench["paper_name"].str.lower()), on="name"
    )
    assert len(both) == 20
    for column, expected in (("score", 0.962), ("win_rate", 0.943), ("reward", 0.965)):
        assert spearmanr(both["elo"], both[column])[0] == pytest.approx(expected, abs=1e-3)
    assert pearsonr(both["elo"], both["score"])[0] == pytest.approx(0.963, abs=1e-3)
    assert kendalltau(both["elo"], both["score"])[0] == pytest.approx(0.871, abs=1e-3)


def test_elo_against_the_academic_benchmark_and_its_mean():
    arena = load("wvarena_leaderboard_paper_table2")
    known = arena.dropna(subset=["mmmu"])
    assert len(known) == 19
    assert spearmanr(known["elo"], known["mmmu"])[0] == pytest.approx(0.813, abs=1e-3)
    assert arena["elo"].mean() == pytest.approx(999.27, abs=0.005)  # a closed zero-sum system stays at 1000


def test_longer_answers_score_higher():
    bench = load("wvbench_leaderboard_paper_table4")
    reference = pd.DataFrame({"score": [50.0], "avg_tokens": [120]})
    table = pd.concat([bench[["score", "avg_tokens"]], reference])
    assert spearmanr(table["score"], table["avg_tokens"])[0] == pytest.approx(0.72, abs=5e-3)


def test_table_1_adds_up_but_for_the_average_of_rounds():
    assert check_votes(WILDVISION_TABLE_1) == ["rounds / votes = 1.348, but rounds_per_vote = 1.34."]


def test_table_2_holds_more_battles_than_table_1_has_votes():
    battles = load("wvarena_leaderboard_paper_table2").set_index("paper_name")["battles"]
    assert battles.sum() == 17778
    assert check_battle_counts(battles) == []
    (problem,) = check_battle_counts(battles, WILDVISION_TABLE_1["votes"])
    assert problem == "battles add up to 17,778, that is 8,889 battles, but there are 8,076 votes."


def test_average_tokens_of_the_readme_are_rounded_down(verdicts):
    table = load("wvbench_leaderboard_readme").set_index("model")
    mean = verdicts.groupby("model")["answer_tokens"].mean().loc[table.index]
    assert len(table) == 22
    assert (np.floor(mean) == table["avg_tokens"]).all()
    assert (mean.round() != table["avg_tokens"]).any()
    paper = load("wvbench_leaderboard_paper_table4").dropna(subset=["repo_model"]).set_index("repo_model")
    assert (paper["avg_tokens"] != table["avg_tokens"].loc[paper.index]).sum() >= 18  # another tokeniser


def test_what_the_released_verdicts_hold(verdicts):
    itself = verdicts[verdicts["model"] == REFERENCE]["stored_verdict"]
    assert itself.value_counts().to_dict() == {"A=B": 499, "B>A": 1}
    unanswered = verdicts[verdicts["verdict"].isna()].groupby("question").size()
    assert (unanswered == 22).sum() == 6
    assert (unanswered == 21).sum() == 1
    assert (verdicts["judge_text"] == "judge_error").sum() == 148
    released = verdicts[verdicts["model"] != "aria"]["stored_verdict"].dropna()
    assert (1 + 2 * released.isin(["A>>B", "B>>A"])).sum() == 19644


def test_rules_of_other_toolkits_on_the_same_verdicts(verdicts):
    table = {
        name: toolkit_table(verdicts, name, "stored_verdict")
        for name in ("WildVision-Bench", "lmms-eval", "VLMEvalKit")
    }
    for model, released, lmms in (
        ("gpt-4o", 89.15, 82.00),
        ("openbmb/MiniCPM-V", 11.95, 15.20),
        ("llava-1.5-7b-hf", 15.50, 20.50),
    ):
        assert round(table["WildVision-Bench"].loc[model, "score"], 2) == released
        assert round(table["lmms-eval"].loc[model, "score"], 2) == lmms
    assert table["lmms-eval"].loc["gpt-4o", "raw_score"] == pytest.approx(56.4 / 50)
    assert "score" not in table["VLMEvalKit"]
    assert table["VLMEvalKit"].loc["gpt-4o", "win_rate"] == pytest.approx(0.806)
    # five places change between two toolkits although not one verdict does
    places = [list(table[name].index).index("claude-3-haiku-20240307") + 1 for name in table]
    assert places[:2] == [9, 12]


def test_published_intervals_are_those_of_copied_battles(verdicts):
    found = score_intervals(verdicts, REFERENCE, "battle", rounds=100, seed=42)
    for name, models in (
        ("wvbench_leaderboard_paper_table4", "repo_model"),
        ("wvbench_leaderboard_readme", "model"),
    ):
        table = load(name).dropna(subset=[models]).set_index(models).drop(REFERENCE, errors="ignore")
        width = table["ci_hi"] - table["ci_lo"]
        # a percentile of 100 draws is noisy for one model, not for the mean over 19 or 21
        assert (found["width"][width.index] / width).mean() == pytest.approx(1, abs=0.12)


def test_published_intervals_are_about_a_third_too_narrow(verdicts):
    errors = score_errors(verdicts, REFERENCE)
    assert errors["ratio"].mean() == pytest.approx(1.489, abs=1e-3)
    assert errors["ratio"].min() == pytest.approx(1.317, abs=1e-3)
    assert errors["ratio"].max() == pytest.approx(1.575, abs=1e-3)
    question = score_intervals(verdicts, REFERENCE, "question", rounds=100)["width"]
    paper = load("wvbench_leaderboard_paper_table4").dropna(subset=["repo_model"]).set_index("repo_model")
    ratio = question[paper.index] / (paper["ci_hi"] - paper["ci_lo"])
    assert 1.3 < ratio.mean() < 1.75


def test_two_published_draws_of_the_same_interval_differ():
    paper = load("wvbench_leaderboard_paper_table4").dropna(subset=["repo_model"]).set_index("repo_model")
    readme = load("wvbench_leaderboard_readme").set_index("model").loc[paper.index]
    assert (paper["ci_lo"] - readme["ci_lo"]).abs().max() == pytest.approx(1.1)
    assert (paper["ci_hi"] - readme["ci_hi"]).abs().max() == pytest.approx(1.4)


def controlled(verdicts, strong_weight, center):
    """Scores at controlled length and plain ones, of 21 models, and the fit."""
    battles = verdict_battles(verdicts, REFERENCE, strong_weight, verdict="stored_verdict")
    tokens = verdicts.set_index(["model", "question"])["answer_tokens"]
    own = tokens.loc[list(zip(battles["model_b"], battles["question"], strict=True))].to_numpy()
    other = battles["question"].map(tokens.loc[REFERENCE])
    fit = style_controlled(battles, {"length": length_difference(other, own)}, "weight", center=center)
    strengths = fit.strengths
    score = (100 * strengths / (strengths + strengths[REFERENCE])).drop(REFERENCE)
    return fit, score, star_scores(battles)


def place(scores: pd.Series, model: str) -> int:
    """Place from the top; of two equal scores both have the lower place."""
    return int(scores.rank(ascending=False, method="max")[model])


def test_length_controlled_ranks(verdicts):
    fit, score, plain = controlled(verdicts, 3, center=True)
    assert fit.coefficients["length"] == pytest.approx(0.48, abs=5e-3)
    assert score["claude-3-opus-20240229"] == pytest.approx(59.7, abs=0.05)
    assert score["Reka-Flash"] == pytest.approx(57.2, abs=0.05)
    assert plain["claude-3-opus-20240229"] < plain["Reka-Flash"]
    assert (place(plain, "gemini-pro-vision"), place(score, "gemini-pro-vision")) == (9, 8)
    _, score, plain = controlled(verdicts, 1, center=True)
    assert (place(plain, "gemini-pro-vision"), place(score, "gemini-pro-vision")) == (11, 8)


def test_at_equal_length_scores_are_higher_than_at_the_average_difference(verdicts):
    # the reference's answers are longer than the average model's: taking the mean off keeps its advantage
    fit, average, _ = controlled(verdicts, 3, center=True)
    assert fit.mean["length"] == pytest.approx(0.149, abs=1e-3)
    _, equal, _ = controlled(verdicts, 3, center=False)
    assert (equal > average).all()
    assert equal["gemini-pro-vision"] == pytest.approx(46.95, abs=0.05)
    assert list(equal.sort_values().index) == list(average.sort_values().index)


def sides(ll: int, lr: int, rl: int, rr: int) -> tuple[list[str], list[str]]:
    human = (ll + lr) * ["left"] + (rl + rr) * ["right"]
    return human, ll * ["left"] + lr * ["right"] + rl * ["left"] + rr * ["right"]


def test_the_visible_block_of_figure_6_does_not_give_the_printed_column():
    found = agreement(*sides(300, 61, 102, 269), "binary")
    expected = {"f1_macro": 0.7769, "f1_micro": 0.7773, "kappa": 0.5552, "pearson": 0.5587}
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=5e-5)
    # this table would: but it is not near the visible one
    found = agreement(*sides(307, 86, 98, 344), "binary")
    expected = {"f1_macro": 0.7792, "f1_micro": 0.7796, "kappa": 0.5585, "pearson": 0.5587}
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=5e-5)


def test_intervals_printed_by_arena_hard_are_its_quantiles():
    table = load("arena_hard_leaderboard_20240731")
    ends = table["CI"].str.extract(r"\(([-+][\d.]+), ([-+][\d.]+)\)").astype(float)
    assert ends.notna().all(axis=None)
    np.testing.assert_allclose(table["score"] + ends[0], table["rating_q025"], atol=0.011)
    np.testing.assert_allclose(table["score"] + ends[1], table["rating_q975"], atol=0.011)
