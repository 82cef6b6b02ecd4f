"""A sweep that can be stopped and started again: jobs in, one record each, a complete file at every moment.

A job is a dict of settings. It is done when the file holds a record with the same values.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from harness import machine, write_atomically

from course_lib import fit
from course_lib.training.choice import has_fast_bf16


def read(path: Path) -> list[dict]:
    return json.loads(path.read_text())["records"] if path.is_file() else []


def append(path: Path, record: dict) -> None:
    """Add one record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join("  " + json.dumps(one) for one in [*read(path), record])
    write_atomically(path, '{"records": [\n' + lines + "\n]}\n")


def is_done(job: dict, records: list[dict]) -> bool:
    return any(all(record.get(key, ()) == value for key, value in job.items()) for record in records)


def finished(began: float) -> dict:
    """What every record ends with: how long it took, when, and on what processor."""
    seconds = round(time.perf_counter() - began, 1)
    when = time.strftime("%Y-%m-%d %H:%M")
    return {"seconds": seconds, "finished": when, "machine": machine()["processor"]}


def quiet_fit(method, images, steps: int, batch: int, seed: int):
    """A run without display and without a measurement, so that a busy moment decides nothing."""
    precision = "bf16" if has_fast_bf16(torch.device("cpu")) else "float32"
    with tempfile.TemporaryDirectory() as folder:
        return fit(
            method, images, steps=steps, batch_size=batch, seed=seed, folder=folder, show=False,
            precision=precision, channels_last=True,
        )  # fmt: skip


def arguments(about: str, file: Path, only: str) -> argparse.Namespace:
    """The command line of a sweep: seeds, only, workers, out, smoke. only: what its names are names of."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--only", nargs="+", help=f"names of {only}")
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
