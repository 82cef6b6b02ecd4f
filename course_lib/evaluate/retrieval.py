"""Finding again: images of the same kind, and the original of an edited copy."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_lib.evaluate.checks import as_features, as_labels, same_width


def retrieval(
    query_features, query_labels, gallery_features, gallery_labels, ks: tuple[int, ...] = (1, 5, 10)
) -> dict[str, float]:
    """{"map": ..., "recall@1": ...}: how well images of the query's class are ranked first, by cosine.

    query_features (M, D), gallery_features (N, D), labels whole numbers. map: mean over the queries of the
    average precision over the whole gallery; recall@k: share of queries with an image of their class among
    the first k. Queries whose class is not in the gallery cannot be answered and raise ValueError, as do a k
    above N, NaN, and widths that differ. Equal similarities keep the order of the gallery.
    """
    queries = as_features(query_features, "retrieval: query_features")
    gallery = as_features(gallery_features, "retrieval: gallery_features").to(queries.device)
    same_width(queries, "retrieval: query_features", gallery, "gallery_features")
    wanted = as_labels(query_labels, "retrieval: query_labels", len(queries), "query_features")
    there = as_labels(gallery_labels, "retrieval: gallery_labels", len(gallery), "gallery_features")
    if not ks or min(ks) < 1 or max(ks) > len(gallery):
        raise ValueError(f"retrieval: ks={ks} with {len(gallery)} gallery images; choose from 1 to that.")
    missing = sorted(set(wanted.tolist()) - set(there.tolist()))
    if missing:
        raise ValueError(
            f"retrieval: class {missing[0]} of query_labels does not occur in gallery_labels; leave out such "
            "queries, they have no right answer."
        )
    gallery = F.normalize(gallery, dim=1)
    precisions, found = [], dict.fromkeys(ks, 0)
    for rows, labels in zip(F.normalize(queries, dim=1).split(1024), wanted.split(1024), strict=True):
        order = (rows @ gallery.T).argsort(dim=1, descending=True, stable=True).cpu()
        right = there[order] == labels[:, None].cpu()  # (m, N), best first
        hits = right.cumsum(dim=1)
        ranks = torch.arange(1, right.shape[1] + 1)
        precisions.append((hits / ranks * right).sum(dim=1) / hits[:, -1])
        for k in ks:
            found[k] += int(right[:, :k].any(dim=1).sum())
    result = {"map": torch.cat(precisions).double().mean().item()}
    return result | {f"recall@{k}": count / len(queries) for k, count in found.items()}


def copy_detection(copy_features, original_features, source) -> dict[str, float]:
    """{"recall@1": ..., "micro_ap": ...}: is the nearest original the one that a copy was made from?

    copy_features (M, D), original_features (N, D); source (M,): row of the original, or -1 for a query that
    is a copy of nothing. recall@1: share of true copies whose nearest original is theirs. micro_ap: all
    queries' nearest pairs in one ranking by cosine, precision summed over the true copies found, so that a
    confident match for a query without an original costs (Douze et al. 2021, arXiv:2106.09672, section 4).
    Raises ValueError for NaN, a source out of range, and when no query is a copy.
    """
    queries = as_features(copy_features, "copy_detection: copy_features")
    originals = as_features(original_features, "copy_detection: original_features").to(queries.device)
    same_width(queries, "copy_detection: copy_features", originals, "original_features")
    source = torch.as_tensor(source)
    wanted = f"give one row of original_features for each of the {len(queries)} copies, or -1."
    if source.shape != (len(queries),) or source.is_floating_point():
        raise ValueError(
            f"copy_detection: source has shape {tuple(source.shape)} and is {source.dtype}; {wanted}"
        )
    source = source.to("cpu", torch.int64)
    if source.min() < -1 or source.max() >= len(originals):
        raise ValueError(
            f"copy_detection: source has values from {int(source.min())} to {int(source.max())}; {wanted}"
        )
    copies = int((source >= 0).sum())
    if not copies:
        raise ValueError("copy_detection: every source is -1; no query is a copy.")
    similarity, nearest = (F.normalize(queries, dim=1) @ F.normalize(originals, dim=1).T).max(dim=1)
    right = (nearest.cpu() == source)[similarity.cpu().argsort(descending=True, stable=True)].double()
    precision = right.cumsum(dim=0) / torch.arange(1, len(right) + 1)
    return {
        "recall@1": right.sum().item() / copies,
        "micro_ap": (precision * right).sum().item() / copies,
    }
