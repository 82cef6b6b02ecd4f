"""Distillation: what a small encoder learns from a finished large one, beside learning by itself.

    course bench distillation                             all of it, seed after seed
    python benchmarks/distillation.py --only distilled --seeds 0
    python benchmarks/distillation.py --smoke --out /tmp/smoke.json

Each run is one process with one thread; a finished run is appended to the file and not repeated.

What the figures are: A ResNet with half the channels of the usual one (a quarter of its parameters) sees
51,200 images of the world (48 px) in batches of 128, the last step counts. simclr: by itself. distilled: its
features predict those of the shipped simclr_resnet (the teacher, which saw 512,000 images) for the same view.
distilled_from_random: the same with an untrained teacher. linear: penalised probe on 10,000 training
features, penalty from a fifth of them; knn: k = 20, T = 0.07, cosine; few: linear probe on 10 labels a class,
3 draws. Test split, 4,000 images. Nothing is chosen here; every method has the defaults of its class.
"""

from __future__ import annotations

import sys
import time
from functools import cache

import pandas
import torch
from harness import RESULTS
from sweep import arguments, finished, gain_text, gains, quiet_fit, sweep_to_tables

from course_lib import checkpoints, data, evaluate
from course_lib.training import recipe

FILE = RESULTS / "distillation.json"
IMAGES, BATCH, TRAIN, TEST, PROBE = 51_200, 128, 20_000, 4_000, 10_000
TEACHERS = {"distilled": "simclr_resnet", "distilled_from_random": "random_resnet"}
NAMES = ("random", "simclr", *TEACHERS)
METRICS = ("linear", "knn", "few")


def plan(seeds: list[int]) -> list[dict]:
    """Every run, seed after seed, and the teacher as it is."""
    shared = {"images": IMAGES, "batch": BATCH}
    students = [
        {"method": name, "family": "half a resnet", "seed": seed, **shared}
        for seed in seeds
        for name in NAMES
    ]
    return [*students, {"method": "simclr_resnet", "family": "teacher", "seed": 0, **shared}]


@cache
def sets():
    return data.load("world", "train", length=TRAIN), data.load("world", "test", length=TEST)


def run(job: dict, shrink: int = 1) -> dict:
    """Train and measure one job; ``shrink`` divides steps, images and labels, for the smoke test."""
    torch.set_num_threads(1)
    began, seed, name, (train, test) = time.perf_counter(), job["seed"], job["method"], sets()
    torch.manual_seed(seed)
    if job["family"] == "teacher":
        encoder = checkpoints.load(name)
    else:
        encoder = recipe.encoder_for(48, "quick", half=True)
    if name in TEACHERS or name == "simclr":
        more = {"teacher": checkpoints.load(TEACHERS[name])} if name in TEACHERS else {}
        method = recipe.build("distillation" if more else name, encoder, train, **more)
        quiet_fit(method, train, max(2, IMAGES // BATCH // shrink), BATCH // min(shrink, 8), seed)
    record = job | {"parameters": sum(weights.numel() for weights in encoder.parameters())}
    known, part = train.subset(slice(0, PROBE // min(shrink, 20))), test.subset(slice(0, len(test) // shrink))
    record |= evaluate.frozen_scores(encoder, known, part, labels_per_class=max(1, 10 // shrink), seed=seed)
    return record | {"accuracy": record["linear"] / 100} | finished(began)


def summary(records: list[dict]) -> pandas.DataFrame:
    """`gains`, with the encoder's parameters."""
    table, raw = gains(records, METRICS), pandas.DataFrame(records)
    sizes = raw.groupby(["family", "method"])["parameters"].first().reset_index()
    return table.merge(sizes.rename(columns={"family": "encoder"}), on=["encoder", "method"])


def markdown(table: pandas.DataFrame) -> str:
    lines = ["# distillation", "", " ".join(__doc__.split("What the figures are: ")[1].split()), ""]
    heads = ["encoder", "method", "parameters", "seeds", *METRICS, "gain over random (95 %)"]
    lines += ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for row in table.itertuples():
        gain = gain_text(row) if row.gain == row.gain else "-"
        cells = [row.encoder, row.method, f"{row.parameters:,}", str(row.seeds)]
        cells += [*(f"{getattr(row, m):.1f}" for m in METRICS), gain]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    given = arguments(__doc__, FILE, "methods")
    jobs = [job for job in plan(given.seeds) if not given.only or job["method"] in given.only]
    if not jobs:
        given.error(f"--only: no method {', '.join(given.only)}.")
    sets()  # drawn once, before the workers open them
    sweep_to_tables(jobs, run, given, summary, markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
