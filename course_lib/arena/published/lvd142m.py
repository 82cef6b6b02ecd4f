"""LVD-142M, the pretraining data of DINOv2: the 27 rows of the paper's table and the rules behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.arena.published.datasets import load

if TYPE_CHECKING:
    import pandas as pd

CAP = 1_000_000  # images that one source may bring in by cluster retrieval
TOTAL = 142_109_386
PER_IMAGE = {"ImageNet-22k": 4, "ImageNet-1k": 32, "Google Landmarks v2": 4}  # neighbours taken per image


def lvd142m() -> pd.DataFrame:
    """The table of Oquab et al. 2023 (arXiv:2304.07193, appendix A), one row a source and way of retrieval.

    Columns: task, dataset, split (missing for ImageNet-22k), images (of the source), retrieval ("as is",
    "sample" or "cluster"), retrieved (before the cap; missing for "as is") and final, all in images. The task
    follows the paper's layout: Mapillary SLS stands under depth estimation though it is a place-recognition
    set.
    """
    return load("lvd142m").astype({"retrieved": "Int64"})


def check_rules(table: pd.DataFrame, cap: int = CAP) -> pd.DataFrame:
    """What the rules of retrieval make of every row: columns rule (in words), expected (images), fits.

    "as is" keeps the source's own images; "sample" takes `PER_IMAGE` neighbours of each image of the source;
    "cluster" takes what was retrieved, at most `cap`. table: as `lvd142m()`. Raises ValueError that names
    the row for another way of retrieval, for a sampled source without a known number of neighbours, and for
    a cluster row without `retrieved`.
    """
    import pandas as pd

    rows = []
    for row, source in table.iterrows():
        if source["retrieval"] == "as is":
            rule, expected = "own images", source["images"]
        elif source["retrieval"] == "sample":
            if source["dataset"] not in PER_IMAGE:
                raise ValueError(
                    f"check_rules: row {row}: no number of neighbours is known for {source['dataset']}."
                )
            count = PER_IMAGE[source["dataset"]]
            rule, expected = f"{count} neighbours per image", count * source["images"]
        elif source["retrieval"] == "cluster":
            if pd.isna(source["retrieved"]):
                raise ValueError(
                    f"check_rules: row {row}: {source['dataset']} has no number of retrieved images."
                )
            rule, expected = f"retrieved, at most {cap:,}", min(source["retrieved"], cap)
        else:
            raise ValueError(
                f"check_rules: row {row}: retrieval is {source['retrieval']!r}; not as is, sample or cluster."
            )
        rows.append((rule, expected, bool(expected == source["final"])))
    return pd.DataFrame(rows, columns=["rule", "expected", "fits"], index=table.index)
