"""Curation on a pool whose faults are known: are planted copies and leaks found, is the long tail evened out?

    course bench curation

The pool: 8,000 scenes of the world with a long tail (the commonest of 18 kinds 100 times as frequent as the
rarest), a tenth of them copies of earlier ones, half of these in other light and noise. The evaluation set:
2,000 test scenes, a tenth of them copies from the pool's first 500. Features: a shipped encoder's, and those
of its untrained twin. The threshold of the cosine is chosen on a pool and a test set of another seed
(best F1), then used here: DINOv2's 0.6 belongs to an embedding made for finding copies.

Writes benchmarks/results/curation.json and .md: precision and recall for copies and leaks, kinds before and
after `balance`, and the pipeline's six-column table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from harness import RESULTS, machine
from sweep import commit

from course_lib import checkpoints, evaluate
from course_lib.data import Source, curate, curation
from course_lib.files import write_whole
from course_lib.world import WorldConfig, WorldDataset

POOL, TEST, CURATED, TARGET = 8_000, 2_000, 240, 1_200
ENCODERS = ("random_resnet", "simclr_resnet")
THRESHOLDS = np.round(np.concatenate([np.linspace(0.5, 0.9, 9), np.linspace(0.95, 1.0, 11)]), 3)


def drawn(seed: int, pool: int, test: int) -> dict:
    """Pool, test set and curated set of one seed, with what was planted."""
    tail = WorldConfig(seed=seed, distribution="long_tail", duplicates=0.1, leaks=0.1)
    train, held_out = WorldDataset(tail, "train", pool), WorldDataset(tail, "test", test)
    copies = [train.world.copy_of(index) for index in range(pool)]
    leaks = [held_out.world.copy_of(index) for index in range(test)]
    return {
        "pool": train,
        "test": held_out,
        "curated": WorldDataset(WorldConfig(seed=seed + 100), "val", CURATED),
        "copy": np.array([one is not None for one in copies]),
        "origin": np.array([index if one is None else one.source for index, one in enumerate(copies)]),
        "leaked": np.array(sorted({one.source for one in leaks if one is not None and one.split == "train"})),
    }


def features(encoder, world: dict) -> dict[str, np.ndarray]:
    return {name: evaluate.embed(encoder, world[name]).numpy() for name in ("pool", "test", "curated")}


def found_copies(world: dict, embedded: dict, threshold: float) -> dict[str, float]:
    """Precision and recall of "this image is a copy of an earlier one"."""
    dropped = np.ones(len(world["copy"]), bool)
    dropped[curation.deduplicate(embedded["pool"], threshold)] = False
    return score(dropped, world["copy"])


def found_leaks(world: dict, embedded: dict, threshold: float) -> dict[str, float]:
    """Precision and recall of "a test image shows this": the leaked scenes, and the pool's copies of them."""
    dropped = np.ones(len(world["copy"]), bool)
    dropped[curation.remove_leaks(embedded["pool"], embedded["test"], threshold)] = False
    return score(dropped, np.isin(world["origin"], world["origin"][world["leaked"]]))


def score(guess: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    hits = int((guess & truth).sum())
    precision, recall = hits / max(1, int(guess.sum())), hits / max(1, int(truth.sum()))
    return {"precision": precision, "recall": recall, "f1": 2 * hits / max(1, int(guess.sum() + truth.sum()))}


def best(measure, world: dict, embedded: dict) -> float:
    """The threshold with the best F1; of equals the highest."""
    return float(
        max(THRESHOLDS, key=lambda threshold: (measure(world, embedded, threshold)["f1"], threshold))
    )


def one_encoder(name: str, tuning: dict, world: dict) -> dict:
    """Everything for one encoder."""
    encoder = checkpoints.load(name)
    tuned, embedded = features(encoder, tuning), features(encoder, world)
    copies, leaks = best(found_copies, tuning, tuned), best(found_leaks, tuning, tuned)
    sources = [
        Source("any", "curated, by sample", embedded["curated"], "sample", (("per_query", 4),)),
        Source("any", "curated, by cluster", embedded["curated"], "cluster",
               (("clusters", 24), ("per_cluster", 100), ("at_least", 3), ("cap", 1000))),
    ]  # fmt: skip
    result = curate(sources, embedded["pool"], embedded["test"], copies, leaks)
    target = min(TARGET, len(result.kept) // 2)
    balanced = result.kept[curation.balance(embedded["pool"][result.kept], target)]
    labels, kinds = world["pool"].labels, len(world["pool"].classes)
    return {
        "encoder": name,
        "copies": {"threshold": copies} | found_copies(world, embedded, copies),
        "leaks": {"threshold": leaks} | found_leaks(world, embedded, leaks),
        "kept": len(result.kept),
        "kinds": {
            what: np.bincount(labels[rows], minlength=kinds).tolist()
            for what, rows in (("pool", slice(None)), ("kept", result.kept), ("balanced", balanced))
        },
        "table": json.loads(result.table.to_json(orient="records")),
    }


def markdown(report: dict) -> str:
    lines = ["# curation", "", " ".join(__doc__.split("\n\n")[2].split()), ""]
    lines += ["| encoder | what | threshold | precision | recall |", "|---|---|---:|---:|---:|"]
    for one in report["encoders"]:
        for what in ("copies", "leaks"):
            row = one[what]
            lines.append(
                f"| {one['encoder']} | {what} | {row['threshold']:.3f} | {row['precision']:.2f} | "
                f"{row['recall']:.2f} |"
            )
    lines += ["", "| encoder | images | commonest kind | rarest kind |", "|---|---:|---:|---:|"]
    for one in report["encoders"]:
        for what, counts in one["kinds"].items():
            share = [100 * count / sum(counts) for count in (max(counts), min(counts))]
            lines.append(
                f"| {one['encoder']}, {what} | {sum(counts):,} | {share[0]:.1f} % | {share[1]:.1f} % |"
            )
    for one in report["encoders"]:
        heads = list(one["table"][0])
        lines += ["", f"Curated with {one['encoder']}:", "", "| " + " | ".join(heads) + " |"]
        lines.append("|" + "---|" * len(heads))
        lines += [
            "| " + " | ".join("" if v is None else str(v) for v in row.values()) + " |"
            for row in one["table"]
        ]
    return "\n".join(lines) + "\n"


def main(pool: int = POOL, test: int = TEST, results: Path = RESULTS) -> dict:
    """Run it and write results/curation.json and .md."""
    tuning, world = drawn(1, pool, test), drawn(0, pool, test)
    report = {
        "machine": machine(),
        "commit": commit(),
        "encoders": [one_encoder(name, tuning, world) for name in ENCODERS],
    }
    write_whole(results / "curation.json", json.dumps(report, indent=1) + "\n")
    write_whole(results / "curation.md", markdown(report))
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pool", type=int, default=POOL)
    parser.add_argument("--test", type=int, default=TEST)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    print(markdown(main(given.pool, given.test, given.out)))
