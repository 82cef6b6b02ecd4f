"""Time callables side by side: interleaved, in one process, as ratios.

Machines are shared and clocks drift, so a number of seconds says little. What is compared here ran within the
same second: in every round each candidate runs once, the order rotating from round to round, and what is
reported is the ratio within the round, its median and its spread. Processor time is measured beside wall time
because it does not count what other processes take.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.files import write_whole

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Candidate:
    """Something to time: run() does `work` units (images, say); prepare() runs before it, untimed."""

    run: Callable[[], Any]
    work: float = 1.0
    prepare: Callable[[], Any] | None = None


def compare(
    name: str,
    candidates: Mapping[str, Candidate | Callable[[], Any]],
    *,
    reference: str,
    unit: str = "calls",
    rounds: int = 15,
    warmup: int = 2,
    note: str = "",
    results: Path = RESULTS,
) -> dict[str, Any]:
    """Time `candidates` against `reference`, write results/NAME.json and NAME.md, return what was written.

    The ratio of a candidate in a round is its seconds per unit over the reference's: above 1 means that the
    reference is faster. Every candidate runs `warmup` times first. Raises ValueError for an unknown reference
    or fewer than 3 rounds.
    """
    ready = {k: c if isinstance(c, Candidate) else Candidate(c) for k, c in candidates.items()}
    if reference not in ready:
        raise ValueError(
            f"compare: reference is {reference!r}; one of {', '.join(map(repr, ready))} is needed."
        )
    if rounds < 3:
        raise ValueError(f"compare: rounds is {rounds}; at least 3 are needed for a median with a spread.")
    for candidate in ready.values():
        for _ in range(warmup):
            _timed(candidate)
    labels = list(ready)
    seconds: dict[str, list[tuple[float, float]]] = {label: [] for label in labels}
    load_before = os.getloadavg()[0]
    for number in range(rounds):
        shift = number % len(labels)
        for label in labels[shift:] + labels[:shift]:
            seconds[label].append(_timed(ready[label]))

    rows = []
    for label in labels:
        cpu, wall = zip(*seconds[label], strict=True)
        base_cpu, base_wall = zip(*seconds[reference], strict=True)
        rows.append({
            "name": label,
            f"{unit}_per_cpu_second": spread([1 / s for s in cpu]),
            f"{unit}_per_wall_second": spread([1 / s for s in wall]),
            "cpu_ratio": spread([a / b for a, b in zip(cpu, base_cpu, strict=True)]),
            "wall_ratio": spread([a / b for a, b in zip(wall, base_wall, strict=True)]),
        })  # fmt: skip
    report = {
        "name": name, "note": note, "unit": unit, "reference": reference, "rounds": rounds,
        "machine": machine(), "load_before_and_after": [load_before, os.getloadavg()[0]], "rows": rows,
    }  # fmt: skip
    write_whole(results / f"{name}.json", json.dumps(report, indent=1) + "\n")
    write_whole(results / f"{name}.md", markdown(report))
    return report


def _timed(candidate: Candidate) -> tuple[float, float]:
    """(processor seconds, wall seconds) per unit of work of one run, garbage collection off."""
    if candidate.prepare is not None:
        candidate.prepare()
    collecting = gc.isenabled()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        candidate.run()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    finally:
        if collecting:
            gc.enable()
    return max(cpu, 1e-9) / candidate.work, max(wall, 1e-9) / candidate.work


def spread(values: list[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def times_as_long(report: Mapping[str, Any], ratio: str) -> str:
    """The candidates other than the reference, as "name **2.00** (1.90 to 2.10); ..."; ratio: a row's key."""
    return "; ".join(
        f"{row['name']} **{row[ratio]['median']:.2f}** ({row[ratio]['min']:.2f} to {row[ratio]['max']:.2f})"
        for row in report["rows"]
        if row["name"] != report["reference"]
    )


def machine() -> dict[str, Any]:
    """What ran it: processor, cores, threads, versions."""
    import torch

    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = (line for line in cpuinfo.read_text().splitlines() if line.startswith("model name"))
        processor = next(lines, f": {processor}").split(": ", 1)[1]
    return {
        "processor": processor, "cores": os.cpu_count(), "threads": torch.get_num_threads(),
        "system": platform.system(), "python": platform.python_version(), "torch": torch.__version__,
    }  # fmt: skip


def markdown(report: Mapping[str, Any]) -> str:
    """The report as a Markdown table with one line above that says what was measured where."""
    unit, here = report["unit"], report["machine"]
    before, after = report["load_before_and_after"]
    lines = [
        f"# {report['name']}", "", report["note"], "",
        f"{here['processor']}, {here['threads']} thread(s) of {here['cores']} cores, torch {here['torch']}, "
        f"{report['rounds']} interleaved rounds, load {before:.1f} to {after:.1f}. "
        f"Ratio: time over that of *{report['reference']}* in the same round, median (min to max).", "",
        f"| | {unit} per CPU second | CPU time ratio | wall time ratio |", "|---|---:|---:|---:|",
    ]  # fmt: skip
    for row in report["rows"]:
        rate = row[f"{unit}_per_cpu_second"]["median"]
        ratios = " | ".join(_ratio(row[key]) for key in ("cpu_ratio", "wall_ratio"))
        lines.append(f"| {row['name']} | {rate:,.{0 if rate >= 100 else 2}f} | {ratios} |")
    return "\n".join(lines) + "\n"


def _ratio(spread: Mapping[str, float]) -> str:
    return f"{spread['median']:.2f} ({spread['min']:.2f} to {spread['max']:.2f})"
