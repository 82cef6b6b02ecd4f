"""log sum_j exp(cosine_ij / T): what all contrastive losses divide by, readable and fast."""

import torch
from torch import Tensor

LOWEST_TEMPERATURE = 0.025  # of the fast form: exp(-2/T) must stay above float32's smallest number, 1e-38


def log_sum_exp(rows: Tensor, candidates: Tensor, temperature: float, skip: int | None = None) -> Tensor:
    """For each row the log of the summed exponentials of its scores with all candidates, (B,).

    rows: (B, D), candidates: (K, D), both of unit length. skip: row i leaves out candidate i + skip.
    """
    if temperature >= LOWEST_TEMPERATURE and not torch.compiler.is_compiling():
        return FastLogSumExp.apply(rows, candidates, temperature, skip)
    return reference(rows, candidates, temperature, skip)


def reference(rows: Tensor, candidates: Tensor, temperature: float, skip: int | None = None) -> Tensor:
    """What `log_sum_exp` computes, as one reads it in a paper; exact at every temperature."""
    scores = rows @ candidates.T / temperature  # (B, K)
    if skip is not None:
        left_out = torch.arange(len(rows), device=rows.device) + skip
        scores = scores.scatter(1, left_out[:, None], float("-inf"))
    return torch.logsumexp(scores, dim=1)


class FastLogSumExp(torch.autograd.Function):
    """The same with fewer walks over the (B, K) matrix, which is where the time goes.

    Cosines are at most 1, so 1/T is a safe shift for every exponential and no row maximum has to be found; and
    the weights of the gradient factor into e_ij and a number per row, which multiplies the small (B, D) side.
    """

    @staticmethod
    def forward(ctx, rows: Tensor, candidates: Tensor, temperature: float, skip: int | None) -> Tensor:
        """e_ij = exp((rows_i candidates_j - 1) / T), made in place; its row sums r; log r + 1/T."""
        e = torch.addmm(rows.new_tensor(-1 / temperature), rows / temperature, candidates.T).exp_()
        if skip is not None:
            e.diagonal(skip).zero_()
        sums = e.sum(dim=1)
        ctx.save_for_backward(rows, candidates, e, sums)
        ctx.temperature = temperature
        return sums.log() + 1 / temperature

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """d/d rows_i = w_i sum_j e_ij candidates_j, d/d candidates_j = sum_i w_i e_ij rows_i; w = upstream/(rT)."""
        rows, candidates, e, sums = ctx.saved_tensors
        weight = (upstream / (sums * ctx.temperature))[:, None]  # (B, 1)
        to_rows = (e @ candidates).mul_(weight) if ctx.needs_input_grad[0] else None
        to_candidates = e.T @ (rows * weight) if ctx.needs_input_grad[1] else None
        return to_rows, to_candidates, None, None
