"""strategy="fsdp": each device keeps a share of every weight, gradient and optimiser moment.

A transformer block is gathered when it computes and forgotten afterwards, so while a run goes on a model,
its teacher and AdamW's moments need one device's memory divided by the number of devices (ZeRO, Rajbhandari
et al. 2020, arXiv:1910.02054). A model without blocks, a ResNet, is gathered as a whole for each step and
saves gradients and moments only. In the end the method is whole again, on every device. The sharding is
PyTorch's `fully_shard`, the strategy Lightning's; here is what connects them with methods, and it runs on
processors as well as on GPUs.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from functools import partial
from typing import Any

import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor

from course_lib.models.attention import Block


class FullySharded(ModelParallelStrategy):
    """Lightning's strategy for sharded models, over all devices, with one checkpoint file for the whole."""

    def __init__(self):
        super().__init__(save_distributed_checkpoint=False)

    def setup_environment(self) -> None:
        """All devices share the data; none shares a layer with another."""
        self._data_parallel_size, self._tensor_parallel_size = self.num_nodes * self.num_processes, 1
        super().setup_environment()

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """The optimiser's state, whole on the first process; asking for it changes nothing.

        Before the first step there is none. PyTorch then takes a step with zero gradients to create it, which
        counts as one of AdamW's steps and puts the weight decay into SGD's momentum, and leaves it there.
        """
        fresh = not optimizer.state
        found = super().optimizer_state(optimizer)
        if fresh:
            getattr(optimizer, "_optimizer", optimizer).state = defaultdict(dict)
            for moments in found.get("state", {}).values():
                moments |= {name: _zero(value) for name, value in moments.items()}
        return found


def copy_to_shard(method: nn.Module) -> nn.Module:
    """A copy of `method` that Lightning will shard. The original stays whole: see `bring_back`."""
    learner: Any = copy.deepcopy(method)
    learner.to(memory_format=torch.contiguous_format)  # channels-last kernels cannot be cut
    learner.configure_model = partial(_shard, learner)  # called by Lightning
    return learner


def bring_back(learner: nn.Module, method: nn.Module) -> None:
    """Put the whole of a sharded method's weights and buffers into `method`, on every process."""
    whole = method.state_dict()
    for name, value in learner.state_dict().items():  # one after the other: only one is there twice
        whole[name].copy_(value.full_tensor() if isinstance(value, DTensor) else value)


def _shard(method) -> None:
    mesh = method.device_mesh["data_parallel"]
    for module in list(method.modules()):
        if isinstance(module, Block):
            fully_shard(module, mesh=mesh)
    # an encoder without registers holds a parameter of no elements, which cannot be cut
    empty = {parameter for parameter in method.parameters() if parameter.numel() == 0}
    fully_shard(method, mesh=mesh, ignored_params=empty)
    register_fsdp_forward_method(method, "training_step")  # Lightning does not call forward


def _zero(value: Any) -> Any:
    return torch.zeros_like(value) if isinstance(value, torch.Tensor) else value
