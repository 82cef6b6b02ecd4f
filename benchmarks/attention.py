"""What it costs to see: `attention_maps` of the last layer beside a plain fused forward pass.

Run: python benchmarks/attention.py

ViT-S/16 (random weights), one image, float32, one thread: this course's and timm's, at 224 and 480 px. Peak
memory: live tensors that PyTorch's profiler saw at once during one call, weights not counted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from harness import RESULTS, compare

from course_lib.files import write_whole
from course_lib.models import VisionTransformer
from course_lib.viz import attention_maps

SIZES = (224, 480)


def peak(run: Callable[[], object]) -> int:
    """Most bytes of tensors that were alive at once, beyond those before the call."""
    run()
    activity = torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[activity], profile_memory=True) as profile:
        kept = run()
    del kept
    held = highest = 0
    changes = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    for change in sorted(changes, key=lambda e: e.start_ns()):
        held += change.nbytes()
        highest = max(highest, held)
    return highest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    models = {
        "course": VisionTransformer(224, 16, 384, 12, 6).eval(),
        "timm": timm.create_model("vit_small_patch16_224", dynamic_img_size=True, num_classes=0).eval(),
    }
    memory = {}
    for library, model in models.items():
        for size in SIZES:
            images = torch.rand(1, 3, size, size)

            @torch.no_grad()
            def plain(model=model, images=images) -> torch.Tensor:
                return model(images)

            def last(model=model, images=images) -> torch.Tensor:
                return attention_maps(model, images)

            name = f"attention_{library}_{size}"
            report = compare(
                name,
                {"fused forward": plain, "attention_maps, last layer": last},
                reference="fused forward",
                unit="images",
                rounds=given.rounds,
                note=f"ViT-S/16 of {library}, one image of {size} x {size}, float32.",
                results=given.out,
            )
            times = report["rows"][1]["cpu_ratio"]
            bytes_plain, bytes_last = peak(plain), peak(last)
            memory[f"{library} {size}"] = {
                "forward_bytes": bytes_plain,
                "maps_bytes": bytes_last,
                "ratio": bytes_last / bytes_plain,
            }
            print(
                f"{library} {size}: CPU time {times['median']:.3f} ({times['min']:.3f} to {times['max']:.3f})"
                f", peak {bytes_last / 1e6:.1f} MB, {bytes_last / bytes_plain:.2f} x the forward's",
                flush=True,
            )
    write_whole(given.out / "attention_memory.json", json.dumps(memory, indent=1) + "\n")


if __name__ == "__main__":
    main()
