"""The residual networks of depth 6n+2 for CIFAR."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from clr_study.errors import InputError
from clr_study.models.base import MODELS
from clr_study.models.layers import at_least_one, he_normal, image_shape


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and the parameter-free shortcut (option A): every second pixel, zeros as new channels."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.stride, self.new_channels = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Returns [B, outputs, H/stride, W/stride] for x [B, inputs, H, W]."""
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        return F.relu(y + F.pad(shortcut, (0, 0, 0, 0, 0, self.new_channels)))


class CifarResNet(nn.Module):
    """The module behind `resnet`."""

    def __init__(self, channels: int, classes: int, blocks: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        stages: list[nn.Module] = []
        inputs = width
        for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2)):
            for index in range(blocks):
                stages.append(BasicBlock(inputs, outputs, stride if index == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*stages)
        self.linear = nn.Linear(inputs, classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits [B, classes] of images [B, C, H, W]."""
        x = self.blocks(F.relu(self.norm(self.conv(x))))
        return self.linear(x.mean((2, 3)))


@MODELS.add
def resnet(*, shape: tuple[int, ...], classes: int, depth: int = 20, width: int = 16) -> nn.Module:
    """Builds a residual network of 6n+2 layers for small images: 20, 32, 44, 56, 110, ...

    A 3x3 convolution, three stages of n blocks with width, 2*width and 4*width channels (the second and third begin
    with stride 2), global average pooling, a linear layer; BatchNorm behind each convolution, He's initialisation.
    K. He et al., *Deep Residual Learning for Image Recognition*, arXiv 1512.03385, section 4.2.

    Args:
        shape: An image's shape, at least 8x8.
        classes: The number of outputs; 1 for regression.
        depth: 6n+2 with n >= 1.
        width: Channels of the first stage.

    Raises:
        InputError: depth is not 6n+2, width is below 1, or the samples are no images of that size.

    Examples:
        >>> model = resnet(shape=(3, 32, 32), classes=10, depth=20)
        >>> sum(parameter.numel() for parameter in model.parameters())  # the paper's 0.27M
        269722
        >>> resnet(shape=(3, 32, 32), classes=10, depth=21)
        Traceback (most recent call last):
        clr_study.errors.InputError: depth must be 6n+2 with n >= 1, but got 21; the nearest are 20 and 26
    """
    channels, _, _ = image_shape("resnet", shape)
    at_least_one("width", width)
    if depth < 8 or depth % 6 != 2:
        below = max(8, (depth - 2) // 6 * 6 + 2)
        raise InputError(f"depth must be 6n+2 with n >= 1, but got {depth}; the nearest are {below} and {below + 6}")
    return CifarResNet(channels, classes, blocks=(depth - 2) // 6, width=width)
