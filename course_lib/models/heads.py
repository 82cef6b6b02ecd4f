"""Small networks on top of an encoder: projectors and predictors."""

from torch import nn


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
