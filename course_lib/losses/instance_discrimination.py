"""Instance discrimination: every image is a class of its own, and its old feature is the class's weight.

Wu et al. 2018, arXiv:1805.01978, equation 2 (the non-parametric softmax).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.fast import FastLogSumExp, can_be_fast
from course_lib.losses.inputs import check_rows, check_temperature, refuse_nan, unit_rows
from course_lib.losses.ranks import mean_over_ranks


def instance_discrimination(features: Tensor, bank: Tensor, own: Tensor, temperature: float = 0.07) -> Tensor:
    """Mean over images of -log softmax(cosine / temperature), over all rows of the bank, at the own row.

    features: (B, D), any scale. bank: (N, D), any scale, one row for each image of the data set: its feature
    when it was last seen. own: (B,) int64, the row of each image, 0 to N - 1. The bank is a constant: no
    gradient reaches it.

    Returns a float32 scalar, ln N when nothing is learned. Raises ValueError if shapes or sizes differ, if
    temperature <= 0, and (on the CPU) if own is no row of the bank or there is NaN in the features
    (NotFiniteError); TypeError if the features are not float or own is not an int64 tensor.
    """
    check_rows("instance_discrimination", "features", features)
    check_rows("instance_discrimination", "bank", bank)
    if bank.shape[1] != features.shape[1]:
        raise ValueError(
            f"instance_discrimination: features has {features.shape[1]} numbers per row but bank has "
            f"{bank.shape[1]}."
        )
    if not isinstance(own, Tensor):
        raise TypeError(
            f"instance_discrimination: own is a {type(own).__name__}; give an int64 tensor of rows."
        )
    if own.dtype != torch.int64:
        raise TypeError(f"instance_discrimination: own is {own.dtype}; give int64 rows of the bank.")
    if own.shape != features.shape[:1]:
        raise ValueError(
            f"instance_discrimination: own is {tuple(own.shape)} for {len(features)} rows of features; "
            f"give ({len(features)},)."
        )
    check_temperature("instance_discrimination", temperature)
    # values are looked at on the CPU only, and not in a compiled graph: see `refuse_nan`
    looked_at = own.device.type == "cpu" and not torch.compiler.is_compiling()
    if looked_at and not (own.min() >= 0 and own.max() < len(bank)):
        raise ValueError(
            f"instance_discrimination: own runs from {int(own.min())} to {int(own.max())}; bank has "
            f"{len(bank)} rows, numbered 0 to {len(bank) - 1}."
        )
    with torch.autocast(features.device.type, enabled=False):
        z, classes = unit_rows(features), unit_rows(bank.detach())
        if can_be_fast(temperature):  # the same number, in half of the time
            every = FastLogSumExp.apply(z, classes, temperature)  # (B,)
            loss = (every - torch.linalg.vecdot(z, classes[own]) / temperature).mean()
        else:
            loss = F.cross_entropy(z @ classes.T / temperature, own)
        loss = mean_over_ranks(loss)
    return refuse_nan("instance_discrimination", loss, features=features, bank=bank)
