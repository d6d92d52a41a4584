"""The multilayer perceptron."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

from torch import nn

from clr_study.models.base import MODELS
from clr_study.models.layers import at_least_one, he_normal

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}


@MODELS.add
def mlp(
    *,
    shape: tuple[int, ...],
    classes: int,
    hidden: tuple[int, ...] = (64,),
    activation: Literal["relu", "tanh", "gelu", "silu"] = "relu",
) -> nn.Module:
    """Builds a multilayer perceptron over the flattened sample, with He's initialisation.

    Args:
        shape: One sample's shape, any.
        classes: The number of outputs; 1 for regression.
        hidden: The width of each hidden layer, from the input on; none at all gives a linear model.
        activation: The function after each hidden layer.

    Raises:
        InputError: A width below 1.

    Examples:
        >>> mlp(shape=(1, 8, 8), classes=10, hidden=(32, 16))
        Sequential(
          (0): Flatten(start_dim=1, end_dim=-1)
          (1): Linear(in_features=64, out_features=32, bias=True)
          (2): ReLU()
          (3): Linear(in_features=32, out_features=16, bias=True)
          (4): ReLU()
          (5): Linear(in_features=16, out_features=10, bias=True)
        )
    """
    widths = (math.prod(shape), *hidden)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(widths):
        at_least_one("hidden", outputs)
        layers += [nn.Linear(inputs, outputs), _ACTIVATIONS[activation]()]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], classes))
    he_normal(model)
    return model
