"""Residual networks, from 0.2 million parameters for a laptop to ResNet-50.

He et al. 2016, arXiv:1512.03385; stride in the 3x3 convolution of a bottleneck as in torchvision.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.models.encoder import MEAN, STD, Encoder, chosen


def resnet(
    widths: Sequence[int] = (24, 48, 96),
    blocks: Sequence[int] = (1, 1, 1),
    stem: str = "stride2",
    bottleneck: bool = False,
    mean: tuple[float, ...] = MEAN,
    std: tuple[float, ...] = STD,
) -> "ResNet":
    """A ResNet with `blocks[i]` blocks of `widths[i]` channels in stage i; every later stage halves the map.

    stem: "small" (3x3, stride 1: images of 32 px), "stride2" (3x3, stride 2: 48 to 96 px) or "imagenet"
    (7x7, stride 2, then 3x3 max-pooling, stride 2: 128 px and up). bottleneck: 1x1-3x3-1x1 blocks with
    4 x widths[i] channels at the end. The default has 0.17 million parameters.
    ResNet-18: resnet((64, 128, 256, 512), (2, 2, 2, 2), "imagenet");
    ResNet-50: resnet((64, 128, 256, 512), (3, 4, 6, 3), "imagenet", bottleneck=True).

    Raises ValueError for an unknown stem or if widths and blocks do not fit together.
    """
    return ResNet(widths, blocks, stem, bottleneck, mean, std)


class ResNet(Encoder):
    """image (B, 3, H, W) in [0, 1] -> stem -> stages -> mean over the map -> (B, width). See `resnet`."""

    def __init__(self, widths, blocks, stem="stride2", bottleneck=False, mean=MEAN, std=STD):
        widths, blocks = list(widths), list(blocks)
        if not widths or len(widths) != len(blocks) or min(widths + blocks) < 1:
            raise ValueError(
                f"resnet: widths={widths}, blocks={blocks}; give one positive number per stage each."
            )
        block = Bottleneck if bottleneck else BasicBlock
        super().__init__(widths[-1] * block.expansion, mean, std)
        self.stem = make_stem(stem, widths[0])
        self.stages = nn.ModuleList()
        channels = widths[0]
        for stage, (width, number) in enumerate(zip(widths, blocks, strict=True)):
            layers = []
            for i in range(number):
                layers.append(block(channels, width, stride=2 if stage > 0 and i == 0 else 1))
                channels = width * block.expansion
            self.stages.append(nn.Sequential(*layers))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """images: float (B, 3, H, W) in [0, 1] -> (B, width)."""
        x = self.stem(self.standardise(images))
        for stage in self.stages:
            x = stage(x)
        return x.mean(dim=(2, 3))

    def features_at(self, images: Tensor, stages: int | Sequence[int] | None = None) -> list[Tensor]:
        """The map (B, C, h, w) after each of the given stages (0 is the first, -1 the last; None: all)."""
        wanted = chosen(stages, len(self.stages), "features_at: stages")
        maps, x = {}, self.stem(self.standardise(images))
        for i in range(max(wanted, default=-1) + 1):  # later stages are not needed
            maps[i] = x = self.stages[i](x)
        return [maps[stage] for stage in wanted]


def make_stem(stem: str, width: int) -> nn.Sequential:
    """The layers before the first stage; see `resnet`."""
    shapes = {"small": (3, 1), "stride2": (3, 2), "imagenet": (7, 2)}
    if stem not in shapes:
        raise ValueError(f'resnet: stem is "{stem}"; choose "small", "stride2" or "imagenet".')
    kernel, stride = shapes[stem]
    layers = [conv(3, width, kernel, stride), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    if stem == "imagenet":
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*layers)


def conv(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the map's size at stride 1; no bias, since a BatchNorm follows."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)


class BasicBlock(nn.Module):
    """relu(norm(conv3x3(relu(norm(conv3x3(x))))) + shortcut(x))."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int = 1):
        super().__init__()
        self.conv1, self.norm1 = conv(channels, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.shortcut = make_shortcut(channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, width, h / stride, w / stride)."""
        y = torch.relu_(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return torch.relu_(y + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1 down to `width` channels, 3x3 there, 1x1 up to 4 x width; plus the shortcut, then relu."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int = 1):
        super().__init__()
        wide = width * self.expansion
        self.conv1, self.norm1 = conv(channels, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.norm3 = conv(width, wide, 1), nn.BatchNorm2d(wide)
        self.shortcut = make_shortcut(channels, wide, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, 4 * width, h / stride, w / stride)."""
        y = torch.relu_(self.norm1(self.conv1(x)))
        y = torch.relu_(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return torch.relu_(y + self.shortcut(x))


def make_shortcut(channels: int, out: int, stride: int) -> nn.Module:
    """The identity where the sizes allow it, else a strided 1x1 convolution."""
    if stride == 1 and channels == out:
        return nn.Identity()
    return nn.Sequential(conv(channels, out, 1, stride), nn.BatchNorm2d(out))
