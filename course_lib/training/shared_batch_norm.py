"""BatchNorm over the joint batch of all devices, so that several devices train as one would.

torch.nn.SyncBatchNorm does the same on GPUs and refuses a CPU; this one runs on both, and is tested on two
processes without a GPU.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from course_lib.losses.ranks import gather_rows, world_size


class _Shared(_BatchNorm):
    """Mean and variance of the joint batch in training. In eval mode, or alone, an ordinary BatchNorm."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> the same shape; all ranks must hold equally many images."""
        if not self.training or world_size() == 1:
            return super().forward(x)
        dims = [0, *range(2, x.ndim)]
        with torch.autocast(x.device.type, enabled=False):
            values = x.float()
            # two passes: E[x^2] - E[x]^2 would lose digits where the mean is large
            mean = gather_rows(values.mean(dims)[None]).mean(dim=0)  # (C,), gradient from all ranks
            centred = values - self._over_channels(mean, x)
            variance = gather_rows(centred.square().mean(dims)[None]).mean(dim=0)
            if self.track_running_stats:
                self._remember(mean, variance, world_size() * x.numel() // x.shape[1])
            y = centred * self._over_channels((variance + self.eps).rsqrt(), x)
            if self.affine:
                y = y * self._over_channels(self.weight, x) + self._over_channels(self.bias, x)
        return y.to(x.dtype)

    @staticmethod
    def _over_channels(values: Tensor, x: Tensor) -> Tensor:
        return values.view(1, -1, *[1] * (x.ndim - 2))

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, number: int) -> None:
        """The running averages, the variance unbiased, as in PyTorch's own BatchNorm."""
        tracked, running_mean, running_var = self.num_batches_tracked, self.running_mean, self.running_var
        assert tracked is not None
        assert running_mean is not None
        assert running_var is not None
        tracked.add_(1)
        rate = 1 / float(tracked) if self.momentum is None else self.momentum
        running_mean.lerp_(mean.to(running_mean.dtype), rate)
        running_var.lerp_((variance * number / (number - 1)).to(running_var.dtype), rate)


class SharedBatchNorm1d(_Shared, nn.BatchNorm1d):
    """BatchNorm1d over all devices; see `share_batch_norm`."""


class SharedBatchNorm2d(_Shared, nn.BatchNorm2d):
    """BatchNorm2d over all devices; see `share_batch_norm`."""


def share_batch_norm(module: nn.Module) -> nn.Module:
    """Make every plain BatchNorm inside `module` use the joint batch of all devices, in place.

    Weights, running averages and the names in the state_dict stay. One with groups (`group_batch_norm`) is
    left alone: it is there to be normalised in parts.
    """
    kinds: dict[type, type] = {nn.BatchNorm1d: SharedBatchNorm1d, nn.BatchNorm2d: SharedBatchNorm2d}
    for part in module.modules():
        if type(part) in kinds:
            part.__class__ = kinds[type(part)]
    return module
