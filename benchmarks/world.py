"""How fast the world is drawn: images a second on one core, and 20,000 scenes into a fresh cache.

    course bench world

Adds a run to benchmarks/results/world.json. Times are processor time for one core, wall time for the
cache. One core is measured in short slices: the fastest slice says what the code costs, the median also
what the neighbours on a shared machine take from its caches and clock.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time

from harness import RESULTS, machine, spread

from course_lib.files import write_whole
from course_lib.world import World, WorldConfig, WorldDataset

SLICES, IMAGES, CACHED = 40, 250, 20_000


def main() -> None:
    load = os.getloadavg()[0]
    world = World(WorldConfig())
    for index in range(200):  # fills what is drawn once: masks, noise fields
        world.image(world.scene(index))
    rates, seconds = [], []
    for number in range(SLICES):
        began = time.process_time()
        for index in range(number * IMAGES, (number + 1) * IMAGES):
            world.image(world.scene(index))
        rates.append(IMAGES / (time.process_time() - began))
    print(f"one core, images/s: median {statistics.median(rates):,.0f}, best {max(rates):,.0f}", flush=True)
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            WorldDataset(WorldConfig(), "train", CACHED, cache=folder)
            seconds.append(time.perf_counter() - began)
        print(f"{CACHED:,} scenes cached in {seconds[-1]:.1f} s", flush=True)
    result = {
        "machine": machine(),
        "load_before": load,
        "images_per_second": spread(rates),
        "cache_seconds": spread(seconds),
        "cached": CACHED,
    }
    file = RESULTS / "world.json"
    runs = json.loads(file.read_text())["runs"] if file.is_file() else []
    write_whole(file, json.dumps({"name": "world", "runs": [*runs, result]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
