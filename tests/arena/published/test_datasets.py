"""The tables that the course ships are the published ones, byte by byte, and load as what they are."""

import hashlib
import re

import pytest

from course_lib.arena.battles import WINNERS, checked
from course_lib.arena.published.datasets import FOLDER, NAMES, load, source

# SHA-256 (first half) of the files as they were received; a table is evidence and is never edited
SUMS = {
    "arena_hard_leaderboard_20240731.csv": "dcc532f251a307f9cb23cb9ac04711e1",
    "llmfao_crowd.csv": "106564a4bf06f047a4662979384313c2",
    "openclip_scaling_results.csv": "f7f0fa01d7a4857f3b352fc8e1313fa6",
    "webssl_appendix_vqa.csv": "25e9461f1d785da36b4f698ccf16cecc",
    "wvarena_leaderboard_paper_table2.csv": "80b3e1affb5b2b99b3fcbaf1b30b4051",
    "wvbench_leaderboard_paper_table4.csv": "fa022c02aab7f5bc0f6fc31d84ba30ca",
    "wvbench_leaderboard_readme.csv": "5e299baa7ab68e872641f9378dade85b",
    "lvd142m.csv": "b38e9d5a05e08d1c96f669a3f9f5f261",
    "molmo_academic_elo.csv": "9c3724d851c6afde8a31911f0e317f1c",
    "webssl_filter_table.csv": "fd82d195ee74111bffd174e4401718d3",
    "webssl_system_table.csv": "c82b1d5a4d163b197f665641f980298b",
    "wvbench_verdicts.csv": "eb62e3b4136fc104c9659fb8ababf68c",
}


def test_the_files_are_the_published_ones():
    found = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:32] for name in SUMS}
    assert found == SUMS
    assert {path.stem for path in FOLDER.glob("*.csv")} == set(NAMES)


def test_the_sources_name_no_file_that_is_not_there():
    named = set(re.findall(r"^\| (\w+\.csv) \|", source(), re.MULTILINE))
    assert named == {path.name for path in FOLDER.glob("*.csv")}


@pytest.mark.parametrize("name", NAMES)
def test_every_table_loads_and_its_source_is_told(name):
    assert len(load(name)) > 0
    assert f"{name}.csv" in source()


def test_an_unknown_name_is_answered_with_the_names():
    with pytest.raises(ValueError, match=r"no table 'llmfao'; the tables are .*llmfao_crowd"):
        load("llmfao")


def test_a_caller_may_change_what_was_loaded():
    table = load("wvbench_leaderboard_readme")
    table["score"] = 0
    assert load("wvbench_leaderboard_readme")["score"].max() == 89.15


def test_crowd_votes_are_battles():
    battles = checked(load("llmfao_crowd"))
    assert len(battles) == 8931
    assert list(battles.columns) == ["model_a", "model_b", "winner", "question", "voter", "comparison"]
    assert battles["winner"].isin(WINNERS).all()
    assert battles["winner"].value_counts().to_dict() == {"tie": 3471, "model_a": 2911, "model_b": 2549}
    assert len({*battles["model_a"], *battles["model_b"]}) == 59
    first = battles.iloc[2]  # "right" in the file
    names = first[["model_a", "model_b", "winner"]].tolist()
    assert names == ["Airoboros L2 70B", "Weaver 12k", "model_b"]


def test_verdicts_keep_both_sources_of_labels_and_no_text_becomes_one():
    verdicts = load("wvbench_verdicts")
    labels = {"A>>B", "A>B", "A=B", "B>A", "B>>A"}
    assert set(verdicts["verdict"].dropna()) == set(verdicts["stored_verdict"].dropna()) == labels
    assert verdicts["verdict"].isna().sum() == 182
    assert verdicts["stored_verdict"].isna().sum() == 14 + 6 + 6  # free text, empty, null
    # 156 answers of the judge without a label were stored as ties
    invented = verdicts["verdict"].isna() & verdicts["stored_verdict"].eq("A=B")
    assert invented.sum() == 156
    both = verdicts.dropna(subset=["verdict", "stored_verdict"])
    assert (both["verdict"] == both["stored_verdict"]).all()
