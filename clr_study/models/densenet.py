"""Densely connected networks for CIFAR: each layer sees the outputs of all layers of its block."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from clr_study.errors import InputError
from clr_study.models.base import MODELS
from clr_study.models.layers import at_least_one, he_normal, image_shape

FIRST_CHANNELS = 16


class DenseLayer(nn.Module):
    """BatchNorm, ReLU and a 3x3 convolution, whose new channels are put behind the old ones."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns [B, inputs + growth, H, W] for x [B, inputs, H, W]."""
        return torch.cat((x, self.conv(F.relu(self.norm(x)))), dim=1)


class Transition(nn.Module):
    """BatchNorm, ReLU, a 1x1 convolution of as many channels, and average pooling to half the sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns [B, channels, H // 2, W // 2] for x [B, channels, H, W]."""
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


class CifarDenseNet(nn.Module):
    """The module behind `densenet`."""

    channels_last = True

    def __init__(self, channels: int, classes: int, layers: int, growth: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, FIRST_CHANNELS, 3, padding=1, bias=False)
        width = FIRST_CHANNELS
        parts: list[nn.Module] = []
        for block in range(3):
            if block > 0:
                parts.append(Transition(width))
            for _ in range(layers):
                parts.append(DenseLayer(width, growth))
                width += growth
        self.blocks = nn.Sequential(*parts)
        self.norm = nn.BatchNorm2d(width)
        self.linear = nn.Linear(width, classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits [B, classes] of images [B, C, H, W]."""
        x = F.relu(self.norm(self.blocks(self.conv(x))))
        return self.linear(x.mean((2, 3)))


@MODELS.add
def densenet(*, shape: tuple[int, ...], classes: int, depth: int = 40, growth: int = 12) -> nn.Module:
    """Builds a DenseNet of 3n+4 layers for small images: 22, 40, 100, ...

    A 3x3 convolution to 16 channels, three blocks of n layers that each add `growth` channels, between the blocks a
    1x1 convolution and 2x2 average pooling, BatchNorm and ReLU before each convolution, global average pooling, a
    linear layer; He's initialisation. Without bottlenecks, compression and dropout. G. Huang et al., *Densely
    Connected Convolutional Networks*, arXiv 1608.06993, section 3, the network of its first rows: L = 40, k = 12.

    Args:
        shape: An image's shape, at least 8x8.
        classes: The number of outputs; 1 for regression.
        depth: 3n+4 with n >= 1: the paper's L.
        growth: Channels that a layer adds: the paper's k.

    Raises:
        InputError: depth is not 3n+4, growth is below 1, or the samples are no images of that size.

    Examples:
        >>> model = densenet(shape=(3, 32, 32), classes=10)
        >>> sum(parameter.numel() for parameter in model.parameters())  # the paper's 1.0M
        1019722
        >>> densenet(shape=(3, 32, 32), classes=10, depth=41)
        Traceback (most recent call last):
        clr_study.errors.InputError: depth must be 3n+4 with n >= 1, but got 41; the nearest are 40 and 43
    """
    channels, _, _ = image_shape("densenet", shape)
    at_least_one("growth", growth)
    if depth < 7 or depth % 3 != 1:
        below = max(7, (depth - 4) // 3 * 3 + 4)
        raise InputError(f"depth must be 3n+4 with n >= 1, but got {depth}; the nearest are {below} and {below + 3}")
    return CifarDenseNet(channels, classes, layers=(depth - 4) // 3, growth=growth)
