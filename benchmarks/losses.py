"""Losses, forward and backward: ours, lightly, and for the contrastive ones two textbook formulations.

Run: python benchmarks/losses.py [--rounds 15]

Features (B, 128) float32, one thread. "masked cross-entropy" is one similarity matrix, its diagonal filled
with -inf, then torch's cross_entropy (for a queue: positive and negatives glued into one matrix of logits).
"exponentials" is the same matrix exponentiated and summed with masks; it overflows at low temperature.
DINO and SwAV get 2 large and 6 small crops with 1024 prototypes; lightly's DINO also moves its centre. iBOT
gets 8 patches of each image with 1024 prototypes, 30 % of them masked; lightly's is handed the masked ones.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from harness import RESULTS, compare, machine, times_as_long
from lightly.loss import (
    BarlowTwinsLoss,
    DINOLoss,
    IBOTPatchLoss,
    KoLeoLoss,
    NegativeCosineSimilarity,
    NTXentLoss,
    SwaVLoss,
    VICRegLoss,
)
from torch import Tensor

from course_lib.files import write_whole
from course_lib.losses import (
    barlow_twins,
    byol,
    dino,
    ibot,
    info_nce,
    koleo,
    moco,
    nt_xent,
    simsiam,
    swav,
    vicreg,
)

BATCHES, SIZE, QUEUE, CROPS, PROTOTYPES = (256, 512, 1024), 128, 4096, 8, 1024
OURS = "course_lib"


def masked_cross_entropy(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    rows = torch.arange(len(z))
    similarity = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))
    return F.cross_entropy(similarity, rows.roll(len(z1)))


def exponentials(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    e = torch.exp(z @ z.T / temperature)
    image = torch.arange(len(z1)).repeat(2)
    same = image[:, None] == image
    others = ~torch.eye(len(z), dtype=torch.bool)
    return -torch.log((e * (same & others)).sum(1) / (e * others).sum(1)).mean()


def batch_cross_entropy(query: Tensor, positive: Tensor, temperature: float = 0.1) -> Tensor:
    logits = F.normalize(query, dim=1) @ F.normalize(positive, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(query)))


def batch_exponentials(query: Tensor, positive: Tensor, temperature: float = 0.1) -> Tensor:
    e = torch.exp(F.normalize(query, dim=1) @ F.normalize(positive, dim=1).T / temperature)
    return -torch.log(e.diagonal() / e.sum(1)).mean()


def queue_cross_entropy(query: Tensor, key: Tensor, queue: Tensor, temperature: float = 0.07) -> Tensor:
    """The queue's rows must be normalised already; ours does not ask for that."""
    q, k = F.normalize(query, dim=1), F.normalize(key, dim=1).detach()
    positive = torch.einsum("nc,nc->n", q, k).unsqueeze(1)
    logits = torch.cat([positive, q @ queue.T], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


def steps(batch: int) -> dict[str, dict[str, Callable[[], None]]]:
    """loss -> implementation -> one forward and backward on the same features."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(batch, SIZE, generator=generator).requires_grad_() for _ in range(2))
    queue = F.normalize(torch.randn(QUEUE, SIZE, generator=generator), dim=1)
    bank = NTXentLoss(0.07, memory_bank_size=(QUEUE, SIZE))

    def step(loss: Callable[..., Tensor], *inputs: Tensor) -> Callable[[], None]:
        def run() -> None:
            a.grad = b.grad = None
            loss(*inputs).backward()

        return run

    return {
        "nt_xent": {
            OURS: step(nt_xent, a, b),
            "lightly": step(NTXentLoss(0.5), a, b),
            "masked cross-entropy": step(masked_cross_entropy, a, b),
            "exponentials": step(exponentials, a, b),
        },
        "info_nce": {
            OURS: step(info_nce, a, b), "cross-entropy": step(batch_cross_entropy, a, b),
            "exponentials": step(batch_exponentials, a, b),
        },
        f"moco, queue of {QUEUE}": {
            OURS: step(moco, a, b.detach(), queue),
            "lightly, with its bank's update": step(bank, a, b.detach()),
            "glued cross-entropy": step(queue_cross_entropy, a, b.detach(), queue),
        },
    }  # fmt: skip


def steps_without_negatives(batch: int) -> dict[str, dict[str, Callable[[], None]]]:
    """The same for the losses that need no negatives."""
    generator = torch.Generator().manual_seed(0)
    pair = [torch.randn(batch, SIZE, generator=generator).requires_grad_() for _ in range(2)]
    target = pair[1].detach()
    unit = F.normalize(torch.randn(CROPS, batch, PROTOTYPES, generator=generator), dim=2)
    scores = [crop.clone().requires_grad_() for crop in unit]
    center, teacher = torch.zeros(PROTOTYPES), list(unit[:2])
    lightlys_dino, lightlys_swav, lightlys_ibot = DINOLoss(PROTOTYPES), SwaVLoss(), IBOTPatchLoss(PROTOTYPES)
    cosine, targets = NegativeCosineSimilarity(), [view.detach() for view in pair]
    patches = unit.transpose(0, 1).contiguous().requires_grad_()  # (B, 8, K)
    seen = unit.flip(0).transpose(0, 1).contiguous()
    mask = torch.rand(batch, CROPS, generator=generator) < 0.3

    def step(loss: Callable[[], Tensor]) -> Callable[[], None]:
        def run() -> None:
            for leaf in (*pair, *scores, patches):
                leaf.grad = None
            loss().backward()

        return run

    return {
        "byol": {
            OURS: step(lambda: byol(pair[0], target)),
            "lightly": step(lambda: NegativeCosineSimilarity()(pair[0], target)),
        },
        "simsiam": {
            OURS: step(lambda: simsiam(pair[0], pair[1], pair[1], pair[0])),
            "lightly": step(lambda: (cosine(pair[0], targets[1]) + cosine(pair[1], targets[0])) / 2),
        },
        "ibot": {
            OURS: step(lambda: ibot(patches, seen, mask, center)),
            "lightly": step(lambda: lightlys_ibot(seen[mask], patches[mask], mask.view(batch, 2, -1))),
        },
        "barlow_twins": {
            OURS: step(lambda: barlow_twins(*pair)), "lightly": step(lambda: BarlowTwinsLoss()(*pair)),
        },
        "vicreg": {OURS: step(lambda: vicreg(*pair)), "lightly": step(lambda: VICRegLoss()(*pair))},
        "koleo": {OURS: step(lambda: koleo(pair[0])), "lightly": step(lambda: KoLeoLoss()(pair[0]))},
        "dino": {
            OURS: step(lambda: dino(torch.stack(scores), unit[:2], center)),
            "lightly": step(lambda: lightlys_dino(teacher, scores)),
        },
        "swav": {
            OURS: step(lambda: swav(scores)),
            "lightly": step(lambda: lightlys_swav(scores[:2], scores[2:])),
        },
    }  # fmt: skip


def main(rounds: int = 15, results: Path = RESULTS) -> str:
    """Run all comparisons on one thread, write results/losses.json and losses.md, return the table."""
    torch.set_num_threads(1)
    reports = []
    with tempfile.TemporaryDirectory() as scratch:
        for batch in BATCHES:
            for loss, candidates in {**steps(batch), **steps_without_negatives(batch)}.items():
                report = compare(loss, candidates, reference=OURS, rounds=rounds, results=Path(scratch))
                reports.append({"loss": loss, "batch": batch, **report})
    table = markdown(reports, rounds)
    write_whole(results / "losses.json", json.dumps(reports, indent=1) + "\n")
    write_whole(results / "losses.md", table)
    return table


def markdown(reports: list[dict], rounds: int) -> str:
    """One line per loss and batch size: milliseconds of ours, and how many times as long the others take."""
    here = machine()
    loads = [load for report in reports for load in report["load_before_and_after"]]
    where = (
        f"{here['processor']}, {here['threads']} thread(s) of {here['cores']} cores, torch {here['torch']}"
    )
    lines = [
        "# losses",
        "",
        f"Forward and backward, features (B, {SIZE}) float32. {where}, {rounds} interleaved rounds, load "
        f"{min(loads):.1f} to {max(loads):.1f}. Processor time over that of course_lib in the same round, "
        "median (min to max); above 1 means that course_lib is faster.",
        "",
        "| loss | B | course_lib, CPU ms | others, times as long |",
        "|---|---:|---:|---|",
    ]
    for report in reports:
        rows = {row["name"]: row for row in report["rows"]}
        milliseconds = 1000 / rows[OURS]["calls_per_cpu_second"]["median"]
        others = times_as_long(report, "cpu_ratio")
        lines.append(f"| {report['loss']} | {report['batch']} | {milliseconds:.2f} | {others} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    print(main(parser.parse_args().rounds))
