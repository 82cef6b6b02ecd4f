"""What a minute of SimCLR is worth: linear probe against the random encoder and a minute with labels.

    course bench simclr_minute                           three seeds, world and Fashion-MNIST, a minute each
    python benchmarks/simclr_minute.py --steps 240       the same number of steps on any machine
    python benchmarks/simclr_minute.py --data world --seeds 0 --smoke --out /tmp/smoke.json

Every measurement is appended to the file at once and is not repeated: stop with Ctrl-C and start again. The
encoder, its first weights (by seed), the probe and the test images are the same for all three. The probe is
`course_lib.evaluate.linear_probe` on 10,000 labelled training images, its penalty chosen on a fifth of them.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import torch
from harness import RESULTS, machine

from course_lib import data, evaluate, fit
from course_lib.files import write_whole
from course_lib.methods import SimCLR
from course_lib.models import resnet
from course_lib.training import supervised

FILE = RESULTS / "simclr_minute.json"
LABELLED = 10_000  # images on which the probe is trained
NAMES = ("random", "simclr", "supervised")


def measure(name: str, dataset: str, seed: int, budget: dict, folder: Path, smoke: bool) -> dict:
    """One row: train (or not), then probe. budget: {"minutes": m} or {"steps": s}."""
    train, test = data.load(dataset, "train"), data.load(dataset, "test")
    labelled = min(LABELLED, len(train))
    if smoke:
        train, test, labelled = train.subset(slice(0, 600)), test.subset(slice(0, 200)), 400
    load, began = os.getloadavg()[0], time.perf_counter()
    torch.manual_seed(seed)
    method = SimCLR(resnet())
    run = None
    if name == "simclr":
        run = fit(method, train, **budget, seed=seed, folder=folder, show=False)
    elif name == "supervised":
        run = supervised(resnet, train, **budget, seed=seed, folder=folder, show=False)
        method = run.method
    seconds = time.perf_counter() - began
    few = train.subset(slice(0, labelled))
    features, answers = evaluate.embed(method, few), evaluate.embed(method, test)
    probe = evaluate.linear_probe(features, few.labels, answers, test.labels)
    guess = evaluate.knn(features, few.labels, answers)
    row = {
        "name": name, "data": dataset, "seed": seed, **budget,
        "probe": probe.accuracy, "penalty": probe.penalty, "knn": evaluate.accuracy(guess, test.labels),
        "labelled": labelled, "tested": len(test), "load": load,
    }  # fmt: skip
    if run is not None:
        summary = run.summary()
        row |= {key: summary[key] for key in ("precision", "channels_last", "images_per_second", "last_loss")}
        row |= {"steps_taken": run.steps, "seconds": seconds}
    return row


def key(row: dict) -> tuple:
    """What makes two rows the same measurement. The random encoder has no budget."""
    budget = (None, None) if row["name"] == "random" else (row.get("minutes"), row.get("steps"))
    return row["name"], row["data"], row["seed"], *budget


def summarise(rows: list[dict]) -> list[dict]:
    """For each data set and budget: accuracies in percent with 95 % t-intervals, and paired gains."""
    found = []
    budgets = {(r["data"], r.get("minutes"), r.get("steps")) for r in rows if r["name"] == "simclr"}
    for dataset, minutes, steps in sorted(budgets, key=str):
        accuracy: dict[str, dict[int, float]] = {name: {} for name in NAMES}
        for row in rows:
            if row["data"] == dataset and key(row)[3:] in ((None, None), (minutes, steps)):
                accuracy[row["name"]][row["seed"]] = 100 * row["probe"]
        entry: dict = {"data": dataset, "minutes": minutes, "steps": steps}
        for name, by_seed in accuracy.items():
            if by_seed:
                entry[name] = interval(by_seed.values())
        both = sorted(set(accuracy["random"]) & set(accuracy["simclr"]))
        if both:
            entry["gain"] = interval(accuracy["simclr"][s] - accuracy["random"][s] for s in both)
            entry["smallest_gain"] = min(accuracy["simclr"][s] - accuracy["random"][s] for s in both)
        found.append(entry)
    return found


def interval(values) -> dict:
    """Mean, ends and number of a 95 % t-interval, ready for JSON (None where one value gives no ends)."""
    found = evaluate.t_interval(values)
    several = len(found.values) > 1
    return {
        "mean": found.mean,
        "low": found.low if several else None,
        "high": found.high if several else None,
        "n": len(found.values),
    }


def main() -> None:
    """Measure what is missing and write the file after every row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data", nargs="+", default=["world", "fashion-mnist"])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--smoke", action="store_true", help="600 images: does it run?")
    arguments = parser.parse_args()
    budget = {"steps": arguments.steps} if arguments.steps else {"minutes": arguments.minutes}
    rows = json.loads(arguments.out.read_text())["rows"] if arguments.out.exists() else []
    done = {key(row) for row in rows}
    for seed in arguments.seeds:
        for dataset in arguments.data:
            for name in NAMES:
                wanted = {"name": name, "data": dataset, "seed": seed, **budget}
                if key(wanted) in done:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(measure(name, dataset, seed, budget, Path(folder), arguments.smoke))
                report = {"machine": machine(), "summary": summarise(rows), "rows": rows}
                write_whole(arguments.out, json.dumps(report, indent=1) + "\n")
                print(f"{dataset:14} seed {seed} {name:10} probe {100 * rows[-1]['probe']:.1f} %", flush=True)
    print(json.dumps(summarise(rows), indent=1))


if __name__ == "__main__":
    main()
