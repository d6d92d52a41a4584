"""Caffe's `cifar10_full`, the network of the paper's CIFAR-10 figures."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from clr_study.models.base import MODELS
from clr_study.models.caffe import average_pool, gaussian, max_pool, pooled
from clr_study.models.layers import image_shape


class WithinChannelLRN(nn.Module):
    """Caffe's local response normalisation within a channel, `y = x * (1 + alpha * avg(x^2)) ** -beta`.

    The average runs over a size x size window with zero padding, and the zeros count. (`torch.nn.LocalResponseNorm`
    is the other kind, across channels.) Source: Caffe's lrn_layer.cpp, WITHIN_CHANNEL.

    Args:
        size: The window's side, odd.
        alpha: Weight of the average.
        beta: The exponent.

    Examples:
        >>> lrn = WithinChannelLRN(size=3, alpha=9.0, beta=1.0)
        >>> lrn(torch.tensor([[[[2.0]]]])).item()  # 2 / (1 + 9 * 4/9)
        0.4000000059604645
    """

    def __init__(self, size: int = 3, alpha: float = 5e-5, beta: float = 0.75) -> None:
        super().__init__()
        self.size, self.alpha, self.beta = size, alpha, beta

    def forward(self, x: Tensor) -> Tensor:
        """Returns the normalised images, [B, C, H, W] like the input."""
        x = x.to(torch.promote_types(x.dtype, torch.float32))  # 1 + alpha * ... would be 1 in bfloat16
        value: Tensor = _Normalised.apply(x, self.size, self.alpha, self.beta)[0]
        return value


class _Normalised(torch.autograd.Function):
    """Written out: autograd would keep and walk twice as many tensors, and take a power once more.

    With `s = 1 + alpha * avg(x^2)` and `y = x * s ** -beta` the gradient is
    `g * s ** -beta - 2 * alpha * beta * x * avg(g * y / s)`: an average with padding is its own transpose.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, size: int, alpha: float, beta: float) -> tuple[Tensor, Tensor, Tensor]:
        scale = _average(x.square(), size).mul(alpha).add(1)
        # Two roots cost a third of a power; and beta is 0.75 wherever Caffe's networks are meant.
        factor = (scale * scale.sqrt()).rsqrt() if beta == 0.75 else scale**-beta
        return x * factor, scale, factor

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        x, context.size, context.alpha, context.beta = inputs
        _, scale, factor = output
        context.mark_non_differentiable(scale, factor)
        context.save_for_backward(x, scale, factor)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        x, scale, factor = context.saved_tensors
        direct = gradients[0] * factor
        around = _average(direct * x / scale, context.size)
        return torch.addcmul(direct, x, around, value=-2 * context.alpha * context.beta), None, None, None


def _average(x: Tensor, size: int) -> Tensor:
    return F.avg_pool2d(x, size, stride=1, padding=size // 2, count_include_pad=True)


class Cifar10Full(nn.Module):
    """The module behind `cifar10_full`; its layers carry the names of Caffe's file."""

    channels_last = True

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 5, padding=2)
        self.pool1 = max_pool()
        self.norm1 = WithinChannelLRN()
        self.conv2 = nn.Conv2d(32, 32, 5, padding=2)
        self.pool2 = average_pool()
        self.norm2 = WithinChannelLRN()
        self.conv3 = nn.Conv2d(32, 64, 5, padding=2)
        self.pool3 = average_pool()
        self.ip1 = nn.Linear(64 * pooled(height, times=3) * pooled(width, times=3), classes)
        for layer, std in ((self.conv1, 1e-4), (self.conv2, 0.01), (self.conv3, 0.01), (self.ip1, 0.01)):
            gaussian(layer, std)
        self.multipliers = {
            "conv1.bias": (2.0, 1.0),
            "conv2.bias": (2.0, 1.0),
            "ip1.weight": (1.0, 250.0),
            "ip1.bias": (2.0, 0.0),
        }

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits [B, classes] of images [B, C, H, W]."""
        x = self.norm1(F.relu(self.pool1(self.conv1(x))))
        x = self.norm2(self.pool2(F.relu(self.conv2(x))))
        x = self.pool3(F.relu(self.conv3(x)))
        return self.ip1(x.flatten(1))


@MODELS.add
def cifar10_full(*, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Builds Caffe's `cifar10_full`: 89,578 parameters for 3x32x32 images and 10 classes.

    Three 5x5 convolutions (32, 32, 64 channels), max pooling before the first ReLU and average pooling after the
    others, within-channel normalisation behind the first two, one linear layer. Gaussian weights (standard deviation
    1e-4, 0.01, 0.01, 0.01), zero biases, and Caffe's multipliers: the learning rate of the biases of conv1, conv2 and
    ip1 is doubled; the weight decay of ip1's weight is 250-fold, that of its bias zero. Source: Caffe's
    examples/cifar10/cifar10_full_train_test.prototxt.

    Meant for inputs of 0 to 255 less the training set's mean image, and for `convention = "caffe"` in `optim`.

    Args:
        shape: An image's shape, at least 8x8; the linear layer follows its size.
        classes: The number of outputs; 1 for regression.

    Raises:
        InputError: The samples are no images of that size.

    Examples:
        >>> model = cifar10_full(shape=(3, 32, 32), classes=10)
        >>> sum(parameter.numel() for parameter in model.parameters())
        89578
        >>> model.multipliers["ip1.weight"]
        (1.0, 250.0)
    """
    return Cifar10Full(*image_shape("cifar10_full", shape), classes)
