"""The whole pipeline on one pool, and the table that says what came from where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.data.curation import deduplicate, remove_leaks, retrieve_by_cluster, retrieve_by_sample

if TYPE_CHECKING:
    import pandas

COLUMNS = ("task", "dataset", "images", "retrieval", "retrieved", "final")


@dataclass(frozen=True)
class Source:
    """A curated set, and how it enters the training set.

    features (N, D). retrieval: "as is" (its own images are taken), "sample" (options: per_query) or "cluster"
    (options: clusters, per_cluster, at_least, cap): see `curation`.
    """

    task: str
    dataset: str
    features: Any
    retrieval: str = "sample"
    options: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Curated:
    """pool: rows of the pool that were chosen by at least one source. per_source: those of each. kept: rows
    of the pool that were left after copies and leaks. table: one row per source and a total."""

    pool: np.ndarray
    per_source: dict[str, np.ndarray]
    kept: np.ndarray
    table: pandas.DataFrame


def curate(
    sources: Sequence[Source],
    pool_features,
    evaluation_features=None,
    self_threshold: float = 0.6,
    leak_threshold: float = 0.45,
    neighbours: int = 64,
) -> Curated:
    """Deduplicate the pool, remove what resembles the evaluation sets, retrieve for every source.

    The table has the six columns of DINOv2's LVD-142M (Oquab et al. 2023, arXiv:2304.07193, appendix A):
    task, dataset, images (of the source), retrieval, retrieved (before the cap), final. A pool image that two
    sources ask for counts for the first one, so that the total is the number of images.
    Raises ValueError for two sources of one name and an unknown retrieval.
    """
    import pandas

    names = [source.dataset for source in sources]
    if len(set(names)) < len(names):
        raise ValueError(f"curate: datasets {names} are not all different; the table could not be read.")
    features = np.asarray(pool_features)
    kept = deduplicate(features, self_threshold, neighbours)
    if evaluation_features is not None:
        kept = kept[remove_leaks(features[kept], evaluation_features, leak_threshold, neighbours)]
    taken = np.zeros(len(features), bool)
    per_source: dict[str, np.ndarray] = {}
    rows: list[tuple] = []
    for source in sources:
        count, options = len(source.features), dict(source.options)
        if source.retrieval == "as is":
            rows.append((source.task, source.dataset, count, "as is", None, count))
            continue
        cap = options.pop("cap", None)
        if source.retrieval == "sample":
            found = retrieve_by_sample(source.features, features[kept], **options)
        elif source.retrieval == "cluster":
            found = retrieve_by_cluster(source.features, features[kept], **options)
        else:
            raise ValueError(
                f'curate: retrieval="{source.retrieval}" of {source.dataset}; choose "as is", "sample" or '
                '"cluster".'
            )
        found = kept[found]
        new = found[~taken[found]]
        if cap is not None and len(new) > cap:
            new = np.sort(np.random.default_rng(0).permutation(new)[:cap])
        taken[new] = True
        per_source[source.dataset] = new
        rows.append((source.task, source.dataset, count, source.retrieval, len(found), len(new)))
    table = pandas.DataFrame(rows, columns=list(COLUMNS)).astype({"retrieved": "Int64"})
    total = {"task": "", "dataset": "total", "images": None, "retrieval": "", "retrieved": None}
    table.loc[len(table)] = total | {"final": int(table["final"].sum())}
    return Curated(np.flatnonzero(taken), per_source, kept, table.astype({"images": "Int64"}))
