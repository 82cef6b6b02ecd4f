"""BatchNorm over parts of a batch, as if each part lay on its own device.

In data-parallel training BatchNorm sees only the images of its own device. That is how MoCo's query and key
can recognise each other: by the statistics they were normalised with (He et al. 2020, section 3.3).
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Grouped(_BatchNorm):
    """In training the batch is cut into runs of B / groups images, each normalised by its own statistics.

    The running averages are updated by every group in turn. In eval mode it is an ordinary BatchNorm.
    """

    groups = 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> the same shape. Raises ValueError if B is not a multiple of groups."""
        if not self.training or self.groups == 1:
            return super().forward(x)
        if len(x) % self.groups:
            raise ValueError(
                f"batch_norm_groups is {self.groups}: a batch of {len(x)} images has no equal groups."
            )
        return torch.cat([super(_Grouped, self).forward(part) for part in x.chunk(self.groups)])


class GroupedBatchNorm1d(_Grouped, nn.BatchNorm1d):
    """BatchNorm1d per group of images; see `group_batch_norm`."""


class GroupedBatchNorm2d(_Grouped, nn.BatchNorm2d):
    """BatchNorm2d per group of images; see `group_batch_norm`."""


def group_batch_norm(module: nn.Module, groups: int) -> nn.Module:
    """Make every BatchNorm inside `module` use statistics per group of B / groups images, in place.

    Weights, running averages and the names in the state_dict stay. groups=1 is the ordinary BatchNorm.
    Returns the module. Raises ValueError for groups below 1.
    """
    if groups < 1:
        raise ValueError(f"batch_norm_groups is {groups}; give 1 (one device) or more.")
    kinds: dict[type, type[_Grouped]] = {
        nn.BatchNorm1d: GroupedBatchNorm1d,
        nn.BatchNorm2d: GroupedBatchNorm2d,
    }
    for part in module.modules():
        if type(part) in kinds and groups > 1:
            part.__class__ = kinds[type(part)]
        if isinstance(part, _Grouped):
            part.groups = groups
    return module
