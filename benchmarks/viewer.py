"""From a click to new pixels: the attention viewer in JupyterLab, in a real Chromium.

Run: python benchmarks/viewer.py        (needs Debian's chromium)

A click is timed from the event until the viewer has drawn, and until the frame that shows it was painted. In
the browser: a query patch of the picture on the screen. Through the kernel: a picture that was not asked for
before, which Python reads with each model. One model, and three side by side. Nothing: how long a frame takes
when nothing is drawn. Frames are not held to 60 a second here, where a click would wait another 8 ms on
average for the screen. Written to results/viewer.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from harness import RESULTS, machine

from course_lib.files import write_whole

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "browser"))
from lab_page import LabPage, serve, started_chromium

NOTEBOOK = "labs/viewer.ipynb"
UNCAPPED = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
CELL = """from course_lib import checkpoints, data, viz
scenes = data.load_dense("test", 40)
models = {name: checkpoints.load(f"{name}_vit") for name in ("dino", "supervised", "random")[:NUMBER]}
viz.AttentionViewer(models, scenes.images, scenes.masks)"""
TIMED = """async ([act, number]) => {
  const host = document.querySelector('[data-drawn]'), canvas = host.querySelector('canvas[tabindex]');
  const before = host.dataset.drawn, start = performance.now();
  if (act === 'click') {
    const box = canvas.getBoundingClientRect(), at = (number * 7) % 36;
    const clientX = box.left + (at % 6 + 0.5) / 6 * box.width;
    const clientY = box.top + (Math.floor(at / 6) + 0.5) / 6 * box.height;
    canvas.dispatchEvent(new PointerEvent('pointerdown', {clientX, clientY, bubbles: true}));
  } else if (act === 'image') {
    const select = host.querySelector('select');
    select.value = String(number);
    select.dispatchEvent(new Event('change', {bubbles: true}));
  }
  while (act !== 'nothing' && host.dataset.drawn === before) await new Promise(done => setTimeout(done, 0));
  const drawn = performance.now() - start;
  // a message sent inside a frame's callback arrives when that frame has been painted
  await new Promise(done => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  }));
  return [drawn, performance.now() - start];
}"""


def measured(rounds: int, models: int) -> dict[str, list[list[float]]]:
    """Milliseconds (until drawn, until painted) of every click and of every new picture."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        (root / "labs" / "source").mkdir(parents=True)
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(CELL.replace("NUMBER", str(models)))]
        )
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, root / NOTEBOOK)
        (Path(folder) / "server").mkdir()
        with (
            serve(root, Path(folder) / "server", notebook=NOTEBOOK) as server,
            started_chromium(*UNCAPPED) as chromium,
        ):
            page = chromium.new_page(viewport={"width": 1500, "height": 1100})
            LabPage(page, server, NOTEBOOK).run_all(120)
            page.wait_for_selector("[data-drawn]", timeout=120_000)
            page.wait_for_timeout(2000)  # the page settles; nothing is timed here
            for number in range(1, 6):
                page.evaluate(TIMED, ["click", number])
            return {
                "nothing": [page.evaluate(TIMED, ["nothing", n]) for n in range(rounds)],
                "in the browser": [page.evaluate(TIMED, ["click", n]) for n in range(rounds)],
                "through the kernel": [page.evaluate(TIMED, ["image", n]) for n in range(1, min(rounds, 39))],
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=36)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    report: dict = {"name": "viewer", "machine": machine(), "unit": "milliseconds"}
    for models in (1, 3):
        for what, values in measured(given.rounds, models).items():
            name = f"{what}, {models} model{'s' if models > 1 else ''}"
            report[name] = {"n": len(values)}
            for moment, column in zip(("drawn", "painted"), zip(*values, strict=True), strict=True):
                ordered = sorted(column)
                found = {
                    "median": statistics.median(ordered),
                    "min": ordered[0],
                    "p90": ordered[int(0.9 * (len(ordered) - 1))],
                }
                report[name][moment] = {key: round(value, 2) for key, value in found.items()}
            print(name, report[name], flush=True)
    write_whole(given.out / "viewer.json", json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
