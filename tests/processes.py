"""Processes that train together: one function on every rank, what each returned in rank order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

RANKS = 2


def on_ranks(work: Callable[[int], Any], folder: Path, port: int) -> list:
    """`work(rank)` in RANKS processes joined by gloo; what each returned, in rank order.

    work: a function of a module, as a new process has to find it; what it returns passes through `folder`.
    """
    mp.spawn(_one_rank, args=(work, folder, port), nprocs=RANKS)
    return [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]


def _one_rank(rank: int, work: Callable[[int], Any], folder: Path, port: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=RANKS)
    torch.save(work(rank), folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()
