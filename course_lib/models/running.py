"""Running a network to look at it: on its own device, and without leaving a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def in_eval_mode(network: object) -> Iterator[None]:
    """No dropout, no running averages; afterwards every module is in its own mode again.

    network: a module; anything else has no modes and passes.
    """
    modules = network.modules() if isinstance(network, nn.Module) else ()
    training = [module for module in modules if module.training]
    for module in training:  # eval() would visit every module, some per cent of a pass
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def device_of(network: object) -> torch.device:
    """Where a module's weights lie; the CPU for everything else."""
    weights = network.parameters() if isinstance(network, nn.Module) else iter(())
    return next((weight.device for weight in weights), torch.device("cpu"))
