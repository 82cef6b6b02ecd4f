"""What grading one submission costs over a bare kernel, and how large the grader gets when it is flooded.

Run: python benchmarks/grading.py [--rounds N]      (the sandbox needs Debian's bubblewrap)

The same cells (numpy, two small answers, their values) run in three ways, one after the other in each round:
in a bare kernel through jupyter_client, graded without walls, graded behind walls. Processor time is that of
all processes that were started. Then one submission floods the grader in every way of the tests, and the peak
memory of the process that listens to the kernel is noted. Written to results/grading.json and grading.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable

from harness import RESULTS, machine, spread
from jupyter_client.manager import start_new_kernel

from course_lib.files import write_whole
from course_lib.grading.running import isolation, run
from course_lib.grading.walls import sandbox

BUNDLE = {"lab": "none", "version": "", "exercises": {}}
SHOW = "display({'application/vnd.ssl-course.values+json': {'values': [f(n) for n in range(6)]}}, raw=True)"
CELLS = [
    ("setup", None, "import numpy as np\nfrom IPython.display import display"),
    ("answer", "a", "def f(n): return float(np.arange(n + 1).mean())"),
    ("emit", "a", SHOW),
    ("answer", "b", "def f(n): return float(np.linalg.norm(np.ones(n + 1)))"),
    ("emit", "b", SHOW),
]
FLOODS = {
    "endless print": "while True: print('x' * 100_000)",
    "one print of 200 MB": "print('x' * 200_000_000)",
    "html of 100 MB": "import IPython.display as d\nd.display(d.HTML('x' * 100_000_000))",
    "10 000 displays": "for n in range(10_000): display(n)",
    "one message in 400 parts of 4 MB": "k = get_ipython().kernel\n"
    "k.session.send(k.iopub_socket, 'stream', {}, buffers=[bytes(4_000_000)] * 400)\n"
    "import time; time.sleep(60)",
}


def work(cells: list[tuple[str, str | None, str]]) -> list[dict]:
    return [
        {"role": role, "exercise": exercise, "source": source, "timeout_s": 120.0}
        for role, exercise, source in cells
    ]


def bare() -> None:
    """A kernel, the cells, the end: what nothing can do without."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        for _, _, source in CELLS:
            client.execute_interactive(source, store_history=False, output_hook=lambda message: None)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def graded(provisioner: str | None) -> None:
    """The same cells as the grader runs them."""
    result = run.run(work(CELLS), BUNDLE, provisioner=provisioner, isolation="benchmark")
    assert [line["status"] for line in result.lines] == ["ok"] * len(CELLS), result


def timed(action: Callable[[], None]) -> tuple[float, float]:
    """(wall seconds, processor seconds of this process and all that it started)."""
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    cpu = sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)
    wall = time.perf_counter()
    action()
    wall = time.perf_counter() - wall
    return wall, sum(sum(resource.getrusage(kind)[:2]) for kind in kinds) - cpu


def flooded(source: str) -> tuple[str, float]:
    """(status of the flooding cell, peak memory of the listening process in MB)."""
    cells = [("setup", None, "from IPython.display import display"), ("answer", "a", source)]
    result = run.run(work(cells), BUNDLE, provisioner=sandbox.NAME, isolation="benchmark")
    return result.of("answer", "a")["status"], result.driver / 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=7)
    rounds = options.parse_args().rounds
    os.chdir(tempfile.mkdtemp(prefix="course-benchmark-"))
    os.environ["OMP_NUM_THREADS"] = "1"
    ways: dict[str, Callable[[], None]] = {
        "bare kernel": bare, "graded, no walls": lambda: graded(None),
        "graded, walls": lambda: graded(sandbox.NAME),
    }  # fmt: skip
    if isolation.best()[0] is None:
        raise SystemExit(f"grading: {isolation.best()[2]}")
    for action in ways.values():
        action()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    load = os.getloadavg()[0]
    for number in range(rounds):
        names = list(ways)
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            seconds[name].append(timed(ways[name]))
            print(f"round {number + 1}: {name} {seconds[name][-1][0]:.2f} s", flush=True)
    rows = []
    for name in ways:
        pairs = list(zip(seconds[name], seconds["bare kernel"], strict=True))
        rows.append({
            "name": name,
            "wall_seconds": spread([one[0] for one, _ in pairs]),
            "cpu_seconds": spread([one[1] for one, _ in pairs]),
            "wall_over_bare": spread([one[0] - base[0] for one, base in pairs]),
            "cpu_over_bare": spread([one[1] - base[1] for one, base in pairs]),
            "wall_ratio": spread([one[0] / base[0] for one, base in pairs]),
        })  # fmt: skip
    floods = {name: flooded(source) for name, source in FLOODS.items()}
    report = {
        "name": "grading", "rounds": rounds, "machine": machine(), "rows": rows,
        "load_before_and_after": [load, os.getloadavg()[0]],
        "floods": {name: {"status": s, "driver_mb": mb} for name, (s, mb) in floods.items()},
    }  # fmt: skip
    write_whole(RESULTS / "grading.json", json.dumps(report, indent=1) + "\n")
    write_whole(RESULTS / "grading.md", markdown(report))
    print(markdown(report))


def markdown(report: dict) -> str:
    here, (before, after) = report["machine"], report["load_before_and_after"]
    lines = [
        "# grading", "",
        f"{here['processor']}, {here['cores']} cores, {report['rounds']} interleaved rounds, "
        f"load {before:.1f} to {after:.1f}; medians (min to max).", "",
        "| one submission | wall s | processor s | wall s over bare | processor s over bare | wall ratio |",
        "|---|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    keys = ("wall_seconds", "cpu_seconds", "wall_over_bare", "cpu_over_bare", "wall_ratio")
    for row in report["rows"]:
        cells = [f"{row[k]['median']:.2f} ({row[k]['min']:.2f} to {row[k]['max']:.2f})" for k in keys]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    lines += ["", "| flood | ends as | peak memory of the listener, MB |", "|---|---|---:|"]
    lines += [f"| {n} | {f['status']} | {f['driver_mb']:.0f} |" for n, f in report["floods"].items()]
    largest = max(flood["driver_mb"] for flood in report["floods"].values())
    middle = statistics.median(flood["driver_mb"] for flood in report["floods"].values())
    lines += ["", "The processor time of a kernel that dies with its namespace is not counted by the system."]
    return "\n".join([*lines, "", f"Largest {largest:.0f} MB, median {middle:.0f} MB.", ""])


if __name__ == "__main__":
    main()
