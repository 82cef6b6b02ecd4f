"""A large batch on one small device: the network sees it in chunks, the loss sees it whole."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def in_chunks(network: Callable[[Tensor], Tensor], images: Tensor, chunk: int | None) -> Tensor:
    """network(images), computed `chunk` rows at a time, with the gradient of the whole batch.

    Of each chunk only the output is kept; on the way back it is computed again, so memory holds the
    activations of one chunk, at the price of a second forward pass. The loss compares all rows, as it must:
    splitting the *loss* would give every image fewer negatives (Gao et al. 2021, arXiv:2101.06983, gradient
    cache). Exact for a network without BatchNorm; with it every chunk is normalised by its own statistics, as
    a device of its own would do, and running averages move twice. chunk None: all at once.
    Raises ValueError for a chunk below 1.
    """
    if chunk is not None and chunk < 1:
        raise ValueError(f"in_chunks: chunk={chunk}; give at least 1 image, or None for all at once.")
    if chunk is None or chunk >= len(images):
        return network(images)
    return torch.cat([checkpoint(network, part, use_reentrant=False) for part in images.split(chunk)])
