"""Caffe's `cifar10_full_sigmoid_bn`, the network of the paper's remark on sigmoids and batch normalisation."""

from __future__ import annotations

from torch import Tensor, nn

from clr_study.models.base import MODELS
from clr_study.models.caffe import CaffeBatchNorm, average_pool, gaussian, max_pool, pooled
from clr_study.models.layers import image_shape


class Cifar10FullSigmoidBn(nn.Module):
    """The module behind `cifar10_full_sigmoid_bn`; its layers carry the names of Caffe's file."""

    channels_last = True

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 5, padding=2, bias=False)
        self.pool1 = max_pool()
        self.bn1 = CaffeBatchNorm(32)
        self.conv2 = nn.Conv2d(32, 32, 5, padding=2, bias=False)
        self.bn2 = CaffeBatchNorm(32)
        self.pool2 = average_pool()
        self.conv3 = nn.Conv2d(32, 64, 5, padding=2, bias=False)
        self.bn3 = CaffeBatchNorm(64)
        self.pool3 = average_pool()
        self.ip1 = nn.Linear(64 * pooled(height, times=3) * pooled(width, times=3), classes)
        for layer, std in ((self.conv1, 1e-4), (self.conv2, 0.01), (self.conv3, 0.01), (self.ip1, 0.01)):
            gaussian(layer, std)
        self.multipliers = {"ip1.bias": (1.0, 0.0)}

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits [B, classes] of images [B, C, H, W]."""
        x = self.bn1(self.pool1(self.conv1(x))).sigmoid()
        x = self.pool2(self.bn2(self.conv2(x)).sigmoid())
        x = self.pool3(self.bn3(self.conv3(x)).sigmoid())
        return self.ip1(x.flatten(1))


@MODELS.add
def cifar10_full_sigmoid_bn(*, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Builds Caffe's `cifar10_full_sigmoid_bn`: 89,450 parameters for 3x32x32 images and 10 classes.

    As `cifar10_full`, with sigmoids for ReLUs, and with batch normalisation without scale and shift in front of each
    of them in place of the local normalisation; the convolutions have no biases. Caffe trains it without weight decay,
    for 60,000 updates at a constant 0.001 with momentum 0.9. Source: Caffe's
    examples/cifar10/cifar10_full_sigmoid_train_test_bn.prototxt.

    Meant for inputs of 0 to 255 less the training set's mean image, and for `convention = "caffe"` in `optim`.

    Args:
        shape: An image's shape, at least 8x8; the linear layer follows its size.
        classes: The number of outputs; 1 for regression.

    Raises:
        InputError: The samples are no images of that size.

    Examples:
        >>> model = cifar10_full_sigmoid_bn(shape=(3, 32, 32), classes=10)
        >>> sum(parameter.numel() for parameter in model.parameters())  # the 89,578 of cifar10_full less 128 biases
        89450
    """
    return Cifar10FullSigmoidBn(*image_shape("cifar10_full_sigmoid_bn", shape), classes)
