"""A small convolutional network for small images: cheap on a CPU, and cheap as a lane of a fused batch."""

from __future__ import annotations

from typing import Literal

from torch import nn

from clr_study.models.base import MODELS
from clr_study.models.layers import at_least_one, he_normal, image_shape


@MODELS.add
def small_cnn(
    *, shape: tuple[int, ...], classes: int, width: int = 16, norm: Literal["none", "batch"] = "none"
) -> nn.Module:
    """Builds three 3x3 convolutions (width, 2*width, 2*width channels; strides 2, 2, 1) and a linear layer.

    The strides do the pooling: on a CPU, max pooling of 28x28 images takes longer than the convolutions' forward
    pass, and a net that pools trains a third to a half as many updates per second, alone or as fused lanes.

    Args:
        shape: An image's shape, at least 8x8.
        classes: The number of outputs; 1 for regression.
        width: Channels of the first convolution.
        norm: `batch` puts a BatchNorm behind each convolution: higher learning rates, about a quarter slower.

    Raises:
        InputError: The samples are no images of that size, or width is below 1.

    Examples:
        >>> model = small_cnn(shape=(1, 8, 8), classes=10, width=4)
        >>> sum(p.numel() for p in model.parameters())  # (9+1)*4 + (36+1)*8 + (72+1)*8 + (8*2*2+1)*10
        1250
    """
    channels, height, breadth = image_shape("small_cnn", shape)
    at_least_one("width", width)
    layers: list[nn.Module] = []
    for outputs, stride in ((width, 2), (2 * width, 2), (2 * width, 1)):
        layers.append(nn.Conv2d(channels, outputs, 3, stride=stride, padding=1, bias=norm == "none"))
        layers += [nn.BatchNorm2d(outputs), nn.ReLU()] if norm == "batch" else [nn.ReLU()]
        channels = outputs
    # Two strides of 2, each rounding up.
    pixels = -(-height // 4) * -(-breadth // 4)
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * pixels, classes))
    he_normal(model)
    return model
