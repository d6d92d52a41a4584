"""Caffe's own ways, where torch has others: its Gaussian weights, its sizes after pooling, its BatchNorm."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def gaussian(layer: nn.Conv2d | nn.Linear, std: float) -> None:
    """Draws a layer's weights from N(0, std^2) and sets its biases, if it has any, to zero.

    Examples:
        >>> layer = nn.Linear(50, 1000)
        >>> gaussian(layer, std=0.1)
        >>> abs(layer.weight.std().item() - 0.1) < 0.005, layer.bias.abs().max().item()
        (True, 0.0)
    """
    nn.init.normal_(layer.weight, std=std)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def max_pool() -> nn.Module:
    """Returns Caffe's max pooling with kernel 3 and stride 2, whose sizes are rounded up."""
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def average_pool() -> nn.Module:
    """Returns Caffe's average pooling with kernel 3 and stride 2.

    At the far edge torch, like Caffe, divides by the part of the window that lies inside the image.

    Examples:
        >>> average_pool()(torch.ones(1, 1, 4, 4)).flatten().tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    return nn.AvgPool2d(3, stride=2, ceil_mode=True)


def pooled(side: int, times: int = 1) -> int:
    """Returns a side's length after pooling with kernel 3, stride 2 and Caffe's rounding up.

    Examples:
        >>> pooled(32), pooled(32, times=3)
        (16, 4)
    """
    for _ in range(times):
        side = -(-(side - 3) // 2) + 1
    return side


class CaffeBatchNorm(nn.Module):
    """Caffe's BatchNorm without scale and shift: `(x - mean) / sqrt(variance + eps)` of each channel.

    In training mean and variance are the batch's. In evaluation they are moving averages that start from nothing,
    `sum_i fraction^(n-i) * mean_i / sum_i fraction^(n-i)` after n batches, of the means and of the unbiased variances.
    (`torch.nn.BatchNorm2d` starts from mean 0 and variance 1 instead, and with the same fraction of 0.999 takes
    thousands of updates to forget them.) Source: Caffe's batch_norm_layer.cpp.

    Args:
        channels: Channels of the input.
        fraction: What remains of the moving sums at each update, in [0, 1).
        eps: Added to the variance.

    Examples:
        >>> norm = CaffeBatchNorm(1, eps=0)
        >>> norm(torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)).flatten()  # mean 2, variance 1
        tensor([-1.,  1.])
        >>> norm.eval()(torch.tensor([4.0]).reshape(1, 1, 1, 1)).item()  # 2 above the mean, unbiased variance 2
        1.41421...
    """

    mean_sum: Tensor
    variance_sum: Tensor
    batches: Tensor

    def __init__(self, channels: int, fraction: float = 0.999, eps: float = 1e-5) -> None:
        super().__init__()
        self.fraction, self.eps = fraction, eps
        self.register_buffer("mean_sum", torch.zeros(channels))
        self.register_buffer("variance_sum", torch.zeros(channels))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the normalised images, [B, C, H, W] like the input."""
        if self.training:
            variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
            self._remember(mean.detach(), variance.detach(), x.numel() // x.shape[1])
        else:
            # Before the first batch the sums are 0 as well, and 0 / 1 is what Caffe takes.
            seen = self.batches.clamp(min=1)
            mean, variance = self.mean_sum / seen, self.variance_sum / seen
        return (x - mean[:, None, None]) * (variance + self.eps).rsqrt()[:, None, None]

    def _remember(self, mean: Tensor, variance: Tensor, pixels: int) -> None:
        with torch.no_grad():
            self.batches.mul_(self.fraction).add_(1)
            self.mean_sum.mul_(self.fraction).add_(mean)
            self.variance_sum.mul_(self.fraction).add_(variance * (pixels / max(1, pixels - 1)))
