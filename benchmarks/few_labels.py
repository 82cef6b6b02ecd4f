"""The few-label table in miniature: what 1 % and 10 % of the labels are worth, with the other images or not.

    course bench few_labels                               all of it, seed after seed
    python benchmarks/few_labels.py --only fixmatch --seeds 0
    python benchmarks/few_labels.py --smoke --out /tmp/smoke.json

Each run is one process with one thread; a finished run is appended to the file and not repeated.

What the figures are: top-1 accuracy in per cent on the world's test split, 4,000 images of 18 kinds, after
25,600 images in batches of 128 (the small ResNet, last step). The labels are the same number of each kind:
11 (1 % of 20,000 images) or 111 (10 %). supervised sees those images only; pseudo_label, rotation_supervised
and fixmatch see all 20,000, most without their label, and 64 labelled ones a step (supervised: 128);
rotation_supervised asks for the kind in all four positions, which is the harder task. simclr pretrains on all
without labels, then a linear probe, or fine-tuning (100 steps, layer decay 0.75), takes the labels; random is
the same on the untrained encoder. Nothing is chosen here; each method has the defaults of its class.
"""

from __future__ import annotations

import copy
import sys
import time
from functools import cache

import pandas
import torch
from harness import RESULTS
from sweep import arguments, finished, quiet_fit, sweep_to_tables

from course_lib import data, evaluate, methods
from course_lib.evaluate.scores import PENALTIES
from course_lib.training import recipe

FILE = RESULTS / "few_labels.json"
IMAGES, BATCH, TRAIN, TEST, SIDE = 25_600, 128, 20_000, 4_000, 48
SHARES = {"1 %": 11, "10 %": 111}  # labels of each kind
SEMI = {
    "pseudo_label": methods.PseudoLabel,
    "rotation_supervised": methods.RotationSupervised,
    "fixmatch": methods.FixMatch,
}
NAMES = ("random", "supervised", *SEMI, "simclr")
# Top-5 on ImageNet-1k, ResNet-50, 1 % and 10 % of the labels: Chen et al. 2020, arXiv:2002.05709, Table 7
PUBLISHED = {
    "supervised": (48.4, 80.4), "pseudo_label": (51.6, 82.4), "fixmatch": (None, 89.1),
    "rotation_supervised": (None, 91.2), "simclr, fine-tuned": (75.5, 87.8),
}  # fmt: skip


def plan(seeds: list[int]) -> list[dict]:
    """Every run, seed after seed; SimCLR and the untrained encoder are trained once for both."""
    shared = {"images": IMAGES, "batch": BATCH}
    return [
        {"method": name, "share": share, "seed": seed, **shared}
        for seed in seeds
        for name in NAMES
        for share in ([""] if name in ("random", "simclr") else SHARES)
    ]


@cache
def sets():
    return data.load("world", "train", length=TRAIN), data.load("world", "test", length=TEST)


def few(count: int, seed: int):
    """The labelled images of a share."""
    train = sets()[0]
    return train.subset(evaluate.balanced_draw(train.labels, count, seed))


def run(job: dict, shrink: int = 1) -> dict:
    """Train and measure one job; ``shrink`` divides steps, batches and labels, for the smoke test."""
    torch.set_num_threads(1)
    began, seed, name = time.perf_counter(), job["seed"], job["method"]
    train, test = sets()
    steps, batch = max(2, IMAGES // BATCH // shrink), BATCH // min(shrink, 8)
    torch.manual_seed(seed)
    encoder = recipe.encoder_for(SIDE, "quick", "resnet")
    if name in ("random", "simclr"):
        if name == "simclr":
            quiet_fit(recipe.build(name, encoder, train), train, steps, batch, seed)
        scores = frozen(encoder, seed, shrink)
    else:
        known = few(max(2, SHARES[job["share"]] // shrink), seed)
        method = (SEMI[name](encoder, train.classes, known) if name in SEMI
                  else methods.Supervised(encoder, train.classes))  # fmt: skip
        quiet_fit(method, train if name in SEMI else known, steps, min(batch, len(known)), seed)
        scores = {"": accuracy(method, test)}
    return job | {"scores": scores, "accuracy": max(scores.values()) / 100} | finished(began)


def accuracy(method, test) -> float:
    return round(100 * evaluate.accuracy(method.predict(test.images), torch.as_tensor(test.labels)), 2)


def frozen(encoder, seed: int, shrink: int) -> dict[str, float]:
    """For each share a linear probe on the encoder as it is, and a fine-tuned copy."""
    test, scores = sets()[1], {}
    for share, count in SHARES.items():
        known = few(max(2, count // shrink), seed)
        features = evaluate.embed(encoder, known), evaluate.embed(encoder, test)
        probe = evaluate.linear_probe(
            features[0], known.labels, features[1], test.labels, penalties=PENALTIES
        )
        tuned = methods.FineTune(copy.deepcopy(encoder), known.classes)
        quiet_fit(tuned, known, max(2, 100 // shrink), min(64, len(known)), seed)
        scores[f"linear, {share}"] = round(100 * probe.accuracy, 2)
        scores[f"fine-tuned, {share}"] = accuracy(tuned, test)
    return scores


def summary(records: list[dict]) -> pandas.DataFrame:
    """One row per way of using labels and share: mean over seeds, 95 % interval, published top-5."""
    values: dict[tuple[str, str], list[float]] = {}
    for record in records:
        for what, score in record["scores"].items():
            how, _, share = what.rpartition(", ")
            name = f"{record['method']}, {how}" if how else record["method"]
            values.setdefault((name, share or record["share"]), []).append(score)
    rows = []
    for (name, share), scores in values.items():
        row = {"method": name, "labels": share, "seeds": len(scores), "mean": sum(scores) / len(scores)}
        if len(scores) > 1:
            interval = evaluate.t_interval(scores)
            row |= {"low": interval.low, "high": interval.high}
        row["published"] = PUBLISHED.get(name, (None, None))[list(SHARES).index(share)]
        rows.append(row)
    table = pandas.DataFrame(rows, columns=["method", "labels", "seeds", "mean", "low", "high", "published"])
    return table.sort_values(["labels", "mean"], ascending=[True, False])


def markdown(table: pandas.DataFrame) -> str:
    """The table to read."""
    lines = ["# few_labels", "", " ".join(__doc__.split("What the figures are: ")[1].split()), ""]
    lines += ["| labels | method | seeds | top-1 here (95 %) | top-5, ImageNet |", "|---|---|---:|---:|---:|"]
    for row in table.itertuples():
        band = f" ({row.low:.1f} to {row.high:.1f})" if row.low == row.low else ""
        known = f"{row.published:.1f}" if row.published == row.published and row.published else "-"
        lines.append(f"| {row.labels} | {row.method} | {row.seeds} | {row.mean:.1f}{band} | {known} |")
    lines += ["", "ImageNet: ResNet-50 (S4L, beside rotation_supervised: 4 x as wide, with VAT and entropy), "
              "Chen et al. 2020, arXiv:2002.05709, Table 7."]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> int:
    given = arguments(__doc__, FILE, "methods")
    unknown = set(given.only or ()) - set(NAMES)
    if unknown:
        given.error(f"--only: no method {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}.")
    jobs = [job for job in plan(given.seeds) if not given.only or job["method"] in given.only]
    sets()  # drawn once, before the workers open them
    sweep_to_tables(jobs, run, given, summary, markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
