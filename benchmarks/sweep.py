"""A sweep that can be stopped and started again: jobs in, one record each, a complete file at every moment.

A job is a dict of settings. It is done when the file holds a record with the same values.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pandas
import torch
from harness import machine

from course_lib import fit
from course_lib.evaluate import t_interval
from course_lib.files import write_whole
from course_lib.training.choice import has_fast_bf16


def read(path: Path) -> list[dict]:
    return json.loads(path.read_text())["records"] if path.is_file() else []


def append(path: Path, record: dict) -> None:
    """Add one record."""
    lines = ",\n".join("  " + json.dumps(one) for one in [*read(path), record])
    write_whole(path, '{"records": [\n' + lines + "\n]}\n")


def is_done(job: dict, records: list[dict]) -> bool:
    return any(all(record.get(key, ()) == value for key, value in job.items()) for record in records)


def finished(began: float) -> dict:
    """What every record ends with: how long it took, when, at which commit and on what processor."""
    seconds = round(time.perf_counter() - began, 1)
    when = time.strftime("%Y-%m-%d %H:%M")
    return {"seconds": seconds, "finished": when, "commit": commit(), "machine": machine()["processor"]}


def commit() -> str:
    """The checkout's commit, with "+" when tracked files differ from it; "unknown" outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD"], capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.returncode else "")


def gains(records: list[dict], metrics: Sequence[str]) -> pandas.DataFrame:
    """One row per encoder and method: mean of each metric over the seeds, and the gain of the linear probe
    over the untrained encoder of the same seed, with its 95 % interval (low, high) from two seeds on.
    """
    table = pandas.DataFrame(records)
    rows = []
    for (family, name), part in table.groupby(["family", "method"], sort=False):
        base = table[(table.family == family) & (table.method == "random")].set_index("seed")["linear"]
        gained = (part.set_index("seed")["linear"] - base).dropna()
        row = {"encoder": family, "method": name, "seeds": len(part)}
        row |= {m: part[m].mean() if m in part else float("nan") for m in metrics}
        row |= {"gain": gained.mean(), "low": float("nan"), "high": float("nan")}
        if len(gained) > 1 and name != "random":
            interval = t_interval(gained.tolist())
            row |= {"low": interval.low, "high": interval.high}
        rows.append(row)
    return pandas.DataFrame(rows).sort_values(["encoder", "linear"], ascending=[True, False])


def gain_text(row) -> str:
    """A row's gain as in a table: "+3.1 (+2.0 to +4.2)", or "-" for the random encoder itself."""
    band = f" ({row.low:+.1f} to {row.high:+.1f})" if row.low == row.low else ""
    return "-" if row.method == "random" else f"{row.gain:+.1f}{band}"


def origin(records: list[dict]) -> dict[str, str]:
    """The commits and processors that records come from, for the columns of a table."""
    keys = ("commit", "machine")
    return {key: ", ".join(sorted({str(one.get(key) or "not recorded") for one in records})) for key in keys}


def write_tables(out: Path, table: pandas.DataFrame, text: str) -> None:
    """The table beside its records: OUT.csv to compute with, OUT.md to read."""
    write_whole(out.with_suffix(".csv"), table.round(3).to_csv(index=False))
    write_whole(out.with_suffix(".md"), text)


def quiet_fit(method, images, steps: int, batch: int, seed: int):
    """A run without display and without a measurement, so that a busy moment decides nothing."""
    precision = "bf16" if has_fast_bf16(torch.device("cpu")) else "float32"
    with tempfile.TemporaryDirectory() as folder:
        return fit(
            method, images, steps=steps, batch_size=batch, seed=seed, folder=folder, show=False,
            precision=precision, channels_last=True,
        )  # fmt: skip


def arguments(about: str, file: Path, only: str, images: int | None = None) -> argparse.Namespace:
    """The command line of a sweep: seeds, only, workers, out, smoke. only: what its names are names of.

    images: the budget of a sweep that can be given another one.
    """
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--only", nargs="+", help=f"names of {only}")
    if images is not None:
        options.add_argument(
            "--images", type=int, default=images, help=f"that a run sees (default: {images})"
        )
    options.add_argument("--workers", type=int, default=os.cpu_count())
    options.add_argument("--out", type=Path, default=file)
    options.add_argument("--smoke", action="store_true", help="a hundredth of the steps; give --out as well")
    given = options.parse_args()
    if given.smoke and given.out == file:
        options.error("--smoke must not write into the results; give --out FILE.")
    given.error = options.error
    return given


def follow_parent() -> None:
    """End this worker when the sweep ends, however it ends."""
    wait = multiprocessing.parent_process().join
    threading.Thread(target=lambda: (wait(), os._exit(1)), daemon=True).start()


def sweep(jobs: list[dict], run: Callable[..., dict], out: Path, workers: int | None, *more) -> None:
    """Run what `out` does not hold yet, `run(job, *more)` in `workers` processes of one thread each."""
    waiting = [job for job in jobs if not is_done(job, read(out))]
    print(f"{len(jobs)} runs, {len(jobs) - len(waiting)} of them already in {out}", flush=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=follow_parent)
    try:
        futures = {pool.submit(run, job, *more): job for job in waiting}
        for number, future in enumerate(as_completed(futures), 1):
            record = future.result()
            append(out, record)
            settings = " ".join(f"{key}={value}" for key, value in futures[future].items())
            accuracy, seconds = record["accuracy"], record["seconds"]
            print(f"{number}/{len(waiting)} {settings}: {accuracy:.3f}, {seconds} s", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)


def sweep_to_tables(
    jobs: list[dict],
    run: Callable[..., dict],
    given: argparse.Namespace,
    summary: Callable[[list[dict]], pandas.DataFrame],
    markdown: Callable[[pandas.DataFrame], str],
) -> None:
    """`sweep` as `arguments` ask for it; the tables are written at its end, and when it is stopped."""
    try:
        sweep(jobs, run, given.out, given.workers, *([100] if given.smoke else []))
    finally:
        records = read(given.out)
        if records:
            table = summary(records)
            for key, value in origin(records).items():
                if key not in table:
                    table[key] = value
            write_tables(given.out, table, markdown(table))
