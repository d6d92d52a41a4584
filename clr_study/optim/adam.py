"""Adam, with its weight decay inside the gradient (`adam`) or beside it (`adamw`)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
def adam(beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.0) -> Optimizer:
    """Builds Adam; weight decay is an L2 penalty, so it passes through the moments.

    With `d = g + weight_decay * w` and t the updates done, this one included:
    `m = beta1 * m + (1 - beta1) * d`, `v = beta2 * v + (1 - beta2) * d^2`,
    `w -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)`.
    D. P. Kingma and J. Ba, *Adam*, arXiv 1412.6980, algorithm 1; as `torch.optim.Adam`.

    Args:
        beta1: Decay rate of the mean gradient, in [0, 1).
        beta2: Decay rate of the mean squared gradient, in [0, 1).
        eps: Added to the denominator, above 0.
        weight_decay: The factor of the L2 penalty, at least 0.

    Raises:
        InputError: A number outside its bounds.

    Examples:
        The first step is lr long, whatever the gradient's size:

        >>> optimizer = adam()
        >>> hyper = {name: torch.tensor(value) for name, value in optimizer.hyper.items()}
        >>> w, gradient = {"w": torch.tensor(1.0)}, {"w": torch.tensor(200.0)}
        >>> optimizer.update(gradient, optimizer.init(w), w, torch.tensor(0.25), hyper, {})[0]
        {'w': tensor(0.7500)}
    """
    return _adam(beta1, beta2, eps, weight_decay, decoupled=False)


@OPTIMIZERS.add
def adamw(beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.01) -> Optimizer:
    """Builds AdamW: as Adam, but each update first shrinks the weights, `w *= 1 - lr * weight_decay`.

    I. Loshchilov and F. Hutter, *Decoupled Weight Decay Regularization*, arXiv 1711.05101; as `torch.optim.AdamW`,
    where the decay is multiplied by the current learning rate.

    Args:
        beta1: Decay rate of the mean gradient, in [0, 1).
        beta2: Decay rate of the mean squared gradient, in [0, 1).
        eps: Added to the denominator, above 0.
        weight_decay: What an update takes off the weights, in units of lr; at least 0.

    Raises:
        InputError: A number outside its bounds.

    Examples:
        >>> optimizer = adamw(weight_decay=0.5)
        >>> hyper = {name: torch.tensor(value) for name, value in optimizer.hyper.items()}
        >>> w, gradient = {"w": torch.tensor(1.0)}, {"w": torch.tensor(0.0)}
        >>> optimizer.update(gradient, optimizer.init(w), w, torch.tensor(0.25), hyper, {})[0]  # 1 - 0.25 * 0.5
        {'w': tensor(0.8750)}
    """
    return _adam(beta1, beta2, eps, weight_decay, decoupled=True)


def _adam(beta1: float, beta2: float, eps: float, weight_decay: float, decoupled: bool) -> Optimizer:
    check_number("beta1", beta1, 0, 1, "[0, 1)")
    check_number("beta2", beta2, 0, 1, "[0, 1)")
    check_number("eps", eps, math.nextafter(0, 1), math.inf, "(0, inf)")
    check_number("weight_decay", weight_decay, 0, math.inf, "[0, inf)")

    def init(params: Params) -> State:
        some = next(iter(params.values()))
        step = {"step": torch.zeros((), dtype=some.dtype, device=some.device)}
        return {"step": step, "mean": zeros(params), "mean_square": zeros(params)}

    def update(
        gradients: Params,
        state: State,
        params: Params,
        lr: Tensor,
        hyper: dict[str, Tensor],
        multipliers: Multipliers,
    ) -> tuple[Params, State]:
        step = state["step"]["step"] + 1
        bias1, bias2 = _bias(hyper["beta1"], step), _bias(hyper["beta2"], step)
        new: State = {"step": {"step": step}, "mean": {}, "mean_square": {}}
        weights: Params = {}
        for name, weight in params.items():
            lr_mult, decay_mult = multipliers.get(name, (1.0, 1.0))
            rate, decay = times(lr, lr_mult), times(hyper["weight_decay"], decay_mult)
            gradient = gradients[name]
            if decoupled:
                weight = weight * (1 - rate * decay)
            else:
                gradient = torch.addcmul(gradient, weight, decay)
            mean = torch.lerp(state["mean"][name], gradient, 1 - hyper["beta1"])
            square = torch.lerp(state["mean_square"][name], gradient.square(), 1 - hyper["beta2"])
            weights[name] = weight - rate / bias1 * mean / ((square / bias2).sqrt() + hyper["eps"])
            new["mean"][name], new["mean_square"][name] = mean, square
        return weights, new

    return Optimizer(
        init, update, {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}, elementwise=True
    )


def _bias(beta: Tensor, step: Tensor) -> Tensor:
    """Returns 1 - beta**step; for beta near 1 the difference itself would cost float32 three of its seven digits."""
    return -torch.expm1(step * torch.log(beta))
