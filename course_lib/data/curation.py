"""Which images to learn from: drop copies and leaks, retrieve what resembles curated sets, balance the rest.

The pipeline of DINOv2 (Oquab et al. 2023, arXiv:2304.07193, section 3 and appendix A) on ready features;
balancing is hierarchical k-means (Vo et al. 2024, arXiv:2405.15613). Features are (N, D), one row per image,
any scale; all comparisons are by cosine. Everything returns row numbers, sorted.
"""

from __future__ import annotations

import numpy as np

SELF_THRESHOLD, LEAK_THRESHOLD, NEIGHBOURS = 0.6, 0.45, 64  # DINOv2's, for a copy-detection embedding


def copy_groups(features, threshold: float = SELF_THRESHOLD, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """(N,) number of the group of copies that each image belongs to, counted from 0 by first appearance.

    Two images are joined when their cosine is at least `threshold` and one is among the other's `neighbours`
    nearest; groups are connected components. So a chain of pairs joins images that are not alike themselves:
    look at the largest groups before you trust a threshold.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    unit = _unit(features, "copy_groups: features")
    first, second = _near_pairs(unit, unit, threshold, neighbours + 1)  # each is its own nearest
    joined = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(unit), len(unit)))
    groups = connected_components(joined, directed=False)[1]
    _, seen_first, place = np.unique(groups, return_index=True, return_inverse=True)
    return seen_first.argsort().argsort()[place]


def deduplicate(features, threshold: float = SELF_THRESHOLD, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """Rows to keep: the first image of each group of copies."""
    return np.unique(copy_groups(features, threshold, neighbours), return_index=True)[1]


def remove_leaks(
    features, evaluation_features, threshold: float = LEAK_THRESHOLD, neighbours: int = NEIGHBOURS
) -> np.ndarray:
    """Rows to keep: images of whose group of copies none is near an image of an evaluation set.

    The threshold is lower than for copies of each other: losing a few good images costs less than testing on
    what was trained on. Groups are formed at the same threshold.
    """
    unit = _unit(features, "remove_leaks: features")
    evaluation = _unit(evaluation_features, "remove_leaks: evaluation_features", unit.shape[1])
    near = np.unique(_near_pairs(evaluation, unit, threshold, neighbours)[1])
    groups = copy_groups(unit, threshold, neighbours)
    return np.flatnonzero(~np.isin(groups, groups[near]))


def retrieve_by_sample(query_features, pool_features, per_query: int = 4) -> np.ndarray:
    """Rows of the pool that are among the `per_query` nearest of a query. For large curated sets."""
    pool = _unit(pool_features, "retrieve_by_sample: pool_features")
    queries = _unit(query_features, "retrieve_by_sample: query_features", pool.shape[1])
    if not 1 <= per_query <= len(pool):
        raise ValueError(
            f"retrieve_by_sample: per_query={per_query} but the pool has {len(pool)} images; choose fewer."
        )
    return np.unique(_near_pairs(queries, pool, -2.0, per_query)[1])


def retrieve_by_cluster(
    query_features,
    pool_features,
    clusters: int,
    per_cluster: int,
    at_least: int = 3,
    cap: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Rows of the pool from the clusters in which the queries lie. For small curated sets.

    k-means cuts the pool into `clusters`; from each that holds more than `at_least` queries, up to
    `per_cluster` images are drawn; then at most `cap` of all. Empty when no cluster holds enough queries.
    """
    pool = _unit(pool_features, "retrieve_by_cluster: pool_features")
    queries = _unit(query_features, "retrieve_by_cluster: query_features", pool.shape[1])
    means, member = _k_means(pool, clusters, seed, "retrieve_by_cluster")
    votes = np.bincount((queries @ means.T - (means**2).sum(1) / 2).argmax(1), minlength=clusters)
    rng = np.random.default_rng(seed)
    parts = [
        rng.permutation(np.flatnonzero(member == cluster))[:per_cluster]
        for cluster in np.flatnonzero(votes > at_least)
    ]
    rows = np.concatenate([*parts, np.empty(0, np.int64)])
    if cap is not None and len(rows) > cap:
        rows = rng.permutation(rows)[:cap]
    return np.sort(rows)


def balance(features, target: int, levels: tuple[int, ...] | None = None, seed: int = 0) -> np.ndarray:
    """`target` rows, spread evenly over concepts: hierarchical k-means, then sampling from the top down.

    levels: clusters of images, clusters of those clusters' means, and so on, each number smaller than the one
    before (default: `default_levels`). From the top every cluster gets the same share, and what a small
    cluster cannot use goes to the others; inside the lowest clusters images are drawn at random. One level
    would give frequent concepts, which own many clusters, many shares; the levels above take that back, a
    part each: in many dimensions k-means puts its means where the images are. The top should have about as
    many clusters as there are concepts: fewer merge them, more give the frequent ones several shares.
    """
    unit = _unit(features, "balance: features")
    if not 1 <= target <= len(unit):
        raise ValueError(f"balance: target={target} with {len(unit)} images; choose 1 to {len(unit)}.")
    levels = default_levels(len(unit)) if levels is None else levels
    if not levels or any(b >= a for a, b in zip((len(unit) + 1, *levels), levels, strict=False)):
        raise ValueError(f"balance: levels={levels} must fall, from at most {len(unit)}, like (100, 10).")
    points, owner, owners = unit, np.arange(len(unit)), []
    for level, clusters in enumerate(levels):
        points, member = _k_means(points, clusters, seed + level, "balance")
        owner = member[owner]  # of each image, at this level
        owners.append(owner)
    rng = np.random.default_rng(seed)
    return np.sort(_draw_down(np.arange(len(unit)), target, owners[::-1], rng))


def default_levels(images: int) -> tuple[int, ...]:
    """A sixth of the images, at most 2,000, which bounds the time; then three tenths of the level below as
    long as 10 are left: 6,000 -> 1000, 300, 90, 27.
    """
    levels = [max(1, min(images // 6, 2000))]
    while levels[-1] * 3 // 10 >= 10:
        levels.append(levels[-1] * 3 // 10)
    return tuple(levels)


def _draw_down(rows: np.ndarray, target: int, owners: list[np.ndarray], rng) -> np.ndarray:
    """`target` of the rows: shared among the clusters of the highest level, and so on below each."""
    if not owners:
        return rng.permutation(rows)[:target]
    clusters = [rows[owners[0][rows] == cluster] for cluster in np.unique(owners[0][rows])]
    shares = even_shares(np.array([len(cluster) for cluster in clusters]), target, rng)
    drawn = [_draw_down(c, n, owners[1:], rng) for c, n in zip(clusters, shares, strict=True) if n]
    return np.concatenate(drawn)


def even_shares(sizes: np.ndarray, target: int, rng: np.random.Generator) -> np.ndarray:
    """How many to take of each cluster: as even as the sizes allow, adding up to `target` (<= their sum)."""
    level = np.sort(sizes)
    room = target
    for place, size in enumerate(level):  # the small ones give all they have
        if size * (len(level) - place) >= room:
            break
        room -= size
    else:
        return sizes.copy()
    even, rest = divmod(room, len(level) - place)
    shares = np.minimum(sizes, even)
    larger = rng.permutation(np.flatnonzero(sizes > even))[:rest]  # the remainder, one each
    shares[larger] += 1
    return shares


def _k_means(unit: np.ndarray, clusters: int, seed: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """(means (clusters, D), number of the cluster of each row)."""
    from sklearn.cluster import KMeans

    if not 1 <= clusters <= len(unit):
        raise ValueError(f"{where}: {clusters} clusters of {len(unit)} rows; choose 1 to {len(unit)}.")
    found = KMeans(clusters, n_init=1, random_state=seed).fit(unit)
    return found.cluster_centers_, found.labels_


def _near_pairs(a: np.ndarray, b: np.ndarray, threshold: float, neighbours: int):
    """(rows of a, rows of b): pairs with at least that cosine, b among a's nearest."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(neighbours, len(b)), metric="cosine", algorithm="brute").fit(b)
    distance, nearest = search.kneighbors(a)
    first, place = np.nonzero(1 - distance >= threshold - 1e-6)
    return first, nearest[first, place]


def _unit(features, name: str, width: int | None = None) -> np.ndarray:
    features = np.asarray(features, np.float32)
    if features.ndim != 2 or 0 in features.shape or (width is not None and features.shape[1] != width):
        wanted = "(N, D)" if width is None else f"(N, {width})"
        raise ValueError(f"{name}: shape {features.shape} was given; give {wanted}, one row per image.")
    if not np.isfinite(features).all():
        raise ValueError(f"{name}: there is NaN or infinity among them; the encoder diverged.")
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
