"""Torchvision's classifiers by name: the one door to its models."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from clr_study.errors import InputError, did_you_mean
from clr_study.models.base import MODELS
from clr_study.models.layers import at_least_one

# What stands between the samples and torchvision's defaults, where a builder knows the word: the loss takes one output
# a sample, so the auxiliary heads go; the vision transformers are built for one size.
NEEDED: dict[str, Any] = {"aux_logits": False, "init_weights": True}
RANDOM_DEPTH = "Its layers are left out at random, other ones in each run."


@MODELS.add
def torchvision(*, shape: tuple[int, ...], classes: int, name: str) -> nn.Module:
    """Builds a classifier of torchvision by its name, untrained, with a head for our classes.

    AlexNet (`name = "alexnet"`), GoogLeNet (`"googlenet"`, without its auxiliary heads) and every other that
    `torchvision.models.list_models(module=torchvision.models)` names, with torchvision's own initialisation and
    dropout. What it draws at random in training follows from the seed and the update.

    Args:
        shape: An image's shape: three channels, and a size that the network takes, as 3x224x224.
        classes: The number of outputs; 1 for regression.
        name: As torchvision calls it.

    Raises:
        InputError: Torchvision has no such classifier, or the samples are no images of three channels.

    Examples:
        >>> model = torchvision(shape=(3, 224, 224), classes=10, name="squeezenet1_1")
        >>> model.classifier[1]
        Conv2d(512, 10, kernel_size=(1, 1), stride=(1, 1))
        >>> torchvision(shape=(3, 224, 224), classes=10, name="alexnt")
        Traceback (most recent call last):
        clr_study.errors.InputError: torchvision has no classifier 'alexnt'; did you mean 'alexnet'?
    """
    from torchvision import models

    names = models.list_models(module=models)
    if name not in names:
        raise InputError(f"torchvision has no classifier {name!r}; {did_you_mean(name, names)}")
    if len(shape) != 3 or shape[0] != 3:
        raise InputError(f"{name} needs images of 3 channels, but the data's samples have the shape {list(shape)}")
    return classifier
