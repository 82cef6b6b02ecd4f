"""Draws a cache with several processes.

Each worker is `python -m course_lib.world.build`, which imports NumPy and Pillow only: neither fork (unsafe
beside torch's threads) nor multiprocessing's spawn (which would run the user's script again) is involved.
If no worker can be started, the same work is done in this process.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course_lib.world import cache
from course_lib.world.config import WorldConfig

SMALL = 1500  # below this many pictures a second process does not pay


def cores() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def progress(length: int, text: str):
    """A progress bar over `length` pictures."""
    from tqdm.auto import tqdm

    return tqdm(total=length, desc=text, unit=" images", leave=False)


def fill_file(path: Path, config: WorldConfig, split: str, length: int, workers: int | None = None) -> None:
    """Draw all pictures into the file, with a progress bar. Raises OSError if the file cannot be written."""
    workers = cores() if workers is None else workers
    if length < SMALL:
        workers = min(workers, 1)
    with progress(length, f"drawing the world ({split})") as bar:
        if workers > 1:
            missing = _fill_with_workers(path, config, split, length, workers, bar.update)
        else:
            missing = [(0, length)]
        for start, stop in missing:
            cache.fill(path, config, split, length, start, stop, bar.update)


def _fill_with_workers(path, config, split, length, workers, report) -> list[tuple[int, int]]:
    """Returns the ranges that no worker finished."""
    edges = [length * k // workers for k in range(workers + 1)]
    ranges = list(itertools.pairwise(edges))
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}
    running: list[tuple[tuple[int, int], subprocess.Popen]] = []
    messages: queue.Queue = queue.Queue()
    missing = []
    try:
        for start, stop in ranges:
            job = {"path": str(path), "config": asdict(config), "split": split, "length": length}
            job |= {"start": start, "stop": stop}
            try:
                worker: Any = subprocess.Popen(
                    [sys.executable, "-m", "course_lib.world.build"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    text=True, env=environment,
                )  # fmt: skip
                worker.stdin.write(json.dumps(job))
                worker.stdin.close()
            except (
                OSError,
                ValueError,
                TypeError,
            ):  # no sys.executable, no processes allowed, worker died at once
                missing.append((start, stop))
                continue
            running.append(((start, stop), worker))
            threading.Thread(target=_listen, args=(worker, messages), daemon=True).start()
        open_pipes = len(running)
        done = dict.fromkeys((id(worker) for _, worker in running), 0)
        while open_pipes:
            sender, count = messages.get()
            if count is None:
                open_pipes -= 1
            else:
                done[sender] += count
                report(count)
        for scope, worker in running:
            if worker.wait() != 0 or done[id(worker)] != scope[1] - scope[0]:
                report(-done[id(worker)])
                missing.append(scope)
    finally:  # also on Ctrl-C: leave no worker behind
        for _, worker in running:
            if worker.poll() is None:
                worker.terminate()
            worker.wait()
            worker.stdout.close()
    return missing


def _listen(worker: subprocess.Popen, messages: queue.Queue) -> None:
    try:
        for line in worker.stdout or ():
            if line.strip().isdigit():
                messages.put((id(worker), int(line)))
    except ValueError:  # closed while reading, after Ctrl-C
        pass
    messages.put((id(worker), None))


def main() -> None:
    """One worker: reads its job as JSON from standard input, prints how many pictures it has drawn."""
    job = json.load(sys.stdin)
    config = WorldConfig(**job["config"])
    cache.fill(
        Path(job["path"]), config, job["split"], job["length"], job["start"], job["stop"],
        lambda count: print(count, flush=True),
    )  # fmt: skip


if __name__ == "__main__":
    main()
