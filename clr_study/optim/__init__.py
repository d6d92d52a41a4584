"""Optimizers as pairs of pure functions over tensors, so that one step can be batched over lanes."""

from clr_study.optim.adam import adam, adamw
from clr_study.optim.adaptive import adadelta, adagrad, rmsprop
from clr_study.optim.base import (
    OPTIMIZERS,
    Multipliers,
    Optimizer,
    Params,
    State,
    add,
    build_optimizer,
    structure,
)
from clr_study.optim.sgd import sgd

__all__ = [
    "OPTIMIZERS",
    "Multipliers",
    "Optimizer",
    "Params",
    "State",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "add",
    "build_optimizer",
    "rmsprop",
    "sgd",
    "structure",
]
