"""What an optimizer is: `init` and `update`, two pure functions, and the numbers in which lanes may differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from clr_study.errors import InputError
from clr_study.registry import Registry
from clr_study.spec.make import make, parameters_of

Params = dict[str, Tensor]
State = dict[str, dict[str, Tensor]]
Multipliers = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Optimizer:
    """An optimizer without a state of its own.

    Both functions leave their arguments as they are and use nothing but tensor operations, so `torch.func.vmap` takes
    them, with one learning rate and one set of numbers a lane.

    Args:
        init: From the parameters to the first state: slot name, then parameter name, then tensor. A counter is a
            slot with one 0-d tensor, so it too stacks by lane.
        update: From (gradients, state, parameters, lr, hyper, multipliers) to (new parameters, new state). lr and the
            values of `hyper` are 0-d tensors of the parameters' dtype; multipliers give (learning-rate multiplier,
            weight-decay multiplier) by parameter name, (1, 1) where a name is missing.
        hyper: The numbers that may differ by lane, and over time: `update` takes them back as tensors.
        elementwise: Whether each number of a parameter is updated by itself, from the same place of the gradient and
            the slots. Lanes then need no vmap: `update` is given a matrix a parameter, a lane a row, and lr and the
            numbers as columns.

    Examples:
        >>> from clr_study.optim import sgd
        >>> optimizer = sgd(momentum=0.9)
        >>> hyper = {name: torch.tensor(value) for name, value in optimizer.hyper.items()}
        >>> w, gradient, lr = {"w": torch.tensor(1.0)}, {"w": torch.tensor(0.5)}, torch.tensor(0.25)
        >>> state = optimizer.init(w)
        >>> w, state = optimizer.update(gradient, state, w, lr, hyper, {})  # 1 - 0.25 * 0.5
        >>> w
        {'w': tensor(0.8750)}
        >>> optimizer.update(gradient, state, w, lr, hyper, {})[0]  # 0.875 - 0.25 * (0.9 * 0.5 + 0.5)
        {'w': tensor(0.6375)}
    """

    init: Callable[[Params], State]
    update: Callable[[Params, State, Params, Tensor, dict[str, Tensor], Multipliers], tuple[Params, State]]
    hyper: dict[str, float]
    elementwise: bool = False


OPTIMIZERS: Registry[Callable[..., Optimizer]] = Registry("optimizer")
add = OPTIMIZERS.add


def build_optimizer(table: Mapping[str, Any]) -> Optimizer:
    """Builds the optimizer that a study file's `optim` table asks for.

    Args:
        table: `kind` and the keyword arguments of that optimizer.

    Raises:
        UnknownKindError: No optimizer is called so.
        SpecError: An argument is unknown, missing or of the wrong type.
        InputError: A number outside its bounds.

    Examples:
        >>> build_optimizer({"kind": "sgd", "momentum": 0.9}).hyper
        {'momentum': 0.9, 'weight_decay': 0.0}
        >>> build_optimizer({"kind": "sgd", "momentum": 1.5})
        Traceback (most recent call last):
        clr_study.errors.InputError: [optim] momentum must lie in [0, 1), but got 1.5
    """
    optimizer = make(OPTIMIZERS, table, "[optim]")
    if not isinstance(optimizer, Optimizer):
        raise InputError(
            f"optimizer {table['kind']!r} must return clr_study.optim.Optimizer, but returned {optimizer!r}"
        )
    return optimizer


def structure(table: Mapping[str, Any]) -> tuple[Any, ...]:
    """Returns the part of a table that fixes the code of a step; lanes whose structures are equal may share one.

    It is the kind and every argument, defaults included, that is not a number in `Optimizer.hyper`.

    Raises:
        InputError: As `build_optimizer`.

    Examples:
        >>> structure({"kind": "sgd", "momentum": 0.9})
        ('sgd', ('convention', 'torch'), ('nesterov', False))
        >>> structure({"kind": "sgd", "momentum": 0.5}) == structure({"kind": "sgd", "momentum": 0.9})
        True
    """
    numbers = build_optimizer(table).hyper
    kind = table["kind"]
    parameters = parameters_of(OPTIMIZERS[kind], "[optim]")
    arguments = {name: table.get(name, parameter.default) for name, parameter in parameters.items()}
    return (kind, *sorted((name, value) for name, value in arguments.items() if name not in numbers))


def times(value: Tensor, multiplier: float) -> Tensor:
    """Returns a learning rate or weight decay times a parameter's multiplier; nearly all of those are 1."""
    return value if multiplier == 1 else value * multiplier


def zeros(params: Params) -> Params:
    """Returns a zero for each parameter, the usual first content of a slot."""
    return {name: torch.zeros_like(value) for name, value in params.items()}


def check_number(name: str, value: float, low: float, high: float, interval: str) -> None:
    """Refuses a number outside `[low, high)`.

    Args:
        name: The argument, for the message.
        value: What was given.
        low: The least number allowed.
        high: The least number above that is not.
        interval: How to write the interval.

    Raises:
        InputError: It lies outside, or is not a number.

    Examples:
        >>> check_number("momentum", 1.5, 0, 1, "[0, 1)")
        Traceback (most recent call last):
        clr_study.errors.InputError: momentum must lie in [0, 1), but got 1.5
    """
    if not low <= value < high:
        raise InputError(f"{name} must lie in {interval}, but got {value!r}")
