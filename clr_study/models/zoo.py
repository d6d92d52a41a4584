"""Torchvision's classifiers by name: the one door to its models."""

from __future__ import annotations

from typing import Any

from torch import nn

from clr_study.errors import InputError, did_you_mean
from clr_study.models.base import MODELS

# A loss takes one row of logits a sample, so the auxiliary heads go.
ONE_HEAD = {"aux_logits": False, "init_weights": True}
OPTIONS: dict[str, dict[str, Any]] = {"googlenet": ONE_HEAD, "inception_v3": ONE_HEAD}


@MODELS.add
def torchvision(*, shape: tuple[int, ...], classes: int, name: str) -> nn.Module:
    """Builds a classifier of torchvision by its name, untrained, with a head for these classes.

    AlexNet (`name = "alexnet"`), GoogLeNet (`"googlenet"`, without its auxiliary heads), and every other one that
    `torchvision.models.list_models(module=torchvision.models)` names, with torchvision's own initialisation, dropout
    and stochastic depth. What it draws at random in training is a function of the seed and the update.

    Args:
        shape: An image's shape: 3 channels, and a size that the network takes; 3x224x224 suits nearly all of them.
        classes: The number of outputs; 1 for regression.
        name: As torchvision calls it.

    Raises:
        InputError: Torchvision has no such classifier, or the samples are no images of 3 channels.

    Examples:
        >>> model = torchvision(shape=(3, 224, 224), classes=10, name="squeezenet1_1")
        >>> model.classifier[1]
        Conv2d(512, 10, kernel_size=(1, 1), stride=(1, 1))
        >>> torchvision(shape=(3, 224, 224), classes=10, name="alexnt")
        Traceback (most recent call last):
        clr_study.errors.InputError: torchvision has no classifier 'alexnt'; did you mean 'alexnet'?
    """
    # Here and not above: the import takes a second, and most studies need none of it.
    from torchvision import models
    from torchvision.ops import StochasticDepth

    names = models.list_models(module=models)
    if name not in names:
        raise InputError(f"torchvision has no classifier {name!r}; {did_you_mean(name, names)}")
    if len(shape) != 3 or shape[0] != 3:
        raise InputError(f"{name} needs images [3, height, width], but the data's samples have the shape {list(shape)}")
    model: nn.Module = models.get_model(name, weights=None, num_classes=classes, **OPTIONS.get(name, {}))
    if any(isinstance(part, StochasticDepth) and part.p > 0 for part in model.modules()):
        model.unfusable_reason = "Its layers are left out at random, other ones in each run."  # type: ignore[assignment]
    return model
