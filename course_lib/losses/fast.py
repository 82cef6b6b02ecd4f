"""The parts of losses, most of them of InfoNCE, on which time is spent, written as their own backward passes.

Each says which plain expression it equals; tests hold value and gradient together. What is saved is walks
over the (B, K) matrix of scores: cosines are at most 1, so 1/T is a safe shift for every exponential and no
row maximum has to be found; and the weights of the gradient factor into exp(score) and one number per row,
which can multiply the small (B, D) side of a matrix product. torch.compile gets the plain expressions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

LOWEST_TEMPERATURE = 0.025  # exp(-2/T) must stay above float32's smallest number, 1e-38


def can_be_fast(temperature: float) -> bool:
    """Whether a fixed shift is exact at this temperature, and nothing is being compiled."""
    return temperature >= LOWEST_TEMPERATURE and not torch.compiler.is_compiling()


class UnitRows(torch.autograd.Function):
    """F.normalize(rows, dim=1)."""

    @staticmethod
    def forward(ctx, rows: Tensor) -> Tensor:
        """(B, D) -> (B, D), each row divided by its length (at least 1e-12)."""
        length = torch.linalg.vector_norm(rows, dim=1, keepdim=True).clamp_min_(1e-12)
        unit = rows / length
        ctx.save_for_backward(unit, length)
        return unit

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor) -> Tensor:
        """What comes from above, without its part along the row, over the row's length."""
        unit, length = ctx.saved_tensors
        along = torch.linalg.vecdot(unit, upstream)[:, None]  # (B, 1)
        return torch.addcmul(upstream, unit, along, value=-1).div_(length)


class CosineToConstant(torch.autograd.Function):
    """F.cosine_similarity(rows, constant, dim=1), with a gradient for the rows alone."""

    @staticmethod
    def forward(ctx, rows: Tensor, constant: Tensor) -> Tensor:
        """(B, D), (B, D) -> (B,); lengths are taken as at least 1e-12."""
        length, other = (
            torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min_(1e-12) for x in (rows, constant)
        )
        unit, aim = rows / length, constant / other
        cosine = torch.linalg.vecdot(unit, aim)
        ctx.save_for_backward(unit, aim, length, cosine)
        return cosine

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None]:
        """upstream times (aim - cosine * unit row), the way to the aim without its part along the row."""
        unit, aim, length, cosine = ctx.saved_tensors
        return torch.addcmul(aim, unit, cosine[:, None], value=-1).mul_(upstream[:, None] / length), None


class DistanceToIdentity(torch.autograd.Function):
    """(weight * (matrix - eye).square()).sum() with weight 1 on the diagonal and `outside` off it."""

    @staticmethod
    def forward(ctx, matrix: Tensor, outside: float) -> Tensor:
        """(D, D) -> a number."""
        short = matrix.diagonal() - 1  # (D,)
        rest = matrix.clone().fill_diagonal_(0)
        ctx.save_for_backward(rest, short)
        ctx.outside = outside
        return torch.dot(short, short) + outside * torch.dot(rest.flatten(), rest.flatten())

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None]:
        """2 upstream weight (matrix - eye)."""
        rest, short = ctx.saved_tensors
        gradient = rest * (2 * ctx.outside * upstream)
        gradient.diagonal().copy_(short * (2 * upstream))
        return gradient, None


class FastLogSumExp(torch.autograd.Function):
    """torch.logsumexp(rows @ candidates.T / temperature, dim=1) for unit rows."""

    @staticmethod
    def forward(ctx, rows: Tensor, candidates: Tensor, temperature: float) -> Tensor:
        """rows (B, D), candidates (K, D) -> (B,), from e_ij = exp((rows_i candidates_j - 1) / T)."""
        e = exponents(rows, candidates, temperature).exp_()
        sums = e.sum(dim=1)
        ctx.save_for_backward(rows, candidates, e, sums)
        ctx.temperature = temperature
        return sums.log() + 1 / temperature

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """With w = upstream / (T sum): w_i sum_j e_ij candidates_j, and sum_i w_i e_ij rows_i."""
        rows, candidates, e, sums = ctx.saved_tensors
        weight = (upstream / (sums * ctx.temperature))[:, None]  # (B, 1)
        to_rows = (e @ candidates).mul_(weight) if ctx.needs_input_grad[0] else None
        to_candidates = e.T @ (rows * weight) if ctx.needs_input_grad[1] else None
        return to_rows, to_candidates, None


class FastInBatch(torch.autograd.Function):
    """F.cross_entropy(query @ positive.T / temperature, arange(B)) for unit rows, B >= 2."""

    @staticmethod
    def forward(ctx, query: Tensor, positive: Tensor, temperature: float) -> Tensor:
        """query, positive: (B, D) -> scalar, the mean of softplus(log sum of negatives - positive)."""
        e = exponents(query, positive, temperature)  # (B, B)
        own = e.diagonal().clone()
        negatives = e.exp_().fill_diagonal_(0).sum(dim=1)
        e.diagonal().copy_(-negatives)  # now e_ij / sum is d loss_i / d score_ij, on the diagonal as well
        ctx.save_for_backward(query, positive, e, negatives + own.exp())
        ctx.temperature = temperature
        return F.softplus(negatives.log() - own).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        """Two matrix products with e; the sums and 1/(BT) go to the small side."""
        query, positive, e, sums = ctx.saved_tensors
        weight = (upstream / (len(query) * ctx.temperature * sums))[:, None]  # (B, 1)
        return (e @ positive).mul_(weight), e.T @ (query * weight), None


def exponents(rows: Tensor, candidates: Tensor, temperature: float) -> Tensor:
    """(rows_i candidates_j - 1) / T, (B, K): at most 0, at least -2/T."""
    return torch.addmm(rows.new_tensor(-1 / temperature), rows / temperature, candidates.T)
