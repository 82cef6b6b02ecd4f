"""The two tables of the Web-SSL talk, and checks of what a table prints: means, differences, cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.arena.published.datasets import load
from course_lib.arena.published.vqa_benchmarks import BENCHMARKS, category_means, points

if TYPE_CHECKING:
    import pandas as pd

# columns of the talk -> categories and benchmarks of the registry
PRINTED = {
    "average": "average",
    "general": "General",
    "knowledge": "Knowledge",
    "ocr_chart": "OCR & Chart",
    "vision_centric": "Vision-Centric",
} | {b.column: b.name for b in BENCHMARKS}
CATEGORY_COLUMNS = ("general", "knowledge", "ocr_chart", "vision_centric")
OCR_COLUMNS = ("chartqa", "ocrbench", "textvqa", "docvqa")
FINDINGS = ["row", "column", "printed", "expected", "says"]

# rows of the talk that are rows of the paper's appendix: (table, model, data or None) of webssl_appendix_vqa
FILTER_ROWS = (
    (12, "MetaCLIP ViT-2B", "MC-2B"),
    (13, "Web-DINO ViT-2B", "MC-2B"),
    (13, "Web-DINO ViT-2B", "MC-2B light 50.3%"),
    (13, "Web-DINO ViT-2B", "MC-2B heavy 1.3%"),
)
SYSTEM_ROWS = (
    (14, "SigLIP SO400M 224", None),
    (14, "SigLIP SO400M 384", None),
    (14, "SigLIP2 SO400M 224", None),
    (14, "SigLIP2 SO400M 384", None),
    None,  # MetaCLIP ViT-G: the appendix has ViT-H
    (14, "MAE ViT-H 224", None),
    (14, "I-JEPA ViT-H 224", None),
    (14, "DINOv2 ViT-g 518", None),
    (15, "Web-DINO ViT-7B 224", "MC-2B"),
    (15, "Web-DINO ViT-7B 378", "MC-2B"),
    (15, "Web-DINO ViT-7B 518", "MC-2B"),
)


def filter_table() -> pd.DataFrame:
    """CLIP and Web-DINO 2B trained on all, 50.3 % and 1.3 % of MC-2B: points, as in the talk.

    share: % of the pool kept by the text filter; `<column>_delta`: the printed difference from Web-DINO 2B on
    all images, missing in the first two rows.
    """
    return load("webssl_filter_table")


def system_table() -> pd.DataFrame:
    """Eleven encoders on VQA and classic vision, as printed in the talk; not alike in data, size or samples.

    supervision: language or images; samples_seen_b in billions; resolution in pixels; VQA, classification
    (%) and segmentation (mIoU, %): higher is better; nyu_rmse_1, nyu_rmse_4 (m): lower is better.
    """
    return load("webssl_system_table")


def check_means(table: pd.DataFrame, mean: str, of: tuple[str, ...], decimals: int = 1) -> pd.DataFrame:
    """Cells of column `mean` that cannot be the mean of the columns `of`, all rounded to `decimals`.

    Each cell may be off by half a unit and so may their mean: together one unit. Returns one row a finding,
    columns `FINDINGS`; empty when all rows fit. Raises ValueError for missing columns.
    """
    _has(table, (mean, *of), "check_means")
    expected = table[list(of)].mean(axis=1)
    return _findings(table, mean, expected, 10.0**-decimals, f"the mean of {', '.join(of)}")


def check_deltas(table: pd.DataFrame, column: str, base: int = 1, decimals: int = 1) -> pd.DataFrame:
    """Cells of `<column>_delta` that cannot be the difference of `column` from its row number `base`.

    Two cells rounded to `decimals` and a rounded difference: one and a half units. Missing deltas are not
    looked at. Returns one row a finding, columns `FINDINGS`. Raises ValueError for missing columns.
    """
    _has(table, (column, f"{column}_delta"), "check_deltas")
    expected = table[column] - table[column].iloc[base]
    return _findings(
        table, f"{column}_delta", expected, 1.5 * 10.0**-decimals, f"the difference from row {base}"
    )


def check_against(table: pd.DataFrame, exact: pd.DataFrame, decimals: int = 1) -> pd.DataFrame:
    """Cells of a printed table that are not the rounded cells of a more exact one with two decimals.

    table, exact: the same rows and, where both have it, the same columns; a missing exact cell is not looked
    at. Returns one row a finding, columns `FINDINGS`. Raises ValueError for other rows.
    """
    import pandas as pd

    if not table.index.equals(exact.index):
        raise ValueError(
            f"check_against: {len(table)} and {len(exact)} rows; both tables need the same rows."
        )
    shared = [column for column in exact.columns if column in table.columns]
    slack = 0.5 * 10.0**-decimals + 0.005  # the exact cells are rounded, too
    found = [_findings(table, c, exact[c], slack, "what the paper's own cells give") for c in shared]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=FINDINGS)


def from_appendix(rows: tuple, appendix: pd.DataFrame) -> pd.DataFrame:
    """Averages, category means and the 16 cells of the paper's appendix, in the columns of the talk.

    rows: FILTER_ROWS or SYSTEM_ROWS; None gives a row without values. appendix:
    load("webssl_appendix_vqa"). Raises ValueError for a row that the appendix does not have.
    """
    import pandas as pd

    exact = pd.concat([category_means(appendix), points(appendix)], axis=1)
    picked = []
    for row in rows:
        if row is None:
            picked.append(pd.Series(float("nan"), index=exact.columns))
            continue
        table, model, data = row
        same = (appendix["table"] == table) & (appendix["model"] == model)
        if data is not None:
            same &= appendix["data"] == data
        if same.sum() != 1:
            raise ValueError(
                f"from_appendix: {int(same.sum())} rows are {model}, {data}, table {table}; not one."
            )
        picked.append(exact[same].iloc[0])
    return pd.DataFrame({c: [row[name] for row in picked] for c, name in PRINTED.items()})


def misprints(table: pd.DataFrame, rows: tuple, appendix: pd.DataFrame) -> pd.DataFrame:
    """All that a printed table of the talk has wrong, by its own arithmetic and by the paper's appendix.

    table: `filter_table()` or `system_table()` (or one like them); rows, appendix: see `from_appendix`.
    Returns one row a finding: row, column, printed, expected, says. Raises ValueError for missing columns.
    """
    import pandas as pd

    found = [check_means(table, "average", CATEGORY_COLUMNS)]
    if set(OCR_COLUMNS) <= set(table.columns):
        found.append(check_means(table, "ocr_chart", OCR_COLUMNS))
    for column in table.columns:
        if column.endswith("_delta"):
            found.append(check_deltas(table, column.removesuffix("_delta")))
    found.append(check_against(table, from_appendix(rows, appendix)))
    return pd.concat(found, ignore_index=True)


def _findings(table, column: str, expected, slack: float, of: str) -> pd.DataFrame:
    import pandas as pd

    off = (table[column] - expected).abs() > slack + 1e-9  # False where either is missing
    found = [
        (row, column, table.at[row, column], expected[row], _sentence(table, row, column, expected[row], of))
        for row in table.index[off]
    ]
    return pd.DataFrame(found, columns=FINDINGS)


def _sentence(table, row, column: str, expected: float, of: str) -> str:
    name = table.at[row, "method"] if "method" in table.columns else f"row {row}"
    return f"{name}: {column} is printed as {table.at[row, column]:g}, but {of} is {expected:.2f}."


def _has(table: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{where}: the table has no column {', '.join(missing)}.")
