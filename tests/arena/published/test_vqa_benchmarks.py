"""The published VQA scores recomputed cell by cell (T16), the talk's two tables, and LVD-142M (T15)."""

import numpy as np
import pandas as pd
import pytest

from course_lib.arena.published.datasets import load
from course_lib.arena.published.lvd142m import TOTAL, check_rules, lvd142m
from course_lib.arena.published.talk_tables import (
    CATEGORY_COLUMNS,
    FILTER_ROWS,
    OCR_COLUMNS,
    SYSTEM_ROWS,
    check_against,
    check_deltas,
    check_means,
    filter_table,
    from_appendix,
    misprints,
    system_table,
)
from course_lib.arena.published.vqa_benchmarks import (
    BENCHMARKS,
    CATEGORIES,
    category_means,
    check_averages,
    impossible_cells,
    points,
    suspicious_cells,
)


@pytest.fixture(scope="module")
def appendix():
    return load("webssl_appendix_vqa")


def test_sixteen_benchmarks_in_four_categories_of_four():
    assert len({b.name for b in BENCHMARKS}) == len({b.column for b in BENCHMARKS}) == 16
    assert [sum(b.category == c for b in BENCHMARKS) for c in CATEGORIES] == [4, 4, 4, 4]
    talk = {
        "General": "MMBench-En MME GQA SEED",
        "Knowledge": "AI2D MathVista MMMU ScienceQA",
        "OCR & Chart": "ChartQA DocVQA OCRBench TextVQA",
    }
    for category, names in talk.items():
        assert {b.name for b in BENCHMARKS if b.category == category} == set(names.split())


def test_forty_of_forty_one_published_averages_follow_from_their_cells(appendix):
    """T16. I-JEPA fails: 44.78 is published, its cells give 44.30, 7.6 points short over the 16 cells."""
    table = check_averages(appendix)
    assert (len(table), table["fits"].sum()) == (41, 40)
    failing = table[~table["fits"]]
    assert list(failing["model"]) == ["I-JEPA ViT-H 224"]
    assert failing["recomputed"].round(2).item() == 44.30
    assert "too few" in failing["says"].item()
    assert "add up to 7.6 points" in failing["says"].item()
    assert table.loc[table["fits"], "difference"].abs().max() < 0.006  # half of the last digit
    assert set(table.loc[table["fits"], "says"]) == {""}


def test_the_average_is_the_mean_of_all_sixteen_on_one_scale(appendix):
    means, scaled = category_means(appendix), points(appendix)
    np.testing.assert_allclose(means["average"], scaled.mean(axis=1))
    assert scaled.loc[0, "MME"] == pytest.approx(1731.52 / 20)
    by_hand = (1731.52 / 20 + 65.37 + 69.92 + 62.4) / 4
    assert means.loc[0, "General"] == pytest.approx(by_hand)


def test_rows_printed_in_two_tables_are_the_same(appendix):
    keys, cells = ["params_b", "data", "samples_seen_b"], [b.column for b in BENCHMARKS]
    own = appendix[appendix["model"].isin([f"Web-DINO ViT-{size}B" for size in (1, 2, 7)])]
    sizes = own.groupby(keys)[cells].agg(["size", "nunique"])
    assert (sizes.xs("nunique", axis=1, level=1) == 1).all(axis=None)
    assert (sizes.xs("size", axis=1, level=1).iloc[:, 0] == 2).sum() == 3


def test_scores_are_counts_of_the_items_but_for_three_cells(appendix):
    """So the item numbers of the registry are right, and I-JEPA's row has an MMBench cell that cannot be."""
    found = impossible_cells(appendix)
    rows = appendix.loc[found["row"], ["model", "data"]]
    assert list(zip(rows["model"], found["benchmark"], found["printed"], strict=True)) == [
        ("Web-DINO ViT-1B", "MMBench-En", 61.4),  # 61.43
        ("I-JEPA ViT-H 224", "MMBench-En", 60.01),  # 59.97 or 60.05
        ("Web-DINO ViT-2B", "ChartQA", 23.3),  # 23.28, printed with one digit ...
        ("Web-DINO ViT-2B", "ChartQA", 23.3),  # ... in both tables
    ]
    wrong = appendix.assign(mmvp=37.0)  # 55.5 of 150 pairs
    assert (impossible_cells(wrong)["benchmark"] == "MMVP").sum() == 41


def test_one_cell_looks_like_a_slip_of_copying(appendix):
    """MathVista 31.4 of the 50.3 % filter: its ChartQA cell, and 9 points above any other of 41 rows.

    The talk's Knowledge gain of +4.6 and 1.0 of its +2.6 on average hang on this cell.
    """
    found = suspicious_cells(appendix)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["benchmark"], row["same_as"], row["printed"]) == ("MathVista", "ChartQA", 31.4)
    assert appendix.loc[row["row"], "data"] == "MC-2B light 50.3%"
    assert appendix["mathvista"].drop(row["row"]).max() == 22.4
    base = category_means(appendix.iloc[[25]])
    as_base = appendix.loc[[row["row"]]].assign(mathvista=appendix["mathvista"].iloc[25])
    gain = category_means(as_base).iloc[0] - base.iloc[0]
    assert gain["Knowledge"] == pytest.approx(0.73, abs=0.005)
    assert gain["average"] == pytest.approx(1.64, abs=0.005)


def test_dinov2_is_shown_at_the_resolution_that_suits_it_least(appendix):
    means = category_means(appendix).set_index(appendix["model"])["average"].round(2)
    assert (means["DINOv2 ViT-g 224"], means["DINOv2 ViT-g 518"]) == (49.25, 47.91)
    printed = system_table().query("method == 'DINOv2 ViT-g'")
    assert list(printed["resolution"]) == [518]


def test_every_mean_and_difference_of_the_filter_table_is_right(appendix):
    table = filter_table()
    assert misprints(table, FILTER_ROWS, appendix).empty
    for column in ("average", *CATEGORY_COLUMNS, *OCR_COLUMNS):
        exact = (table[column] - table[column].iloc[1])[2:]
        np.testing.assert_allclose(table[f"{column}_delta"][2:], exact, atol=1e-9)  # of the printed cells


def test_the_filter_does_not_reach_clip_on_ocrbench():
    table = filter_table()
    assert table.at[3, "ocr_chart"] > table.at[0, "ocr_chart"]
    assert table.at[3, "ocrbench"] < table.at[0, "ocrbench"]


def test_the_system_table_carries_dinov2s_cell_in_i_jepas_row(appendix):
    """Its own arithmetic is sound (44.7 follows from 21.2), so only the paper's 16 cells betray it."""
    table = system_table()
    assert check_means(table, "average", CATEGORY_COLUMNS).empty
    found = misprints(table, SYSTEM_ROWS, appendix)
    cells = [
        (table.at[f.row, "method"], f.column, f.printed, round(f.expected, 2)) for f in found.itertuples()
    ]
    assert cells == [
        ("I-JEPA ViT-H", "average", 44.7, 44.30),
        ("MAE ViT-H", "general", 64.6, 64.66),  # cut off, not rounded
        ("I-JEPA ViT-H", "ocr_chart", 21.2, 19.43),
    ]
    assert found["says"].iloc[2].startswith("I-JEPA ViT-H: ocr_chart is printed as 21.2")
    assert table.set_index("method").loc["DINOv2 ViT-g", "ocr_chart"] == 21.2


def test_what_the_talk_says_of_the_system_table_and_what_it_does_not():
    table = system_table()
    web = table[table["method"] == "Web-DINO ViT-7B"].set_index("resolution")
    assert list(web["average"]) == [55.2, 57.4, 59.9]
    assert web.at[378, "vision_centric"] < web.at[224, "vision_centric"]
    assert table.loc[table["average"].idxmax(), "method"] == "SigLIP2 ViT-SO400M"
    assert table.loc[table["imagenet_linear"].idxmax(), "method"] == "SigLIP2 ViT-SO400M"
    assert table.loc[table["nyu_rmse_4"].idxmin(), "method"] == "DINOv2 ViT-g"


@pytest.mark.parametrize("column", ["average", "general", "ocr_chart", "chartqa"])
def test_a_digit_changed_in_the_filter_table_is_found(appendix, column):
    table = filter_table()
    table.loc[2, column] += 0.3
    assert column in set(misprints(table, FILTER_ROWS, appendix)["column"])


def test_a_delta_changed_is_found_and_a_rounding_is_not():
    table = filter_table()
    table.loc[3, "general_delta"] = -2.0  # unrounded cells could give this
    assert check_deltas(table, "general").empty
    table.loc[3, "general_delta"] = 2.1  # the sign lost
    found = check_deltas(table, "general")
    assert list(found["row"]) == [3]
    assert found["says"].item() == (
        "Web-DINO 2B: general_delta is printed as 2.1, but the difference from row 1 is -2.10."
    )


def test_lvd142m_adds_up_and_every_row_follows_its_rule():
    """T15: 27 rows, 142,109,386 images; 4 x ImageNet-22k, 32 x ImageNet-1k, 4 x Google Landmarks, cap 1M."""
    table = lvd142m()
    assert (len(table), table["final"].sum()) == (27, TOTAL)
    rules = check_rules(table)
    assert rules["fits"].all()
    clusters = table["retrieval"] == "cluster"
    assert clusters.sum() == 21
    below = table[clusters & (table["final"] < 1_000_000)]
    assert list(below["final"]) == [960_000, 830_000]
    assert set(below["dataset"]) == {"AmsterTime"}
    sampled = table[table["retrieval"] == "sample"]
    assert list(sampled["final"] // sampled["images"]) == [4, 32, 4]
    assert (sampled["retrieved"] == sampled["final"]).all()


def test_a_row_of_lvd142m_that_breaks_its_rule_is_found():
    table = lvd142m()
    table.loc[5, "final"] = 999_999
    assert list(check_rules(table).query("~fits").index) == [5]
    capped = lvd142m().query("retrieval == 'cluster' and final > 900_000")
    assert list(check_rules(lvd142m(), cap=900_000).query("~fits").index) == list(capped.index)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda t: points(t.drop(columns=["gqa", "mmvp"])), "no column gqa, mmvp"),
        (lambda t: points(t.assign(mme_p=2100.0)), "41 cells .* row 0, mme_p: 2100.0 of 2000"),
        (lambda t: points(t.assign(gqa=t["gqa"].mask(t.index == 7))), "1 cells .* row 7, gqa: nan of 100"),
        (lambda t: check_averages(t, published="mean"), "no column 'mean'"),
        (lambda t: check_means(filter_table(), "average", ("a", "b")), "no column a, b"),
        (lambda t: check_deltas(system_table(), "average"), "no column average_delta"),
        (lambda t: from_appendix(((14, "BEiT", None),), t), "0 rows are BEiT"),
        (lambda t: check_against(system_table(), filter_table()), "11 and 4 rows"),
        (lambda t: check_rules(lvd142m().assign(retrieval="all")), "row 0: retrieval is 'all'"),
        (lambda t: check_rules(lvd142m().assign(retrieval="sample")), "row 3: no number of neighbours"),
        (lambda t: check_rules(lvd142m().assign(retrieval="cluster")), "row 0: ImageNet-22k has no number"),
    ],
)
def test_sentences(appendix, call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(appendix)


def test_tables_may_be_changed_freely():
    table = filter_table()
    table.loc[0, "average"] = 0.0
    assert filter_table().at[0, "average"] == 53.0
    assert isinstance(system_table(), pd.DataFrame)
