"""The sweeps that lecture 03 shows: many short contrastive runs, one JSON record for each.

    course bench contrastive_ablation                     all of it
    python benchmarks/contrastive_ablation.py --only momentum --seeds 0
    python benchmarks/contrastive_ablation.py --smoke --out /tmp/smoke.json

Every run is one process with one thread, as many at a time as there are cores (--workers), so its result does
not depend on the cores. A finished run is appended to the file at once (written beside it, then renamed),
and a run that is already there is not repeated: stop it with Ctrl-C and start it again. Two runs are the same
if experiment, settings and seed are; the settings that all runs share count as well. Accuracies are those
of validation images, because the sweeps are there to choose by.
"""

from __future__ import annotations

import hashlib
import math
import sys
import time
from dataclasses import replace
from functools import cache, partial

import torch
from harness import RESULTS
from sweep import arguments, finished, quiet_fit, sweep
from torch import nn

from course_lib import data, evaluate
from course_lib.data.augment import rotate90
from course_lib.data.views import Recipe
from course_lib.losses import moco as moco_loss
from course_lib.methods import MoCo, SimCLR, Supervised
from course_lib.models import resnet

FILE = RESULTS / "contrastive_ablation.json"
SIZE, TRAIN, VAL, PROBE = 32, 8000, 3000, 4000  # pixels; images to train, to validate, to fit a probe on
SIMCLR = {"temperature": 0.2, "learning_rate": 6e-3}
STEPS, BATCH = 120, 128
MOCO = {"queue_size": 1024, "learning_rate": 3e-3}
MOCO_STEPS, MOCO_BATCH = 160, 64
LABELS = (1, 3, 10, 30, 100)
NOTHING = Recipe(crop_scale=(1.0, 1.0), flip_p=0.0, jitter_p=0.0, gray_p=0.0, blur_p=0.0)
CHANGES = {  # what each name switches on in a view that is otherwise the image itself
    "crop": {"crop_scale": (0.6, 1.0), "flip_p": 0.5},
    "colour": {"jitter": (0.4, 0.4, 0.4, 0.1), "jitter_p": 0.8, "gray_p": 0.2},
    "blur": {"blur_p": 0.5},
}
# a run belongs to these settings: a resumed sweep repeats what was measured with others
SHARED = (
    SIZE,
    TRAIN,
    VAL,
    PROBE,
    SIMCLR,
    STEPS,
    BATCH,
    MOCO,
    MOCO_STEPS,
    MOCO_BATCH,
    CHANGES,
    data.POLICIES,
)
FINGERPRINT = hashlib.sha256(repr(SHARED).encode()).hexdigest()[:8]


class MoCoStepDecay(MoCo):
    """MoCo with v1's schedule: the rate falls tenfold at 60 % and at 80 % of training, no cosine."""

    def configure_optimizers(self) -> dict:
        chosen = super().configure_optimizers()
        milestones = [round(0.6 * self.total_steps), round(0.8 * self.total_steps)]
        scheduler = torch.optim.lr_scheduler.MultiStepLR(chosen["optimizer"], milestones, gamma=0.1)
        return {**chosen, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class Turned:
    """Two views that are turned by 0, 90, 180 or 270 degrees after whatever ``views`` does."""

    def __init__(self, views):
        self.views = views

    def __call__(self, images, generator=None):
        return [rotate90(view, generator=generator) for view in self.views(images, generator=generator)]


class NotedMoCoLoss:
    """MoCo's loss, with a note of how often the own key scores above the whole queue."""

    def __init__(self):
        self.accuracies: list[float] = []

    def __call__(self, query, key, queue, temperature):
        with torch.no_grad():
            q, k, old = (nn.functional.normalize(rows.float(), dim=1) for rows in (query, key, queue))
            right = (q * k).sum(1) > (q @ old.T).amax(1)
            self.accuracies.append(round(right.float().mean().item(), 4))
        return moco_loss(query, key, queue, temperature)

    def __deepcopy__(self, memo):  # `fit` tries a copy first; the notes of those steps are not wanted
        return NotedMoCoLoss()


def plan(seeds: list[int]) -> list[dict]:
    """Every run: {"experiment", "seed", settings ...}, seed after seed: a stopped sweep is still balanced."""
    jobs = []
    for seed in seeds:

        def add(experiment: str, seed: int = seed, **settings) -> None:
            jobs.append({"experiment": experiment, "seed": seed, "shared": FINGERPRINT, **settings})

        add("random")
        add("few_labels", epochs=3)
        for projector in ("none", "linear", "MLP"):
            add("projector", projector=projector)
        for momentum in (0.0, 0.9, 0.99, 0.999):
            add("momentum", momentum=momentum)
        for shuffle in (True, False):
            add("shuffle", shuffle=shuffle)
        if seed < 2:
            for batch in (32, 128, 512):
                for epochs in (1, 2):
                    add("batch", batch=batch, epochs=epochs)
            for on in range(8):
                add("moco_v2", mlp=bool(on & 4), aug=bool(on & 2), cos=bool(on & 1))
        if seed < 1:
            for width in (1, 2):
                for layers in (2, 3):
                    add("simclr_v2", width=width, layers=layers)
            names = (*CHANGES, "rotate")
            for i, first in enumerate(names):
                for second in names[i:]:
                    add("composition", first=first, second=second)
    return jobs


def composed(*names: str):
    """TwoViews that apply only the named changes."""
    recipe = replace(NOTHING, **{k: v for name in names for k, v in CHANGES.get(name, {}).items()})
    views = data.TwoViews(recipe)
    return Turned(views) if "rotate" in names else views


def encoder(seed: int, width: float = 1) -> nn.Module:
    torch.manual_seed(seed)
    return resnet(widths=[round(width * channels) for channels in (24, 48, 96)])


def build(job: dict) -> tuple[nn.Module, int, int]:
    """The method of a job, its number of steps and its batch size."""
    seed, kind = job["seed"], job["experiment"]
    simclr = partial(SimCLR, **SIMCLR)
    if kind == "projector":
        method = simclr(encoder(seed))
        if job["projector"] != "MLP":
            linear = nn.Linear(method.encoder.width, 128)
            method.projector = linear if job["projector"] == "linear" else nn.Identity()
        return method, STEPS, BATCH
    if kind == "batch":  # Adam's steps do not grow with the batch; the rate follows its square root
        rate = SIMCLR["learning_rate"] * math.sqrt(job["batch"] / BATCH)
        steps = job["epochs"] * TRAIN // job["batch"]
        return simclr(encoder(seed), learning_rate=rate), steps, job["batch"]
    if kind == "simclr_v2":
        return simclr(encoder(seed, job["width"]), projector_layers=job["layers"]), STEPS, BATCH
    if kind == "composition":
        return simclr(encoder(seed), views=composed(job["first"], job["second"])), STEPS, BATCH
    if kind == "few_labels":
        return simclr(encoder(seed)), job["epochs"] * TRAIN // BATCH, BATCH
    moco = partial(MoCo, encoder(seed), **MOCO)
    if kind == "momentum":
        return moco(momentum=job["momentum"], views=data.default_views), MOCO_STEPS, MOCO_BATCH
    if kind == "shuffle":
        leak = {"batch_norm_groups": 32, "shuffle": job["shuffle"], "loss_function": NotedMoCoLoss()}
        return moco(momentum=0.99, views=data.default_views, **leak), 2 * MOCO_STEPS, MOCO_BATCH
    if kind == "moco_v2":
        views = data.TwoViews("moco_v2", blur=True) if job["aug"] else data.TwoViews("moco_v1")
        variant = MoCo if job["cos"] else MoCoStepDecay
        options = {**MOCO, "version": 2 if job["mlp"] else 1, "momentum": 0.99, "views": views}
        return variant(encoder(seed), **options), MOCO_STEPS, MOCO_BATCH
    raise ValueError(f"experiment is {kind!r}; see plan().")


@cache
def sets() -> tuple:
    """(train, val) ImageSets, opened once in each process: who looks for the best looks at no test image."""
    return tuple(data.load("world", s, size=SIZE, length=n) for s, n in (("train", TRAIN), ("val", VAL)))


def probe(network) -> float:
    """Accuracy of the linear probe of a network, PROBE images to fit it."""
    train, val = sets()
    known = train.subset(slice(0, PROBE))
    features = [evaluate.embed(network, images) for images in (known, val)]
    penalties = (1.0, 0.1, 0.01, 1e-3)
    result = evaluate.linear_probe(features[0], known.labels, features[1], val.labels, penalties=penalties)
    return result.accuracy


def supervised(start: nn.Module, few, val, seed: int, steps: int) -> float:
    """Validation accuracy of ``start``, trained on with all labels of ``few`` (light crops and flips)."""
    method = Supervised(start, few.classes, learning_rate=2e-3)
    quiet_fit(method, few, steps, min(64, len(few)), seed)
    return float((method.predict(val.images) == val.labels).float().mean())


def label_curves(pretrained: nn.Module, seed: int, counts, shrink: int) -> dict:
    """Validation accuracy at each number of labels per class, for four ways to use the labels."""
    train, val = sets()
    weights = {name: value.clone() for name, value in pretrained.state_dict().items()}
    networks = {"random, linear": encoder(seed), "SimCLR, linear": pretrained}
    features = {n: [evaluate.embed(e, s) for s in (train, val)] for n, e in networks.items()}
    curves: dict[str, list[float]] = {}
    for count in counts:
        drawn = evaluate.balanced_draw(train.labels, count, seed)
        few, steps = train.subset(drawn), max(2, (100 + 3 * count) // shrink)
        for name, (known, unknown) in features.items():
            result = evaluate.linear_probe(known[drawn], few.labels, unknown, val.labels, seed=seed)
            curves.setdefault(name, []).append(result.accuracy)
        curves.setdefault("supervised", []).append(supervised(encoder(seed), few, val, seed, steps))
        tuned = encoder(seed)
        tuned.load_state_dict(weights)
        curves.setdefault("SimCLR, fine-tuned", []).append(supervised(tuned, few, val, seed, steps))
    return {"labels_per_class": list(counts), "curves": curves}


def run(job: dict, shrink: int = 1) -> dict:
    """Train and probe one job; ``shrink`` divides the steps, for the smoke test."""
    torch.set_num_threads(1)
    began, record, kind = time.perf_counter(), dict(job), job["experiment"]
    if kind == "random":
        method, steps = encoder(job["seed"]), 0
    else:
        method, steps, batch = build(job)
        steps = max(2, steps // shrink)
        outcome = quiet_fit(method, sets()[0], steps, batch, job["seed"])
        record |= {
            "batch_size": batch,
            "loss": outcome.summary()["last_loss"],
            "precision": outcome.settings["precision"],
        }
    record |= {"steps": steps, "accuracy": probe(method)}
    if kind == "projector":
        method.eval()
        record["accuracy_z"] = probe(nn.Sequential(method.encoder, method.projector))
    if kind == "shuffle":
        record["pretext"] = method.loss_function.accuracies
    if kind == "few_labels":
        counts = LABELS if shrink == 1 else LABELS[:2]
        record |= label_curves(method.encoder, job["seed"], counts, shrink)
    return record | finished(began)


def main() -> int:
    given = arguments(__doc__, FILE, "experiments")
    jobs = plan(given.seeds)
    unknown = set(given.only or ()) - {job["experiment"] for job in jobs}
    if unknown:
        given.error(f"--only: no experiment {', '.join(sorted(unknown))}.")
    jobs = [job for job in jobs if not given.only or job["experiment"] in given.only]
    sets()  # drawn once, before the workers open them
    sweep(jobs, run, given.out, given.workers, 100 if given.smoke else 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
