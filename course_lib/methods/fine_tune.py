"""Fine-tuning: all weights learn from the labels, the early layers more slowly than the late ones.

Layer-wise decay of the rate: Clark et al. 2020 (ELECTRA), arXiv:2003.10555; for masked images Bao et al.
2022 (BEiT), arXiv:2106.08254.
"""

from torch import nn

from course_lib.methods.schedule import parameter_groups
from course_lib.methods.supervised import Supervised


class FineTune(Supervised):
    """`Supervised`, started from a pretrained encoder, with a learning rate for each layer.

    A layer that lies n layers below the classifier learns at learning_rate * layer_decay ** n; layers are the
    stem or patch embedding, then the stages of a ResNet or the blocks of a transformer. layer_decay: 0.65 to
    0.75 for a masked ViT, 1 for one rate everywhere, 0 for a linear probe that trains with augmentation: the
    encoder then stays as it is, in eval mode, the averages of its BatchNorm included.
    A transformer's last norm goes with its last block; in BEiT's and MAE's code it goes with the classifier.
    The encoder you pass is trained; pass `copy.deepcopy(encoder)` to keep the old one.
    Raises ValueError for a decay outside [0, 1].
    """

    def __init__(
        self,
        encoder: nn.Module,
        classes: int | list[str],
        layer_decay: float = 0.75,
        learning_rate: float = 2e-3,
        **options,
    ):
        if not 0 <= layer_decay <= 1:
            raise ValueError(f"FineTune: layer_decay={layer_decay}; choose a number from 0 to 1.")
        super().__init__(encoder, classes, learning_rate=learning_rate, **options)
        self.layer_decay = layer_decay
        self.train()  # Lightning leaves each module in the mode it finds it in

    def train(self, mode: bool = True) -> "FineTune":
        """As in any module, except for an encoder that does not learn (layer_decay=0)."""
        super().train(mode)
        if self.layer_decay == 0:
            self.encoder.eval()
        return self

    def groups(self) -> list[dict]:
        """One or two groups (with and without weight decay) for each layer, the classifier's last."""
        layers: dict[int, list[nn.Parameter]] = {}
        for name, parameter in self.encoder.named_parameters():
            layers.setdefault(layer_of(self.encoder, name), []).append(parameter)
        top = max(layers) + 1
        layers[top] = list(self.classifier.parameters())
        groups = []
        for layer in sorted(layers):
            rate = self.learning_rate * self.layer_decay ** (top - layer)
            groups += [group | {"lr": rate} for group in parameter_groups(layers[layer], self.weight_decay)]
        return groups


def layer_of(encoder: nn.Module, name: str) -> int:
    """Which layer a parameter belongs to: 0 for what stands before the first stage or block."""
    deepest = 0
    for part in ("stages", "blocks"):
        deepest = max(deepest, len(getattr(encoder, part, ())))
        if name.startswith(f"{part}."):
            return 1 + int(name.split(".")[1])
    return deepest if name.startswith("norm.") else 0  # a transformer's last norm follows its last block
