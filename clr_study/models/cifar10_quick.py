"""Caffe's `cifar10_quick`: `cifar10_full` without normalisation and with one more linear layer."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from clr_study.models.base import MODELS
from clr_study.models.caffe import average_pool, gaussian, max_pool, pooled
from clr_study.models.layers import image_shape


class Cifar10Quick(nn.Module):
    """The module behind `cifar10_quick`; its layers carry the names of Caffe's file."""

    channels_last = True

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 5, padding=2)
        self.pool1 = max_pool()
        self.conv2 = nn.Conv2d(32, 32, 5, padding=2)
        self.pool2 = average_pool()
        self.conv3 = nn.Conv2d(32, 64, 5, padding=2)
        self.pool3 = average_pool()
        self.ip1 = nn.Linear(64 * pooled(height, times=3) * pooled(width, times=3), 64)
        self.ip2 = nn.Linear(64, classes)
        layers = {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "ip1": 0.1, "ip2": 0.1}
        for name, std in layers.items():
            gaussian(getattr(self, name), std)
        self.multipliers = {f"{name}.bias": (2.0, 1.0) for name in layers}

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits [B, classes] of images [B, C, H, W]."""
        x = F.relu(self.pool1(self.conv1(x)))
        x = self.pool2(F.relu(self.conv2(x)))
        x = self.pool3(F.relu(self.conv3(x)))
        return self.ip2(self.ip1(x.flatten(1)))


@MODELS.add
def cifar10_quick(*, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Builds Caffe's `cifar10_quick`: 145,578 parameters for 3x32x32 images and 10 classes.

    As `cifar10_full` without its local normalisation, and with a linear layer of 64 units before the last one, with
    no ReLU between them. Gaussian weights (standard deviation 1e-4, 0.01, 0.01, 0.1, 0.1), zero biases, whose learning
    rate is doubled. Source: Caffe's examples/cifar10/cifar10_quick_train_test.prototxt; its readme reports 75 % after
    4,000 updates at 0.001 and 1,000 at 1e-4, with momentum 0.9 and weight decay 0.004.

    Meant for inputs of 0 to 255 less the training set's mean image, and for `convention = "caffe"` in `optim`.

    Args:
        shape: An image's shape, at least 8x8; the first linear layer follows its size.
        classes: The number of outputs; 1 for regression.

    Raises:
        InputError: The samples are no images of that size.

    Examples:
        >>> model = cifar10_quick(shape=(3, 32, 32), classes=10)
        >>> sum(parameter.numel() for parameter in model.parameters())
        145578
    """
    return Cifar10Quick(*image_shape("cifar10_quick", shape), classes)
