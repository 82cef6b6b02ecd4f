"""Real pictures: six methods on Fashion-MNIST, each beside the same encoder untrained, at one budget.

    course bench real_data                                 all of it, seed after seed
    python benchmarks/real_data.py --only simclr --seeds 0
    python benchmarks/real_data.py --smoke --out /tmp/smoke.json

Each run is one process with one thread; a finished run is appended to the file and not repeated.

What the figures are: Encoders see 51,200 training images (28 px, grey in three channels) in batches of 128,
the last step counts. Nothing is chosen here; MAE's learning rate was, on the world (learning_rates.py) and
in one run, not kept, on 10,000 pictures held out of this training split. linear: penalised probe on 10,000
training features, penalty from a fifth of them; knn: k = 20, T = 0.07, cosine; few: linear probe on 10
labels a class, 3 draws. Test split, 10,000 images. vit_mean: the feature is the mean patch, not CLS.
"""

from __future__ import annotations

import sys
import time
from functools import cache

import pandas
import torch
from harness import RESULTS
from sweep import arguments, finished, gain_text, gains, quiet_fit, sweep_to_tables

from course_lib import data, evaluate
from course_lib.training import recipe

FILE = RESULTS / "real_data.json"
DATA, IMAGES, BATCH, PROBE = "fashion-mnist", 51_200, 128, 10_000
NAMES = ("random", "simclr", "moco", "byol", "vicreg", "dino", "mae")
METRICS = ("linear", "knn", "few")
PLANNED = (0, 1, 2)


def plan(seeds: list[int]) -> list[dict]:
    """Every run, seed after seed: a stopped sweep is still balanced."""
    used = {name: recipe.RECIPES[name].families[0] for name in NAMES[1:]}
    pairs = [("random", family) for family in dict.fromkeys(used.values())] + list(used.items())
    return [
        {"method": name, "family": family, "seed": seed, "data": DATA, "images": IMAGES, "batch": BATCH}
        for seed in seeds
        for name, family in pairs
    ]


@cache
def sets():
    return data.load(DATA, "train"), data.load(DATA, "test")


def run(job: dict, shrink: int = 1) -> dict:
    """Train and measure one job; ``shrink`` divides steps, images and labels, for the smoke test."""
    torch.set_num_threads(1)
    began, seed, (train, test) = time.perf_counter(), job["seed"], sets()
    torch.manual_seed(seed)
    encoder = recipe.encoder_for(train.images.shape[-1], "quick", job["family"])
    record = dict(job)
    if job["method"] != "random":
        method = recipe.build(job["method"], encoder, train)
        outcome = quiet_fit(method, train, max(2, IMAGES // BATCH // shrink), BATCH // min(shrink, 8), seed)
        record["loss"] = round(outcome.summary()["last_loss"], 4)
    known, part = train.subset(slice(0, PROBE // min(shrink, 20))), test.subset(slice(0, len(test) // shrink))
    record |= evaluate.frozen_scores(encoder, known, part, labels_per_class=max(1, 10 // shrink), seed=seed)
    return record | {"accuracy": record["linear"] / 100} | finished(began)


def markdown(table: pandas.DataFrame) -> str:
    lines = ["# real_data", "", " ".join(__doc__.split("What the figures are: ")[1].split()), ""]
    heads = ["encoder", "method", "seeds", *METRICS, "gain over random (95 %)"]
    lines += ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for row in table.itertuples():
        cells = [row.encoder, row.method, str(row.seeds), *(f"{getattr(row, m):.1f}" for m in METRICS)]
        lines.append("| " + " | ".join([*cells, gain_text(row)]) + " |")
    return "\n".join([*lines, *table.attrs.get("first", [])]) + "\n"


def summary(records: list[dict]) -> pandas.DataFrame:
    """`gains`, and what the seeds said that were planned first."""
    table, planned = gains(records, METRICS), [one for one in records if one["seed"] in PLANNED]
    if len(planned) < len(records):
        first = gains(planned, METRICS)
        told = [f"{row.method} {gain_text(row)}" for row in first.itertuples() if row.method != "random"]
        reached = int((first["low"] <= 0).sum())
        table.attrs["first"] = [
            "",
            f"Seeds {', '.join(map(str, PLANNED))} were planned. They alone said: {'; '.join(told)}. "
            f"{reached} of these intervals reach zero, so more seeds were run, of every method; seeds "
            "that are added after a look make an interval a little too hopeful.",
        ]
    return table


def main() -> int:
    given = arguments(__doc__, FILE, "methods")
    unknown = set(given.only or ()) - set(NAMES)
    if unknown:
        given.error(f"--only: no method {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}.")
    jobs = [job for job in plan(given.seeds) if not given.only or job["method"] in given.only]
    sets()  # prepared once, before the workers open them
    sweep_to_tables(jobs, run, given, summary, markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
