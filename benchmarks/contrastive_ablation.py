"""The sweeps that lecture 03 shows: many short contrastive runs, one JSON record for each.

    course bench contrastive_ablation                     all of it, three seeds (two where a run is long)
    python benchmarks/contrastive_ablation.py --only momentum --seeds 0
    python benchmarks/contrastive_ablation.py --smoke --out /tmp/smoke.json

A finished run is appended to the file at once (written beside it, then renamed), and a run that is already
there is not repeated: stop it with Ctrl-C and start it again. Two runs are the same if experiment, settings
and seed are.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from course_lib import data, evaluate, fit
from course_lib.data.augment import rotate90
from course_lib.data.views import Recipe
from course_lib.losses import moco as moco_loss
from course_lib.methods import MoCo, SimCLR, Supervised
from course_lib.models import resnet

RESULTS = Path(__file__).resolve().parent / "results" / "contrastive_ablation.json"
SIZE, TRAIN, TEST = 32, 8000, 2000  # pixels, images
SIMCLR_STEPS, SIMCLR_BATCH = 240, 128
MOCO_STEPS, MOCO_BATCH, QUEUE = 600, 64, 1024
LABELS = (1, 2, 5, 10, 20, 50, 100)
NOTHING = Recipe(crop_scale=(1.0, 1.0), flip_p=0.0, jitter_p=0.0, gray_p=0.0, blur_p=0.0)
CHANGES = {  # what each name switches on in a view that is otherwise the image itself
    "crop": {"crop_scale": (0.08, 1.0), "flip_p": 0.5},
    "colour": {"jitter": (0.4, 0.4, 0.4, 0.1), "jitter_p": 0.8, "gray_p": 0.2},
    "blur": {"blur_p": 0.5},
}


class StepDecay:
    """Mixed into MoCo: the rate falls tenfold at 60 % and 80 % of training, as in MoCo v1."""

    def configure_optimizers(self) -> dict:
        chosen = super().configure_optimizers()
        milestones = [round(0.6 * self.total_steps), round(0.8 * self.total_steps)]
        scheduler = torch.optim.lr_scheduler.MultiStepLR(chosen["optimizer"], milestones, gamma=0.1)
        return {**chosen, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class MoCoStepDecay(StepDecay, MoCo):
    """MoCo with the step schedule of v1 in place of the cosine."""


class Turned:
    """Two views that are turned by 0, 90, 180 or 270 degrees after whatever ``views`` does."""

    def __init__(self, views):
        self.views = views

    def __call__(self, images, generator=None):
        return [rotate90(view, generator=generator) for view in self.views(images, generator=generator)]


class PretextAccuracy:
    """MoCo's loss, with a note of how often the own key scores above the whole queue."""

    def __init__(self):
        self.values: list[float] = []

    def __call__(self, query, key, queue, temperature):
        with torch.no_grad():
            query_, key_, queue_ = (
                nn.functional.normalize(rows.float(), dim=1) for rows in (query, key, queue)
            )
            right = (query_ * key_).sum(1) > (query_ @ queue_.T).amax(1)
            self.values.append(round(right.float().mean().item(), 4))
        return moco_loss(query, key, queue, temperature)

    def __deepcopy__(self, memo):  # `fit` tries a copy first, whose steps do not count
        return PretextAccuracy()


def encoder(width: float = 1, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return resnet(widths=[round(width * w) for w in (24, 48, 96)])


def plan(seeds: list[int]) -> list[dict]:
    """Every run: {"experiment", "seed", settings ...}, seed after seed: a stopped sweep is still balanced."""
    jobs = []
    for seed in seeds:

        def add(experiment: str, seed: int = seed, **settings) -> None:
            jobs.append({"experiment": experiment, "seed": seed, **settings})

        add("random")
        for projector in ("none", "linear", "MLP"):
            add("projector", projector=projector)
        for momentum in (0.0, 0.9, 0.99, 0.999):
            add("momentum", momentum=momentum)
        for shuffle in (True, False):
            add("shuffle", shuffle=shuffle)
        add("few_labels", epochs=8)
        if seed < 2:
            for batch in (8, 32, 128, 512):
                for epochs in (1, 2, 4):
                    add("batch", batch=batch, epochs=epochs)
            for mlp_head in (False, True):
                for aug in (False, True):
                    for cos in (False, True):
                        add("moco_v2", mlp=mlp_head, aug=aug, cos=cos)
            for width in (1, 2):
                for layers in (2, 3):
                    add("simclr_v2", width=width, layers=layers)
        if seed < 1:
            names = (*CHANGES, "rotate")
            for i, first in enumerate(names):
                for second in names[i:]:
                    add("composition", first=first, second=second)
    return jobs


def composed(*names: str):
    """TwoViews that apply only the named changes."""
    recipe = replace(NOTHING, **{k: v for name in names if name in CHANGES for k, v in CHANGES[name].items()})
    views = data.TwoViews(recipe)
    return Turned(views) if "rotate" in names else views


def build(job: dict) -> tuple[nn.Module, int, int]:
    """The method of a job, its number of steps and its batch size."""
    seed, kind = job["seed"], job["experiment"]
    simclr = partial(SimCLR, temperature=0.2, learning_rate=2e-3)
    if kind == "projector":
        method = simclr(encoder(seed=seed))
        width = method.encoder.width
        heads = {
            "none": nn.Identity,
            "linear": partial(nn.Linear, width, 128),
            "MLP": lambda: method.projector,
        }
        method.projector = heads[job["projector"]]()
        return method, SIMCLR_STEPS, SIMCLR_BATCH
    if kind == "batch":
        # AdamW: the rate follows the square root of the batch
        rate = 2e-3 * math.sqrt(job["batch"] / SIMCLR_BATCH)
        steps = round(job["epochs"] * TRAIN / job["batch"])
        return simclr(encoder(seed=seed), learning_rate=rate), steps, job["batch"]
    if kind == "simclr_v2":
        return simclr(encoder(job["width"], seed), projector_layers=job["layers"]), SIMCLR_STEPS, SIMCLR_BATCH
    if kind == "composition":
        return (
            simclr(encoder(seed=seed), views=composed(job["first"], job["second"])),
            SIMCLR_STEPS,
            SIMCLR_BATCH,
        )
    if kind == "few_labels":
        return simclr(encoder(seed=seed)), job["epochs"] * TRAIN // SIMCLR_BATCH, SIMCLR_BATCH
    moco = partial(MoCo, encoder(seed=seed), queue_size=QUEUE, learning_rate=1e-3)
    if kind == "momentum":
        return moco(momentum=job["momentum"]), MOCO_STEPS, MOCO_BATCH
    if kind == "shuffle":
        options = {"batch_norm_groups": 8, "shuffle": job["shuffle"], "loss_function": PretextAccuracy()}
        return moco(momentum=0.99, **options), MOCO_STEPS, MOCO_BATCH
    if kind == "moco_v2":
        views = data.TwoViews("moco_v2", blur=True) if job["aug"] else data.TwoViews("moco_v1")
        method = (MoCo if job["cos"] else MoCoStepDecay)(
            encoder(seed=seed),
            version=2 if job["mlp"] else 1,
            queue_size=QUEUE,
            momentum=0.99,
            learning_rate=1e-3,
            views=views,
        )
        return method, MOCO_STEPS, MOCO_BATCH
    raise ValueError(f"experiment is {kind!r}; see plan().")


def supervised(start: nn.Module, train, test, seed: int, steps: int = 150) -> float:
    """Test accuracy of ``start`` trained with all labels of ``train`` (light crops and flips)."""
    method = Supervised(start, train.classes, learning_rate=1e-3)
    quiet_fit(method, train, steps, min(64, len(train)), seed)
    return evaluate.accuracy(method.predict(test.images), test.labels)


def label_curves(pretrained: nn.Module, train, test, seed: int, counts, steps: int) -> dict:
    """Accuracy at each number of labels per class for four ways to use them."""
    curves: dict[str, list[float]] = {}
    random, start = encoder(seed=seed + 100), pretrained.state_dict()
    start = {name: value.clone() for name, value in start.items()}
    features = {
        "random, linear": [evaluate.embed(random, images) for images in (train.images, test.images)],
        "SimCLR, linear": [evaluate.embed(pretrained, images) for images in (train.images, test.images)],
    }
    for count in counts:
        few = evaluate.balanced_draw(train.labels, count, seed)
        for name, (known, unknown) in features.items():
            probe = evaluate.linear_probe(known[few], train.labels[few], unknown, test.labels, seed=seed)
            curves.setdefault(name, []).append(probe.accuracy)
        labelled = train.subset(few)
        curves.setdefault("supervised", []).append(
            supervised(encoder(seed=seed), labelled, test, seed, steps)
        )
        tuned = encoder(seed=seed)
        tuned.load_state_dict(start)
        curves.setdefault("SimCLR, fine-tuned", []).append(supervised(tuned, labelled, test, seed, steps))
    return {"labels_per_class": list(counts), "curves": curves}


def quiet_fit(method, train, steps: int, batch: int, seed: int):
    with tempfile.TemporaryDirectory() as folder:
        return fit(method, train, steps=steps, batch_size=batch, seed=seed, folder=folder, show=False)


def run(job: dict, train, test, shrink: int = 1) -> dict:
    """Train and probe one job; ``shrink`` divides the steps, for the smoke test."""
    began = time.perf_counter()
    record = dict(job)
    if job["experiment"] == "random":
        method, steps = encoder(seed=job["seed"]), 0
    else:
        method, steps, batch = build(job)
        steps = max(2, steps // shrink)
        outcome = quiet_fit(method, train, steps, batch, job["seed"])
        record |= {"batch_size": batch, "loss": outcome.summary()["last_loss"], **outcome.settings}
    record |= {"steps": steps, "accuracy": evaluate.evaluate(method, train, test)}
    if job["experiment"] == "projector":
        method.eval()
        z = [evaluate.embed(nn.Sequential(method.encoder, method.projector), s.images) for s in (train, test)]
        record["accuracy_z"] = evaluate.linear_probe(z[0], train.labels, z[1], test.labels).accuracy
    if job["experiment"] == "shuffle":
        record["pretext"] = method.loss_function.values
    if job["experiment"] == "few_labels":
        record |= label_curves(
            method.encoder, train, test, job["seed"], LABELS[: 7 if shrink == 1 else 2], 150 // shrink
        )
    return record | {
        "seconds": round(time.perf_counter() - began, 1),
        "finished": time.strftime("%Y-%m-%d %H:%M"),
        "machine": f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
    }


def identity(record: dict, job: dict) -> tuple:
    """What makes a record the answer to a job: the job's own keys."""
    return tuple(record.get(key) for key in job)


def read(path: Path) -> list[dict]:
    return json.loads(path.read_text())["records"] if path.is_file() else []


def append(path: Path, record: dict) -> None:
    """Add one record; the file is complete at every moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [*read(path), record]
    lines = ",\n".join("  " + json.dumps(one) for one in records)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text('{"records": [\n' + lines + "\n]}\n")
    os.replace(part, path)


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--only", nargs="+", help="names of experiments")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--smoke", action="store_true", help="a hundredth of the steps; give --out as well")
    given = options.parse_args()
    if given.smoke and given.out == RESULTS:
        options.error("--smoke must not write into the results; give --out FILE.")
    jobs = plan(given.seeds)
    unknown = set(given.only or ()) - {job["experiment"] for job in jobs}
    if unknown:
        options.error(f"--only: no experiment {', '.join(sorted(unknown))}.")
    jobs = [job for job in jobs if not given.only or job["experiment"] in given.only]
    done = read(given.out)
    open_jobs = [job for job in jobs if not any(identity(r, job) == tuple(job.values()) for r in done)]
    print(f"{len(jobs)} runs, {len(jobs) - len(open_jobs)} already in {given.out}", flush=True)
    train, test = (
        data.load("world", split, size=SIZE, length=n) for split, n in (("train", TRAIN), ("test", TEST))
    )
    for number, job in enumerate(open_jobs, 1):
        record = run(job, train, test, shrink=100 if given.smoke else 1)
        append(given.out, record)
        settings = " ".join(f"{key}={value}" for key, value in job.items())
        print(
            f"{number}/{len(open_jobs)} {settings}: {record['accuracy']:.3f}, {record['seconds']} s",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
