"""A linear probe after every stage of the shipped convolutional encoders: where kinds are easiest to read.

Run: python benchmarks/stages.py        (minutes; results/stages.json and stages.md)

What the figures are: linear probe in per cent on the mean of the map after each stage (24, 48 and 96
channels), penalty from a fifth of 10,000 training images of the world; test split, 4,000 images; one trained
encoder each (checkpoints.card says how). The last stage is the encoder's own feature. The interval is that of
the 4,000 test images for the difference to the untrained encoder's same stage, taken as independent; it says
nothing about another seed. Nothing is chosen here.
"""

from __future__ import annotations

import argparse
import json
import math

from harness import RESULTS, machine

from course_lib import checkpoints, data, evaluate
from course_lib.checkpoints.recipes import TEST, TRAIN
from course_lib.evaluate.scores import PENALTIES
from course_lib.files import write_whole

FILE = RESULTS / "stages.json"
NAMES = ("random", "context", "jigsaw", "rotation", "simclr", "vicreg", "supervised")


def measured(name: str) -> dict:
    """One encoder: the accuracy of each stage in per cent."""
    known = data.load("world", "train", length=TRAIN).subset(slice(0, TRAIN // 2))
    test = data.load("world", "test", length=TEST)
    found = evaluate.stage_probes(checkpoints.load(f"{name}_resnet"), known, test, penalties=PENALTIES)
    return {"name": name, "images": len(test), "stages": [round(100 * one.accuracy, 2) for one in found]}


def table(rows: list[dict]) -> str:
    """A row per encoder: each stage, and how far it is above the untrained encoder's."""
    base = next(row["stages"] for row in rows if row["name"] == "random")
    heads = [f"stage {number}" for number in range(1, len(base) + 1)]
    lines = [f"| encoder | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for row in rows:
        cells = []
        for score, untrained in zip(row["stages"], base, strict=True):
            margin = 1.96 * math.sqrt(sum(p * (100 - p) for p in (score, untrained)) / row["images"])
            gain = f" ({score - untrained:+.1f} ± {margin:.1f})"
            cells.append(f"{score:.1f}" + gain * (row["name"] != "random"))
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    rows = []
    for name in NAMES:
        rows.append(measured(name))
        print(rows[-1], flush=True)
    note = " ".join(__doc__.split("What the figures are: ")[1].split())
    write_whole(FILE, json.dumps({"note": note, "machine": machine(), "rows": rows}, indent=1) + "\n")
    write_whole(FILE.with_suffix(".md"), f"# stages\n\n{note}\n\n{table(rows)}")
    print(table(rows))


if __name__ == "__main__":
    main()
