"""The README's table of measured numbers, from the files in benchmarks/results (no number is typed by hand).

python benchmarks/readme_table.py        writes the rows between the two marks of README.md
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from harness import RESULTS

from course_lib.files import write_whole

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def rows() -> list[tuple[str, str, str]]:
    """(what, measured, file) of every result that is there."""
    found: list[tuple[str, str, str]] = []
    for entry in _read("simclr_minute.json").get("summary", []):
        gain, random, simclr = entry["gain"], entry["random"], entry["simclr"]
        budget = "1 minute" if entry["minutes"] == 1.0 else f"{entry['steps']} steps"
        band = (
            f" (95 % interval {gain['low']:+.1f} to {gain['high']:+.1f})" if gain["low"] is not None else ""
        )
        found.append((
            f"{budget} of SimCLR, 2 cores, {entry['data']}: linear probe",
            f"{simclr['mean']:.1f} % against {random['mean']:.1f} % for the random encoder: "
            f"{gain['mean']:+.1f} points{band}, {gain['n']} seed{'s' if gain['n'] > 1 else ''}",
            "simclr_minute",
        ))  # fmt: skip
    for row in _read("augmentation.json").get("rows", []):
        if row["name"] != "course_lib TwoViews":
            found.append((
                f"two SimCLR views, one thread: processor time of {row['name']}",
                _times_ours(row["cpu_ratio"]),
                "augmentation",
            ))  # fmt: skip
    for entry in _read("losses.json"):
        for row in entry["rows"]:
            if row["name"].startswith("lightly") and entry["batch"] == 512:
                found.append((
                    f"{entry['loss']}, batch 512, forward and backward: processor time of {row['name']}",
                    _times_ours(row["cpu_ratio"]),
                    "losses",
                ))  # fmt: skip
    for name in ("simclr", "mae", "dino"):
        rows = {row["name"]: row["cpu_ratio"] for row in _read(f"steps_{name}.json").get("rows", [])}
        if rows:
            theirs, compiled = rows["lightly's parts, float32"], rows.get("course_lib, bf16, compiled")
            both = f"; {theirs['median'] / compiled['median']:.2f} x ours compiled" if compiled else ""
            found.append((
                f"a step of {name}, views included, one thread: processor time of lightly's parts",
                _times_ours(theirs, 2) + both,
                f"steps_{name}",
            ))  # fmt: skip
    found += _gains("real_data", "Fashion-MNIST, 51,200 images seen")
    found += _gains("distillation", "a quarter of the ResNet, 51,200 images of the world seen")
    found += _few_labels() + _shipped()
    memory = _read("attention_memory.json")
    for library in ("course", "timm"):
        for size in (224, 480):
            timed = _read(f"attention_{library}_{size}.json").get("rows", [])
            if timed and memory:
                ratio = timed[1]["cpu_ratio"]
                found.append((
                    f"attention maps of one layer, ViT-S/16 of {library}, {size} px, beside a fused pass",
                    f"{ratio['median']:.2f} x its time ({ratio['min']:.2f} to {ratio['max']:.2f}), "
                    f"{memory[f'{library} {size}']['ratio']:.2f} x its peak memory",
                    f"attention_{library}_{size}",
                ))  # fmt: skip
    for name, times in _read("viewer.json").items():
        if isinstance(times, dict) and "painted" in times and "nothing" not in name:
            drawn, painted = (times[moment]["median"] for moment in ("drawn", "painted"))
            found.append((
                f"attention viewer, click to pixels {name}: drawn, and painted in Chromium without a GPU",
                f"{drawn:.0f} and {painted:.0f} ms, medians of {times['n']}",
                "viewer",
            ))  # fmt: skip
    graded = _read("grading.json")
    for row in graded.get("rows", []):
        if row["name"] == "graded, walls":
            over, most = (
                row["wall_over_bare"],
                max(graded["floods"].values(), key=lambda flood: flood["driver_mb"]),
            )
            found.append((
                "grading one submission behind walls, beside running its notebook in a bare kernel",
                f"+{over['median']:.1f} s ({over['min']:.1f} to {over['max']:.1f}); "
                f"at most {most['driver_mb']:.0f} MB of memory under floods of output",
                "grading",
            ))  # fmt: skip
    found += _class() + _arena()
    runs = _read("world.json").get("runs", [])
    if runs:
        rates = [run["images_per_second"] for run in runs]
        medians = ", ".join(f"{rate['median']:,.0f}" for rate in rates)
        found.append((
            f"drawing the world at 48 px, one core, {len(runs)} runs",
            f"{max(rate['max'] for rate in rates):,.0f} images/s in the fastest slice; "
            f"medians of the runs: {medians}",
            "world",
        ))  # fmt: skip
        seconds = ", ".join(f"{run['cache_seconds']['median']:.1f} s" for run in runs)
        found.append(("20,000 scenes into the cache, 2 cores", f"{seconds} (medians of the runs)", "world"))
    return found


def _class() -> list[tuple[str, str, str]]:
    """A whole class graded, and every known answer graded again and again."""
    found = []
    if whole := _read("grading_class.json"):
        runs = [whole[name] for name in ("workers_1", "workers_2", "killed") if name in whole]
        off = [sum(run[what] for run in runs) for what in ("missing", "doubled", "false_verdicts")]
        minute = [60 * whole["students"] / whole[f"workers_{n}"]["seconds"] for n in (1, 2)]
        found.append((
            f"{whole['students']} submissions graded with one worker, with two, and killed "
            f"{whole['killed']['kills']} times",
            f"{minute[0]:.0f} and {minute[1]:.0f} a minute, {whole['speed_up']:.2f} x; "
            f"missing {off[0]}, doubled {off[1]}, false verdicts {off[2]}",
            "grading_class",
        ))  # fmt: skip
    if verdicts := _read("grading_verdicts.json"):
        rounds = [entry["rounds"] for entry in verdicts["labs"].values()]
        answers = [verdict for runs in rounds for one in runs for verdict in one.values()]
        false = sum((v["status"] == "right" or v["points"] > 0) != v["right"] for v in answers)
        found.append((
            f"known wrong and right answers of {' and '.join(verdicts['labs'])}, graded with new inputs in "
            + " and ".join(f"{len(runs)}" for runs in rounds)
            + " rounds",
            f"{false} false verdicts of {len(answers):,}",
            "grading_verdicts",
        ))  # fmt: skip
    return found


def _arena() -> list[tuple[str, str, str]]:
    """Ratings of a million battles, intervals that cover, and a class of voters on one page."""
    found = []
    whole = _read("arena.json")
    for report in whole.get("reports", []):
        others = [
            f"{row['name']} {row['wall_ratio']['median']:.1f} x ours"
            for row in report["rows"]
            if row["name"] != report["reference"]
        ]
        found.append((
            f"{whole['battles']:,} battles of {whole['models']} models, {report['name']}"
            + (" (theirs scaled up from fewer rounds)" if "bootstrap" in report["name"] else "")
            + ": time of the others",
            ", ".join(others),
            "arena",
        ))  # fmt: skip
    for row in _read("arena_coverage.json").get("rows", []):
        if row["method"] == "sandwich":
            found.append((
                f"95 % intervals (sandwich) over simulated arenas, {row['data']}, by {row['unit']}: cover",
                f"{100 * row['covered']:.1f} % ± {100 * row['error']:.1f}",
                "arena_coverage",
            ))  # fmt: skip
    if load := _read("arena_load.json"):
        result = load["result"]
        every = result["milliseconds"]["all"]
        found.append((
            f"{result['voters']} voters on the served arena for {result['seconds']:.0f} s, "
            "the server killed in between",
            f"{result['votes']:,} votes, lost {result['lost']}, doubled {result['doubled']}; answers "
            f"in {every['p50']:.0f} ms (median), {every['p95']:.0f} ms (95 %)",
            "arena_load",
        ))  # fmt: skip
    return found


def _gains(name: str, what: str) -> list[tuple[str, str, str]]:
    """One row: what each method of a sweep adds to the linear probe of its encoder, untrained."""
    path = RESULTS / f"{name}.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        trained = [row for row in csv.DictReader(file) if row["method"] != "random" and row["low"]]
    if not trained:
        return []
    trained.sort(key=lambda row: -float(row["gain"]))
    gains = [[float(row[key]) for key in ("gain", "low", "high")] for row in trained]
    bands = ", ".join(
        f"{row['method']} ({row['encoder']}) {gain:+.1f} [{low:+.1f} to {high:+.1f}]"
        for row, (gain, low, high) in zip(trained, gains, strict=True)
    )
    seeds = min(int(row["seeds"]) for row in trained)
    return [(f"{what}: points over the untrained encoder (95 %, {seeds} seeds)", bands, name)]


def _few_labels() -> list[tuple[str, str, str]]:
    """One row a share of the labels: what each way of using them reaches."""
    path = RESULTS / "few_labels.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        runs = list(csv.DictReader(file))
    found = []
    for share in dict.fromkeys(run["labels"] for run in runs):
        mine = [run for run in runs if run["labels"] == share]
        bands = (
            f"{run['method']} {float(run['mean']):.1f} [{float(run['low']):.1f} to {float(run['high']):.1f}]"
            for run in mine
            if run["low"]
        )
        seeds = mine[0]["seeds"]
        what = f"{share} of the world's labels, 25,600 images seen: top-1 in % (95 %, {seeds} seeds)"
        found.append((what, "; ".join(bands), "few_labels"))
    return found


def _shipped() -> list[tuple[str, str, str]]:
    """The encoders that come with the library: a probe after each stage, and DINO's attention over seeds."""
    found = []
    stages = _read("stages.json").get("rows", [])
    if stages:
        said = (f"{row['name']} {', '.join(f'{score:.1f}' for score in row['stages'])}" for row in stages)
        found.append(("shipped ResNets, linear probe in % after stages 1, 2, 3", "; ".join(said), "stages"))
    rows = _read("shipped_seeds.json").get("rows", [])
    jaccard = {(row["name"], row["seed"]): row["jaccard"] for row in rows}
    for other in ("random_vit", "supervised_vit"):
        seeds = [seed for name, seed in jaccard if name == other and ("dino_vit", seed) in jaccard]
        if seeds:
            gains = (f"{jaccard['dino_vit', seed] - jaccard[other, seed]:+.1f}" for seed in seeds)
            what = f"DINO's best head on objects, Jaccard, seeds {', '.join(map(str, seeds))}"
            found.append((f"{what}: points over {other}", ", ".join(gains), "shipped_seeds"))
    return found


def _times_ours(ratio: dict[str, float], digits: int = 1) -> str:
    middle, least, most = (f"{ratio[what]:.{digits}f}" for what in ("median", "min", "max"))
    return f"{middle} x ours ({least} to {most})"


def table() -> str:
    """The Markdown table."""
    lines = ["| what | measured | `benchmarks/results/` |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value} | {file} |" for what, value, file in rows())])


def page(text: str) -> str:
    """README's text with the table of now between the marks."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _read(name: str) -> Any:
    path = RESULTS / name
    return json.loads(path.read_text()) if path.is_file() else {}


if __name__ == "__main__":
    write_whole(README, page(README.read_text()))
