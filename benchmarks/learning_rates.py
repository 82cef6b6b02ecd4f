"""Which learning rate a short run wants, method by method, on validation images.

A class took a higher rate than 1e-3 as its default where both higher rates gained more than the noise of
3,000 validation images (about 2 points): BYOL and VICReg. MAE's 3e-3 was also tried on real pictures
(real_data.py). Barlow Twins, SimSiam, SwAV and DINO gained less than that in one seed and kept 1e-3; they
might do better.

    course bench learning_rates
    python benchmarks/learning_rates.py --only byol --rates 0.003 0.006
    python benchmarks/learning_rates.py --only mae dino --images 76800

Each run sees 25,600 images of the world, or --images, in batches of 128 with AdamW, one thread,
and is probed on validation images, because it is there to choose by; no test image is looked at. A finished
run is kept in benchmarks/results/learning_rates.json and not repeated.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import cache
from pathlib import Path

import torch
from harness import RESULTS
from methods import BATCH, IMAGES
from sweep import finished, quiet_fit, sweep

from course_lib import data, evaluate
from course_lib.evaluate.scores import PENALTIES
from course_lib.training import recipe

FILE = RESULTS / "learning_rates.json"
RATES = (1e-3, 3e-3, 6e-3)
TRAIN, VAL, PROBE = 20_000, 3_000, 8_000
NAMES = ("moco", "byol", "simsiam", "barlow_twins", "vicreg", "swav")


@cache
def sets():
    return data.load("world", "train", length=TRAIN), data.load("world", "val", length=VAL)


def run(job: dict) -> dict:
    """Train with one rate; accuracy of the linear probe on validation images."""
    torch.set_num_threads(1)
    began, (train, val) = time.perf_counter(), sets()
    torch.manual_seed(job["seed"])
    method = recipe.build(job["method"], recipe.encoder_for(48, "quick", job["family"]), train)
    method.learning_rate = job["rate"]
    outcome = quiet_fit(method, train, job["images"] // BATCH, BATCH, job["seed"])
    known = train.subset(slice(0, PROBE))
    features = [evaluate.embed(method, images) for images in (known, val)]
    probe = evaluate.linear_probe(features[0], known.labels, features[1], val.labels, penalties=PENALTIES)
    return (
        job | {"loss": round(outcome.summary()["last_loss"], 4), "accuracy": probe.accuracy} | finished(began)
    )


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--only", nargs="+", default=NAMES, help="names of methods")
    options.add_argument("--rates", type=float, nargs="+", default=RATES)
    options.add_argument("--images", type=int, default=IMAGES, help="how many images each run sees")
    options.add_argument("--workers", type=int, default=os.cpu_count())
    options.add_argument("--out", type=Path, default=FILE)
    given = options.parse_args()
    shared = {"images": given.images, "batch": BATCH}
    jobs = [
        {"method": name, "family": recipe.RECIPES[name].families[0], "rate": rate, "seed": seed, **shared}
        for seed in given.seeds
        for rate in given.rates
        for name in given.only
    ]
    sets()  # drawn once, before the workers open them
    sweep(jobs, run, given.out, given.workers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
