"""Small networks on top of an encoder: projectors, predictors and heads that score prototypes."""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def mlp(
    in_features: int,
    hidden: int,
    out_features: int,
    layers: int = 2,
    norm: bool = True,
    last_norm: bool = False,
) -> nn.Sequential:
    """`layers` linear layers with ReLU between them. (B, in_features) -> (B, out_features).

    norm: BatchNorm before each ReLU (the layer before it then needs no bias). last_norm: a BatchNorm without
    scale and shift after the last layer.

    The papers' heads, for an encoder of width w:
    - SimCLR v1: mlp(w, w, 128). The paper writes Linear-ReLU-Linear; its code adds a BatchNorm after each of
      them. The default here has the first and not the last.
    - SimCLR v2: mlp(w, w, 128, layers=3).
    - MoCo v1: mlp(w, w, 128, layers=1), a linear map. MoCo v2: mlp(w, w, 128, norm=False).

    Raises ValueError for fewer than one layer or a size below one.
    """
    if layers < 1 or min(in_features, hidden, out_features) < 1:
        raise ValueError(
            f"mlp: in_features={in_features}, hidden={hidden}, out_features={out_features}, layers={layers}; "
            "all must be at least 1."
        )
    modules: list[nn.Module] = []
    size = in_features
    for _ in range(layers - 1):
        modules.append(nn.Linear(size, hidden, bias=not norm))
        if norm:
            modules.append(nn.BatchNorm1d(hidden))
        modules.append(nn.ReLU(inplace=True))
        size = hidden
    modules.append(nn.Linear(size, out_features, bias=not last_norm))
    if last_norm:
        modules.append(nn.BatchNorm1d(out_features, affine=False))
    return nn.Sequential(*modules)


class PrototypeHead(nn.Module):
    """features -> MLP -> unit length -> cosine with each of K unit prototypes; see `prototype_head`."""

    def __init__(
        self,
        in_features: int,
        hidden: int,
        bottleneck: int,
        prototypes: int,
        layers: int = 3,
        length: float | None = None,
    ):
        super().__init__()
        if min(in_features, hidden, bottleneck, prototypes, layers) < 1:
            raise ValueError(
                f"prototype_head: in_features={in_features}, hidden={hidden}, bottleneck={bottleneck}, "
                f"prototypes={prototypes}, layers={layers}; all must be at least 1."
            )
        sizes = [in_features] + [hidden] * (layers - 1) + [bottleneck]
        modules: list[nn.Module] = []
        for size, next_size in itertools.pairwise(sizes):
            modules += [nn.Linear(size, next_size), nn.GELU()]
        self.mlp = nn.Sequential(*modules[:-1])  # no GELU after the last
        for module in self.mlp:
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        # weight normalisation with its length fixed at 1: only the direction of a row counts
        rows = torch.randn(prototypes, bottleneck)
        self.prototypes = nn.Parameter(rows if length is None else length * F.normalize(rows, dim=1))

    def forward(self, features: Tensor) -> Tensor:
        """(..., in_features) -> (..., prototypes), cosines in [-1, 1], float32 under autocast as well.

        A bf16 cosine is off by up to 0.004, and the teacher's temperature of 0.04 makes that ten per cent.
        """
        x = self.mlp(features)
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(F.normalize(x.float(), dim=-1), F.normalize(self.prototypes.float(), dim=1))


def prototype_head(
    in_features: int,
    hidden: int = 2048,
    bottleneck: int = 256,
    prototypes: int = 65536,
    layers: int = 3,
    length: float | None = 3**-0.5,
) -> PrototypeHead:
    """DINO's head: scores of `prototypes` prototypes (Caron et al. 2021, arXiv:2104.14294, appendix C).

    `layers` linear layers with GELU between them down to `bottleneck` features, normalised to length 1, then
    a last layer without bias whose rows have length 1 whatever is done to them (weight normalisation): no
    prototype wins by being long. But the longer a row, the less an optimiser's step turns it. length: of each
    row at the start; None: as drawn from a normal distribution, about the root of `bottleneck`. The defaults
    are the paper's; `.prototypes` is the parameter that is frozen at the start. Raises ValueError for a size
    below one and a length that is not above 0.
    """
    if length is not None and not length > 0:
        raise ValueError(f"prototype_head: length is {length}; rows of length 0 have no direction.")
    return PrototypeHead(in_features, hidden, bottleneck, prototypes, layers, length)
