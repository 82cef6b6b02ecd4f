"""Figures of whole pictures' features: neighbours, and maps of an embedding. Arrays in, one figure out.

Functions take arrays or tensors, never models, and return a Figure with ``figure.alt_text``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.viz.contrastive_figures import NEGATIVE, POSITIVE, as_pixels, panels, shades, with_alt
from course_lib.viz.picture_panels import (
    array,
    counted,
    headline,
    one_label_each,
    picture,
    pictures,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKERS, _THUMBNAILS = "os^DvP*X", 60


def neighbour_sheet(queries: Any, neighbours: Any, similarities: Any, labels: Any = None) -> Figure:
    """Draw queries on the left and their nearest neighbours in order, right ones and wrong ones told apart.

    queries (Q, 3, H, W); neighbours (Q, k, 3, H, W); similarities (Q, k). labels: (of the queries (Q,), of
    the neighbours (Q, k)), names or numbers; a tick and a solid frame mean the query's label, a cross and a
    dashed frame another one.
    """
    shown = pictures(queries, "neighbour_sheet: queries", "(queries, 3, height, width)")
    near = pictures(neighbours, "neighbour_sheet: neighbours", "(queries, k, 3, height, width)")
    scores = array(similarities, "neighbour_sheet: similarities", "(queries, k)")
    if near.shape[:2] != scores.shape or len(near) != len(shown):
        raise ValueError(
            f"neighbour_sheet: {len(shown)} queries, neighbours {near.shape} and similarities "
            f"{scores.shape}; they must be Q, (Q, k, 3, height, width) and (Q, k)."
        )
    known = labels is not None
    own, other = (
        (np.asarray(one) for one in labels) if known else (np.zeros(len(shown)), np.zeros(scores.shape))
    )
    if known and (own.shape != (len(shown),) or other.shape != scores.shape):
        raise ValueError(
            f"neighbour_sheet: labels of shapes {own.shape} and {other.shape}; {(len(shown),)} for the "
            f"queries and {scores.shape} for the neighbours are needed."
        )
    count, k = scores.shape
    figure, axes = panels(k + 1, count, 1.6, 1.95, squeeze=False)
    for q, k_th in np.ndindex(count, k):
        axis, right = axes[q, k_th + 1], bool(other[q, k_th] == own[q])
        mark = "" if not known else f"{'✓' if right else '✗'} {other[q, k_th]}\n"
        picture(axis, near[q, k_th], below=f"{mark}{scores[q, k_th]:.2f}")
        if known:
            axis.spines[:].set(visible=True, linewidth=3, color=POSITIVE if right else NEGATIVE)
            axis.spines[:].set_linestyle("-" if right else (0, (3, 1.5)))
    for q in range(count):
        picture(axes[q, 0], shown[q], "query" if q == 0 else "", str(own[q]) if known else "")
    mean = f"mean similarity {scores[:, 0].mean():.2f} of the first, {scores[:, -1].mean():.2f} of the last"
    finding = f"From the nearest to neighbour {k}: {mean}"
    words = mean
    if known:
        hits = int((other == own[:, None]).sum())
        finding = (
            f"{hits} of {other.size} neighbours have the query's label ({100 * hits / other.size:.0f} %)"
        )
        words = f"{finding}; {mean}"
    headline(figure, finding)
    return with_alt(figure, f"{counted(count, 'row')}, each a query and its {k} nearest pictures: {words}.")


def embedding_positions(features: Any, method: str = "t-SNE", seed: int = 0) -> np.ndarray:
    """Place features (N, D) on a plane: (N, 2) float64, the same for the same seed.

    method: "t-SNE" (van der Maaten & Hinton 2008, scikit-learn, started from PCA, perplexity 30 or a third of
    the pictures), "PCA" (the only one that keeps large distances) or "UMAP" (McInnes et al. 2018,
    arXiv:1802.03426; ImportError unless umap-learn is installed).
    """
    found = array(features, "embedding_positions: features", "(pictures, dimensions)").astype(float)
    if len(found) < 4 or found.shape[1] < 2:
        raise ValueError(
            f"embedding_positions: features are {found.shape}; give 4 pictures and 2 dimensions or more."
        )
    place: Any
    if method == "PCA":
        from sklearn.decomposition import PCA

        place = PCA(2, random_state=seed)
    elif method == "t-SNE":
        from sklearn.manifold import TSNE

        place = TSNE(2, perplexity=min(30.0, (len(found) - 1) / 3), init="pca", random_state=seed)
    elif method == "UMAP":
        try:
            from umap import UMAP
        except ImportError:
            raise ImportError(
                "embedding_positions: UMAP needs the package umap-learn, which is not installed; install it "
                'or choose method="t-SNE".'
            ) from None
        place = UMAP(n_components=2, n_neighbors=min(15, len(found) - 1), random_state=seed)
    else:
        raise ValueError(f'embedding_positions: method is {method!r}; choose "t-SNE", "UMAP" or "PCA".')
    return np.asarray(place.fit_transform(found), dtype=float)


def embedding_map(
    features: Any,
    labels: Any,
    images: Any = None,
    method: str = "t-SNE",
    seed: int = 0,
    positions: Any = None,
) -> Figure:
    """Draw features (N, D) as points on a plane, a colour and a shape per label, with thumbnails among them.

    labels (N,), names or numbers. images (N, 3, H, W): up to 60 of them are drawn, spread evenly over the
    map. positions (N, 2): from `embedding_positions`, computed here with ``method`` and ``seed`` if not
    given.
    """
    rows = array(features, "embedding_map: features", "(pictures, dimensions)")
    kinds = one_label_each(labels, len(rows), "embedding_map")
    shown = (
        None if images is None else pictures(images, "embedding_map: images", "(pictures, 3, height, width)")
    )
    place = embedding_positions(rows, method, seed) if positions is None else positions
    place = array(place, "embedding_map: positions", "(pictures, 2)")
    if place.shape != (len(rows), 2) or (shown is not None and len(shown) != len(rows)):
        raise ValueError(
            f"embedding_map: {len(rows)} features, positions {place.shape} and "
            f"{'no' if shown is None else len(shown)} images; they must belong to the same pictures."
        )
    figure, axis = panels(1, 1, 10.0, 6.4)
    names = np.unique(kinds)
    for i, (name, color) in enumerate(zip(names, shades(len(names)), strict=True)):
        x, y = place[kinds == name].T
        marker = _MARKERS[i % len(_MARKERS)]
        axis.scatter(x, y, s=34, color=[color], marker=marker, linewidths=0, alpha=0.8, label=str(name))
    drawn = 0
    if shown is not None:
        drawn = _thumbnails(axis, place, shown)
    axis.set(xticks=[], yticks=[])
    axis.set_xlabel(f"{method}, first axis (no unit)", fontsize=13)
    axis.set_ylabel(f"{method}, second axis (no unit)", fontsize=13)
    axis.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=12, frameon=False, ncols=-(-len(names) // 18)
    )
    distance = ((place[:, None] - place[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    share = 100 * (kinds[distance.argmin(axis=1)] == kinds).mean()
    headline(
        figure, f"For {share:.0f} % of the pictures the nearest point on this {method} map has the same label"
    )
    return with_alt(
        figure,
        f"{method} map of {len(rows)} pictures with {len(names)} labels and "
        f"{counted(drawn, 'thumbnail')}. For "
        f"{share:.0f} % of the pictures the nearest point has the same label. Distances between far "
        "groups mean little.",
    )


def _thumbnails(axis, place: np.ndarray, images: np.ndarray) -> int:
    """Draw pictures that stay clear of each other, in their order; return how many there are."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    low, high = place.min(axis=0), place.max(axis=0)
    inches = (place - low) / np.maximum(high - low, 1e-12) * (7.5, 5.5)  # about the size of the map
    chosen: list[int] = []
    for i, here in enumerate(inches):
        if (np.abs(inches[chosen] - here).max(axis=1) > 0.65).all() and len(chosen) < _THUMBNAILS:
            chosen.append(i)
    zoom = 30 / max(images.shape[2:])  # 30 points wide
    for i in chosen:
        box = OffsetImage(as_pixels(images[i]), zoom=zoom, interpolation="nearest")
        axis.add_artist(AnnotationBbox(box, tuple(place[i]), frameon=True, pad=0.08))
    return len(chosen)
