"""The scoreboard: every method, the same encoder and the same number of images, measured in the same ways.

    course bench methods                                  all of it, seed after seed
    python benchmarks/methods.py --only simclr byol --seeds 0
    python benchmarks/methods.py --only byol --seeds 0 --images 192000     longer, listed below the table
    python benchmarks/methods.py --smoke --out /tmp/smoke.json

Each run is one process with one thread. A finished run is appended to the file and not repeated, so Ctrl-C
loses one run at most. Writes benchmarks/results/methods.json, methods.csv, methods_longer.csv and methods.md.

What the figures are: Encoders see 25,600 training images of the world (48 px) in batches of 128, the last
step counts. No hyper-parameter is chosen here; SimCLR's were searched for by hand (no table was kept), the
rates of BYOL, VICReg and MAE come from learning_rates.py, the rest are plain defaults, so the order of the
methods is that of this short budget only. Test split, 4,000 images. linear: penalised probe on 10,000
features, penalty from a fifth of them. knn: k = 20, T = 0.07, cosine. few: linear probe on 10 labels a
class, mean of 3 draws. fine_tune: 100 labels a class, 100 steps, layer decay 0.75. miou: linear
segmentation of the last map. vit_mean: the feature is the mean patch, not CLS. All of them of the trained
encoder itself, also where a paper evaluates its slow copy (dino, ibot, dinov2, ijepa). jaccard (vit): best
head of the last layer against all visible objects, 60 % of the mass. images/s: of training, one thread, as
it came (the machine may have been shared).
"""

from __future__ import annotations

import copy
import math
import sys
import time
from functools import cache

import pandas
import torch
from harness import RESULTS
from sweep import arguments, finished, gain_text, gains, origin, quiet_fit, read, sweep_to_tables

from course_lib import checkpoints, data, evaluate
from course_lib.checkpoints import make
from course_lib.files import write_whole
from course_lib.methods import FineTune
from course_lib.training import recipe

FILE = RESULTS / "methods.json"
IMAGES, BATCH, TRAIN, TEST, PROBE, DENSE = 25_600, 128, 20_000, 4_000, 10_000, 500
METRICS = ("linear", "knn", "few", "fine_tune", "miou", "jaccard")
# variants, and what learns from a few labels
LEFT_OUT = (
    "simclr_v2",
    "moco_v1",
    "gram_anchoring",
    "pseudo_label",
    "rotation_supervised",
    "fixmatch",
    "distillation",
)
# Published linear probes, top-1 in per cent. resnet: ImageNet-1k, ResNet-50, lightly's table (100 epochs); of
# the pretext tasks mmselfsup's (average-pooled features, its model zoo). vit: stable-pretraining's table
# on Imagenette, ViT-S/16, 200 epochs, untuned; its DINOv2 is called unfinished there and left out.
PUBLISHED = {
    "resnet": {
        "context": 39.65, "rotation": 44.35, "simclr": 63.2, "moco": 61.5, "swav": 67.2, "byol": 62.5,
        "barlow_twins": 62.9, "vicreg": 63.0, "dino": 68.2,
    },
    "vit": {
        "simclr": 74.9, "moco_v3": 84.7, "dino": 86.1, "ibot": 57.9, "mae": 84.1, "ijepa": 34.0, "beit": 15.3,
    },
}  # fmt: skip
SOURCES = {
    "resnet": "ImageNet-1k, ResNet-50 (lightly, 100 epochs; pretext tasks: mmselfsup)",
    "vit": "Imagenette, ViT-S/16 (stable-pretraining, 200 epochs, untuned)",
}


def plan(seeds: list[int], images: int = IMAGES) -> list[dict]:
    """Every run, seed after seed: a stopped sweep is still balanced."""
    shared = {"images": images, "batch": BATCH}
    jobs = []
    for seed in seeds:
        for family in recipe.FAMILIES:
            jobs.append({"method": "random", "family": family, "seed": seed, **shared})
            jobs += [
                {"method": name, "family": family, "seed": seed, **shared}
                for name, one in recipe.RECIPES.items()
                if name not in LEFT_OUT
                and (family == one.families[0] or (name in BOTH and family in one.families))
            ]
    return jobs


BOTH = ("supervised", "dino", "simclr")  # with either encoder; the others with their usual one


@cache
def sets():
    train, test = data.load("world", "train", length=TRAIN), data.load("world", "test", length=TEST)
    return train, test, data.load_dense("train", DENSE), data.load_dense("test", DENSE)


def measure(encoder, seed: int, shrink: int) -> dict[str, float]:
    """All metrics of one frozen encoder, in per cent, and a fine-tuned copy's accuracy."""
    train, test, dense, dense_test = sets()
    known = train.subset(slice(0, PROBE // shrink))
    count = max(1, 10 // shrink)
    found = evaluate.frozen_scores(encoder, known, test, dense, dense_test, count, seed)
    few = train.subset(evaluate.balanced_draw(train.labels, max(2, 100 // shrink), seed))
    tuned = FineTune(copy.deepcopy(encoder), train.classes)
    quiet_fit(tuned, few, max(2, 100 // shrink), min(64, len(few)), seed)
    guesses = tuned.predict(test.images)
    found["fine_tune"] = round(100 * evaluate.accuracy(guesses, torch.as_tensor(test.labels)), 2)
    return found


def run(job: dict, shrink: int = 1) -> dict:
    """Train and measure one job; ``shrink`` divides steps and labels, for the smoke test."""
    torch.set_num_threads(1)
    began, record, seed = time.perf_counter(), dict(job), job["seed"]
    train = sets()[0]
    torch.manual_seed(seed)
    encoder = recipe.encoder_for(48, "quick", job["family"])
    if job["method"] != "random":
        method = recipe.build(job["method"], encoder, train)
        outcome = quiet_fit(
            method, train, max(2, job["images"] // BATCH // shrink), BATCH // min(shrink, 8), seed
        )
        record |= {
            "loss": round(outcome.summary()["last_loss"], 4),
            "images_per_second": round(outcome.images_per_second, 1),
            "trained_parameters": sum(p.numel() for p in method.parameters() if p.requires_grad),
        }
    record |= {"parameters": sum(p.numel() for p in encoder.parameters()), **measure(encoder, seed, shrink)}
    return record | {"accuracy": record["linear"] / 100} | finished(began)


def summary(records: list[dict]) -> pandas.DataFrame:
    """`gains` of this file's budget, with the speed, the published probe, and where the figures come from."""
    mine = [record for record in records if record["images"] == IMAGES]
    longer = longer_runs(records)
    table, raw = gains(mine, METRICS), pandas.DataFrame(mine)
    for column, how in (("images_per_second", "median"), ("parameters", "first")):
        if column not in raw:  # a file of random encoders has no speed
            raw[column] = float("nan")
        values = raw.groupby(["family", "method"])[column].agg(how).rename(column).reset_index()
        table = table.merge(values.rename(columns={"family": "encoder"}), how="left")
    table["published"] = [
        PUBLISHED[published_family(row.encoder)].get(row.method, float("nan")) for row in table.itertuples()
    ]
    table = table.assign(**origin(mine))
    table.attrs["longer"] = longer
    return table


def longer_table(records: list[dict]) -> pandas.DataFrame:
    """A row for each run with more images than IMAGES, beside the untrained encoder of the same seed."""
    untrained = {(r["family"], r["seed"]): r["linear"] for r in records if r["method"] == "random"}
    rows = [
        {"encoder": one["family"], "method": one["method"], "seed": one["seed"], "images": one["images"]}
        | {metric: one.get(metric) for metric in METRICS}
        | {"loss": one.get("loss"), "untrained": untrained[one["family"], one["seed"]]}
        | origin([one])
        for one in records
        if one["images"] > IMAGES and (one["family"], one["seed"]) in untrained
    ]
    return (
        pandas.DataFrame(rows).sort_values(["encoder", "method", "images", "seed"])
        if rows
        else pandas.DataFrame()
    )


def longer_runs(records: list[dict]) -> list[str]:
    """What a run of this file with more images says of its method, in a sentence each."""
    return [
        f"- {row.method} ({row.encoder}), seed {row.seed}: {row.images:,} images, "
        f"{make.verdict(row.linear, row.untrained, TEST)}"
        for row in longer_table(records).itertuples()
    ]


def rank_interval(rho: float, n: int) -> tuple[float, float]:
    """95 % interval of Spearman's rho by Fisher's transform, with Bonett and Wright's standard error."""
    margin = 1.96 * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return math.tanh(math.atanh(rho) - margin), math.tanh(math.atanh(rho) + margin)


def published_family(encoder: str) -> str:
    """Which published table an encoder stands beside; vit_mean is a vit with another feature."""
    return encoder.split("_")[0]


def markdown(table: pandas.DataFrame) -> str:
    """The table with the rank correlations to the published column."""
    lines = ["# methods", "", " ".join(__doc__.split("What the figures are: ")[1].split()), ""]
    heads = ["encoder", "method", "seeds", *METRICS, "gain over random (95 %)"]
    heads += ["parameters", "images/s", "published"]
    lines += ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for row in table.itertuples():
        cells = [f"{getattr(row, m):.1f}" if getattr(row, m) == getattr(row, m) else "-" for m in METRICS]
        speed = f"{row.images_per_second:.0f}" if row.images_per_second == row.images_per_second else "-"
        size = f"{row.parameters / 1e6:.2f} M" if row.parameters == row.parameters else "-"
        known = f"{row.published:.1f}" if row.published == row.published else "-"
        lines.append(
            "| "
            + " | ".join(
                [row.encoder, row.method, str(row.seeds), *cells, gain_text(row), size, speed, known]
            )
            + " |"
        )
    lines += ["", "Published: linear probes, another number of images and another encoder than here.", ""]
    for family, rows in table.dropna(subset=["published"]).groupby(table["encoder"].map(published_family)):
        told = f"- {family}: {SOURCES[str(family)]}."
        if len(rows) > 2:
            rho = rows["linear"].corr(rows["published"], method="spearman")
            band = ""
            if len(rows) > 3 and abs(rho) < 1:
                low, high = rank_interval(rho, len(rows))
                band = f"95 %: {low:.2f} to {high:.2f}, "
            told += f" Spearman's rank correlation with linear here: {rho:.2f} ({band}n = {len(rows)})."
        lines.append(told)
    lines += [
        "",
        *verdicts(table),
    ]
    return "\n".join(lines) + "\n"


def verdicts(table: pandas.DataFrame) -> list[str]:
    """Which methods beat their untrained encoder here, which do not, and what longer runs say about that."""
    named = table[(table["method"] != "random") & table["low"].notna()]
    groups = {
        "Above the untrained encoder (the interval lies above zero)": named["low"] > 0,
        "Not told apart from it": (named["low"] <= 0) & (named["high"] >= 0),
        "Below it": named["high"] < 0,
    }
    lines = []
    for what, rows in groups.items():
        names = [f"{row.method} ({row.encoder})" for row in named[rows].itertuples()]
        lines.append(f"- {what}: {', '.join(names) or 'none'}.")
    lines += ["", f"That is {IMAGES // BATCH} steps. The library's own encoders saw more images:", ""]
    for name in checkpoints.names():
        card = checkpoints.card(name)
        if card["method"] and card["method"] != "supervised":
            lines.append(f"- {name}: {card['images_seen']:,} images, {card['verdict']}")
    longer = table.attrs.get("longer", [])
    if longer:
        lines += ["", "Longer runs of this file, beside the untrained encoder of the same seed:", "", *longer]
    waiting = [f"{row.method} ({row.encoder})" for row in named[~(named["low"] > 0)].itertuples()]
    waiting = [name for name in waiting if not any(line.startswith(f"- {name},") for line in longer)]
    said = "With more images than in the table these were not run in this file:"
    return [*lines, "", f"{said} {', '.join(waiting)}."] if waiting else lines


def main() -> int:
    given = arguments(__doc__, FILE, "methods", images=IMAGES)
    jobs = [job for job in plan(given.seeds, given.images) if not given.only or job["method"] in given.only]
    if not jobs:
        given.error(f"--only: no method {', '.join(given.only)}.")
    sets()  # drawn once, before the workers open them
    try:
        sweep_to_tables(jobs, run, given, summary, markdown)
    finally:
        longer = longer_table(read(given.out))
        if len(longer):
            write_whole(given.out.with_name(f"{given.out.stem}_longer.csv"), longer.to_csv(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
