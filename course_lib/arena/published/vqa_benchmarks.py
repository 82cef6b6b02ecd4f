"""The 16 VQA benchmarks of the Web-SSL paper: what each measures, how they average, which cells are odd."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

CATEGORIES = ("General", "Knowledge", "OCR & Chart", "Vision-Centric")


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: its name, the column of the score table, category, metric and scale.

    full_score: the score of a perfect model (2000 for MME perception, 100 elsewhere). items: number of
    questions (of pairs for MMVP) if a score is a share of them and the published cells agree with that
    number; None where they cannot show it.
    """

    name: str
    column: str
    category: str
    metric: str
    full_score: float = 100.0
    items: int | None = None


BENCHMARKS = (
    Benchmark("MME", "mme_p", "General", "perception score, without cognition", 2000.0),
    Benchmark(
        "MMBench-En", "mmbench", "General", "circular accuracy: right under all option orders", items=1164
    ),
    Benchmark("SEED", "seed", "General", "accuracy on images"),
    Benchmark("GQA", "gqa", "General", "accuracy"),
    Benchmark("ScienceQA", "sqa", "Knowledge", "accuracy on questions with an image", items=2017),
    Benchmark("MMMU", "mmmu", "Knowledge", "accuracy", items=900),
    Benchmark(
        "MathVista", "mathvista", "Knowledge", "accuracy, answer extracted by a language model", items=1000
    ),
    Benchmark("AI2D", "ai2d", "Knowledge", "accuracy", items=3088),
    Benchmark("ChartQA", "chartqa", "OCR & Chart", "relaxed accuracy: numbers within 5 %", items=2500),
    Benchmark("OCRBench", "ocrbench", "OCR & Chart", "share of answers that hold the text", items=1000),
    Benchmark("TextVQA", "textvqa", "OCR & Chart", "VQA accuracy against ten answers"),
    Benchmark("DocVQA", "docvqa", "OCR & Chart", "ANLS, published in whole points"),
    Benchmark("MMVP", "mmvp", "Vision-Centric", "pair accuracy: right on both images", items=150),
    Benchmark("RealWorldQA", "realworldqa", "Vision-Centric", "accuracy", items=765),
    Benchmark("CV-Bench 2D", "cvb2d", "Vision-Centric", "mean accuracy of the two image sources"),
    Benchmark("CV-Bench 3D", "cvb3d", "Vision-Centric", "accuracy", items=1200),
)


def points(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores on one scale, 0 to 100, in columns named as `Benchmark.name`; only MME changes (/ 20).

    scores: a row per model with the 16 columns `Benchmark.column`, as in load("webssl_appendix_vqa").
    Raises ValueError that names missing columns, and rows and columns of cells outside the scale or missing.
    """
    import pandas as pd

    missing = [b.column for b in BENCHMARKS if b.column not in scores.columns]
    if missing:
        raise ValueError(
            f"points: the table has no column {', '.join(missing)}; all 16 benchmarks are averaged."
        )
    scaled = pd.DataFrame({b.name: scores[b.column] * (100 / b.full_score) for b in BENCHMARKS})
    bad = ~((scaled >= 0) & (scaled <= 100))  # NaN compares False, so it is bad as well
    if bad.any(axis=None):
        row, column = next(iter(bad.stack().loc[lambda cell: cell].index))
        benchmark = next(b for b in BENCHMARKS if b.name == column)
        raise ValueError(
            f"points: {int(bad.to_numpy().sum())} cells are missing or outside their scale, the first in row "
            f"{row}, {benchmark.column}: {scores.loc[row, benchmark.column]} of {benchmark.full_score:g}."
        )
    return scaled


def category_means(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean of the four benchmarks of each category, and `average`, the mean of the four categories.

    scores: see `points`. Four categories of four: the average is also the mean of all 16
    (Fan et al. 2025, arXiv:2504.01017, section 2.3). Raises ValueError as `points`.
    """
    import pandas as pd

    scaled = points(scores)
    means = pd.DataFrame(
        {c: scaled[[b.name for b in BENCHMARKS if b.category == c]].mean(axis=1) for c in CATEGORIES}
    )
    return means.assign(average=means.mean(axis=1))


def check_averages(
    scores: pd.DataFrame, published: str = "avg_published", tolerance: float = 0.01
) -> pd.DataFrame:
    """Does every published average follow from its own 16 cells? One row a model, in the order of `scores`.

    Columns: model, published, recomputed, difference (recomputed - published), fits (|difference| <=
    tolerance, in points), and says: for a row that does not fit, by how many points its cells would have to
    add up differently. Raises ValueError as `points`, and when there is no column `published`.
    """
    import pandas as pd

    if published not in scores.columns:
        raise ValueError(f"check_averages: the table has no column {published!r} to compare with.")
    recomputed = category_means(scores)["average"]
    difference = recomputed - scores[published]
    fits = difference.abs() <= tolerance
    names = scores["model"] if "model" in scores.columns else scores.index.to_series().astype(str)
    says = [
        ""
        if fit
        else f"{name}: the 16 cells give {mean:.2f}, published is {told:.2f}; the average is wrong, or "
        f"the cells add up to {16 * abs(gap):.1f} points too {'few' if gap < 0 else 'many'}."
        for name, mean, told, gap, fit in zip(
            names, recomputed, scores[published], difference, fits, strict=True
        )
    ]
    return pd.DataFrame(
        {
            "model": names,
            "published": scores[published],
            "recomputed": recomputed,
            "difference": difference,
            "fits": fits,
            "says": says,
        }
    )


def impossible_cells(scores: pd.DataFrame, decimals: int = 2) -> pd.DataFrame:
    """Cells that are no share of the benchmark's items: columns row, benchmark, printed, nearest.

    With n items a score is 100 m / n for a whole m, rounded or cut off after `decimals` (both occur). Only
    benchmarks with known `items` are looked at. Raises ValueError as `points`.
    """
    import pandas as pd

    found, scaled, unit = [], points(scores), 10.0**-decimals
    for benchmark in BENCHMARKS:
        if benchmark.items is None:
            continue
        for row, printed in scaled[benchmark.name].items():
            correct = int(printed * benchmark.items / 100)
            possible = [100 * m / benchmark.items for m in (correct, correct + 1)]
            # 1e-3 units of slack: 23.59 is 23.6 cut off after its binary form 23.599999
            if not any(-unit / 2 <= exact - printed < unit * 1.001 for exact in possible):
                nearest = min(possible, key=lambda exact: abs(exact - printed))
                found.append((row, benchmark.name, printed, round(nearest, decimals + 1)))
    return pd.DataFrame(found, columns=["row", "benchmark", "printed", "nearest"])


def suspicious_cells(scores: pd.DataFrame, distance: float = 4.0) -> pd.DataFrame:
    """Cells that may be a slip of copying: equal to another cell of their row and far from their column.

    Columns: row, benchmark, printed, same_as (the other benchmark), typical (median of the column), distance
    (from it, in robust standard deviations, 1.4826 x the median absolute deviation). Equal cells alone occur
    by chance. Raises ValueError as `points`.
    """
    import pandas as pd

    scaled = points(scores)
    typical = scaled.median()
    spread = 1.4826 * (scaled - typical).abs().median()
    far = (scaled - typical) / spread.where(spread > 0)
    found = []
    for row, cells in scaled.iterrows():
        for pair in combinations(scaled.columns, 2):
            for name, other in (pair, pair[::-1]):
                if cells[name] == cells[other] and abs(far.at[row, name]) >= distance:
                    found.append((row, name, cells[name], other, typical[name], far.at[row, name]))
    columns = ["row", "benchmark", "printed", "same_as", "typical", "distance"]
    return pd.DataFrame(found, columns=columns)
