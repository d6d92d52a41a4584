"""Stochastic gradient descent with momentum, in PyTorch's and in Caffe's convention."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from clr_study.errors import InputError
from clr_study.optim.base import (
    OPTIMIZERS,
    Multipliers,
    Optimizer,
    Params,
    State,
    check_number,
    times,
    zeros,
)


@OPTIMIZERS.add
def sgd(
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    convention: Literal["torch", "caffe"] = "torch",
) -> Optimizer:
    """Builds stochastic gradient descent.

    With `d = g + weight_decay * w`, the decayed gradient, and all velocities zero at first:

    - torch: `V = momentum * V + d`, `w -= lr * V`; Nesterov: `w -= lr * (d + momentum * V)`. The whole velocity is
      multiplied by the current learning rate. Bit-equal to `torch.optim.SGD` without dampening.
    - caffe: `V' = momentum * V + lr * d`, `w -= V'`; Nesterov: `w -= (1 + momentum) * V' - momentum * V`. Each
      gradient keeps the learning rate of its own update. Source: Caffe's sgd_solver.cpp and nesterov_solver.cpp.

    The two are the same as long as the learning rate is constant, and differ wherever it moves. A parameter's
    multipliers, if it has any, scale its lr and its weight_decay.

    Args:
        momentum: In [0, 1).
        weight_decay: The factor of the L2 penalty, at least 0.
        nesterov: Look ahead along the velocity; needs momentum.
        convention: Where the learning rate enters.

    Raises:
        InputError: A number outside its bounds, or nesterov without momentum.

    Examples:
        >>> sgd(momentum=0.9, weight_decay=5e-4).hyper
        {'momentum': 0.9, 'weight_decay': 0.0005}
        >>> sgd(nesterov=True)
        Traceback (most recent call last):
        clr_study.errors.InputError: nesterov = true needs a momentum above 0, but got momentum = 0.0
    """
    check_number("momentum", momentum, 0, 1, "[0, 1)")
    check_number("weight_decay", weight_decay, 0, math.inf, "[0, inf)")
    if nesterov and momentum == 0:
        raise InputError(f"nesterov = true needs a momentum above 0, but got momentum = {momentum}")
    rule = _caffe if convention == "caffe" else _torch

    def init(params: Params) -> State:
        return {"velocity": zeros(params)}

    def update(
        gradients: Params,
        state: State,
        params: Params,
        lr: Tensor,
        hyper: dict[str, Tensor],
        multipliers: Multipliers,
    ) -> tuple[Params, State]:
        weights, velocities = {}, {}
        for name, weight in params.items():
            lr_mult, decay_mult = multipliers.get(name, (1.0, 1.0))
            decayed = torch.addcmul(gradients[name], weight, times(hyper["weight_decay"], decay_mult))
            weights[name], velocities[name] = rule(
                weight, decayed, state["velocity"][name], times(lr, lr_mult), hyper["momentum"], nesterov
            )
        return weights, {"velocity": velocities}

    return Optimizer(init, update, {"momentum": momentum, "weight_decay": weight_decay}, elementwise=True)


def _torch(
    weight: Tensor, decayed: Tensor, velocity: Tensor, lr: Tensor, momentum: Tensor, nesterov: bool
) -> tuple[Tensor, Tensor]:
    velocity = (velocity * momentum).add_(decayed)
    direction = torch.addcmul(decayed, velocity, momentum) if nesterov else velocity
    # addcmul rounds once, as torch.optim.SGD does; weight - lr * direction rounds twice.
    return torch.addcmul(weight, direction, lr, value=-1), velocity


def _caffe(
    weight: Tensor, decayed: Tensor, velocity: Tensor, lr: Tensor, momentum: Tensor, nesterov: bool
) -> tuple[Tensor, Tensor]:
    new = momentum * velocity + lr * decayed
    return weight - ((1 + momentum) * new - momentum * velocity if nesterov else new), new
