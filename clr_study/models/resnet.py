"""The residual networks for CIFAR, of basic blocks or bottlenecks, with or without stochastic depth."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from clr_study.errors import InputError
from clr_study.models.base import MODELS
from clr_study.models.layers import at_least_one, he_normal, image_shape


class Block(nn.Module):
    """A residual branch beside the parameter-free shortcut (option A): every stride-th pixel, zeros as new channels.

    In training a block with a death rate is left out as often, for the whole batch; in evaluation its branch is
    multiplied by how often it was there.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, death_rate: float = 0.0) -> None:
        super().__init__()
        self.stride, self.new_channels, self.death_rate = stride, outputs - inputs, death_rate

    @abstractmethod
    def branch(self, x: Tensor) -> Tensor:
        """Returns what is added to the shortcut."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns [B, outputs, H/stride, W/stride] for x [B, inputs, H, W]."""
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))
        if self.death_rate == 0:
            return F.relu(self.branch(x) + shortcut)
        if not self.training:
            return F.relu((1 - self.death_rate) * self.branch(x) + shortcut)
        # On the CPU whatever the device: the same blocks are left out everywhere, and nothing waits for a GPU.
        if torch.rand((), device="cpu").item() < self.death_rate:
            return F.relu(shortcut)
        return F.relu(self.branch(x) + shortcut)


class BasicBlock(Block):
    """Two 3x3 convolutions."""

    layers, expansion = 2, 1

    def __init__(self, inputs: int, outputs: int, stride: int, death_rate: float = 0.0) -> None:
        super().__init__(inputs, outputs, stride, death_rate)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def branch(self, x: Tensor) -> Tensor:
        """Returns what is added to the shortcut."""
        return self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))


class Bottleneck(Block):
    """A 1x1, a 3x3 and a 1x1 convolution; the first two have a fourth of the outputs' channels."""

    layers, expansion = 3, 4

    def __init__(self, inputs: int, outputs: int, stride: int, death_rate: float = 0.0) -> None:
        super().__init__(inputs, outputs, stride, death_rate)
        inner = outputs // self.expansion
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)

    def branch(self, x: Tensor) -> Tensor:
        """Returns what is added to the shortcut."""
        x = F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))
        return self.norm3(self.conv3(x))


BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


class CifarResNet(nn.Module):
    """The module behind `resnet`."""

    channels_last = True

    def __init__(
        self,
        channels: int,
        classes: int,
        blocks: int,
        width: int,
        block: type[BasicBlock] | type[Bottleneck],
        death_rate: float,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        stages: list[nn.Module] = []
        inputs = width
        for stage in range(3):
            outputs = block.expansion * width * 2**stage
            for index in range(blocks):
                stride = 2 if stage > 0 and index == 0 else 1
                rate = death_rate * (len(stages) + 1) / (3 * blocks)
                stages.append(block(inputs, outputs, stride, rate))
                inputs = outputs
        self.blocks = nn.Sequential(*stages)
        self.linear = nn.Linear(inputs, classes)
        he_normal(self)
        if death_rate > 0:
            self.unfusable_reason = "Its blocks are left out at random, other ones in each run."

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits [B, classes] of images [B, C, H, W]."""
        x = self.blocks(F.relu(self.norm(self.conv(x))))
        return self.linear(x.mean((2, 3)))


@MODELS.add
def resnet(
    *,
    shape: tuple[int, ...],
    classes: int,
    depth: int = 20,
    width: int = 16,
    block: Literal["basic", "bottleneck"] = "basic",
    death_rate: float = 0.0,
) -> nn.Module:
    """Builds a residual network for small images, of 6n+2 layers (20, 32, 44, 56, 110, ...) or 9n+2 in bottlenecks.

    A 3x3 convolution, three stages of n blocks with width, 2*width and 4*width channels (the second and third begin
    with stride 2), global average pooling, a linear layer; BatchNorm behind each convolution, He's initialisation.
    K. He et al., *Deep Residual Learning for Image Recognition*, arXiv 1512.03385, section 4.2. A bottleneck block is
    that of its section 4.1: 1x1, 3x3 and 1x1 convolutions, the last to four times the channels.

    With a death rate, stochastic depth: in training the l-th of L blocks is left out of an update with probability
    `death_rate * l / L`. G. Huang et al., *Deep Networks with Stochastic Depth*, arXiv 1603.09382, which has depth 110
    and a death rate of 0.5.

    Args:
        shape: An image's shape, at least 8x8.
        classes: The number of outputs; 1 for regression.
        depth: 6n+2 with n >= 1; of bottlenecks 9n+2.
        width: Channels of the first stage, at least 1.
        block: What the stages are made of.
        death_rate: How often the last block is left out, in [0, 1). Above 0 the runs train one by one.

    Raises:
        InputError: A number outside its bounds, or samples that are no images of that size.

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
    per_n = 3 * BLOCKS[block].layers
    if depth < per_n + 2 or depth % per_n != 2:
        below = max(per_n + 2, (depth - 2) // per_n * per_n + 2)
        raise InputError(
            f"depth must be {per_n}n+2 with n >= 1, but got {depth}; the nearest are {below} and {below + per_n}"
        )
    if not 0 <= death_rate < 1:
        raise InputError(f"death_rate must lie in [0, 1), but got {death_rate}")
    return CifarResNet(channels, classes, (depth - 2) // per_n, width, BLOCKS[block], death_rate)
