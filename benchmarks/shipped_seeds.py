"""What of a shipped model's scores is its recipe's, and what its seed's: the same recipes with other seeds.

Run: python benchmarks/shipped_seeds.py [--names random_vit supervised_vit dino_vit] [--seeds 1 2]

Hours: one DINO takes about as long as the one that is shipped. A stopped run goes on where it was, and what
is measured already is not measured again. Seed 0 is the shipped model's own card. Written to
results/shipped_seeds.json and .md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from harness import RESULTS, machine
from platformdirs import user_cache_path

from course_lib import checkpoints, data, evaluate
from course_lib.checkpoints.make import PROTOCOL, trained
from course_lib.checkpoints.recipes import RECIPES, TEST, TRAIN
from course_lib.files import write_whole

METRICS = ("linear", "knn", "few", "miou", "jaccard")
FILE = RESULTS / "shipped_seeds.json"


def measured(name: str, seed: int, runs: Path) -> dict:
    """One run: trained (or resumed) and scored as make.py scores the shipped one."""
    recipe = dataclasses.replace(RECIPES[name], seed=seed)
    train = data.load("world", "train", length=TRAIN)
    encoder, facts, _ = trained(recipe, train, runs / f"{name}_{seed}")
    dense = [data.load_dense(split, 500) for split in ("train", "test")]
    half, test = train.subset(slice(0, TRAIN // 2)), data.load("world", "test", length=TEST)
    scores = evaluate.frozen_scores(encoder, half, test, *dense)
    return {"name": name, "seed": seed, "minutes": facts["minutes"], "machine": machine()} | scores


def shipped(name: str) -> dict:
    """Seed 0: what the card says."""
    card = checkpoints.card(name)
    known = {"name": name, "seed": card["seed"], "minutes": card["minutes"], "machine": "card"}
    return known | card["metrics"]


def table(rows: list[dict]) -> str:
    """Mean and 95 % interval over seeds, per model and score; and by how much DINO is above the others."""
    models = list(dict.fromkeys(row["name"] for row in rows))
    lines = [f"| model | seeds | {' | '.join(METRICS)} |", "|---|---:|" + "---:|" * len(METRICS)]
    for model in models:
        mine = [row for row in rows if row["name"] == model]
        cells = [_interval([row[score] for row in mine]) for score in METRICS]
        lines.append(f"| {model} | {len(mine)} | {' | '.join(cells)} |")
    lines += ["", "DINO's best-head Jaccard above that of the same seed's other models, in points:", ""]
    jaccard = {(row["name"], row["seed"]): row["jaccard"] for row in rows}
    for other in ("random_vit", "supervised_vit"):
        seeds = [seed for name, seed in jaccard if name == "dino_vit" and (other, seed) in jaccard]
        gains = [jaccard["dino_vit", seed] - jaccard[other, seed] for seed in seeds]
        each = ", ".join(f"{gain:+.1f}" for gain in gains)
        lines.append(f"- {other}: {_interval(gains)} (seeds {seeds}: {each})")
    return "\n".join(lines) + "\n"


def _interval(values: list[float]) -> str:
    if len(values) < 2:
        return ", ".join(f"{value:.1f}" for value in values)
    found = evaluate.t_interval(values)
    return f"{found.mean:.1f} ({found.low:.1f} to {found.high:.1f})"


def stored() -> list[dict]:
    """The rows that are measured already, by this command or by another one that runs beside it."""
    return json.loads(FILE.read_text())["rows"] if FILE.is_file() else []


def add(row: dict) -> None:
    """Write `row` to what is stored *now*: two seeds may be trained side by side, one a core."""
    rows = [other for other in stored() if (other["name"], other["seed"]) != (row["name"], row["seed"])]
    rows = sorted([*rows, row], key=lambda found: (list(RECIPES).index(found["name"]), found["seed"]))
    print({key: value for key, value in row.items() if key != "machine"}, flush=True)
    write_whole(FILE, json.dumps({"protocol": PROTOCOL, "rows": rows}, indent=1) + "\n")
    text = f"# shipped_seeds\n\n{PROTOCOL} Means with 95 % t-intervals over seeds.\n\n{table(rows)}"
    write_whole(FILE.with_suffix(".md"), text)


def main() -> None:
    """The command line."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--names", nargs="+", default=["random_vit", "supervised_vit", "dino_vit"])
    options.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    options.add_argument("--runs", type=Path, default=user_cache_path("ssl-course") / "shipped_seeds")
    chosen = options.parse_args()
    for name, seed in [(name, seed) for seed in [0, *chosen.seeds] for name in chosen.names]:
        if (name, seed) not in {(row["name"], row["seed"]) for row in stored()}:
            add(shipped(name) if seed == 0 else measured(name, seed, chosen.runs))
    print(table(stored()))


if __name__ == "__main__":
    main()
