"""Optimizers that divide each gradient by the size of those before it: AdaGrad, RMSProp and AdaDelta."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

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

# From the decayed gradient, a parameter's slots and the numbers to what the learning rate is multiplied by, and the
# new slots.
Rule = Callable[[Tensor, Sequence[Tensor], dict[str, Tensor]], tuple[Tensor, Sequence[Tensor]]]


@OPTIMIZERS.add
def adagrad(eps: float = 1e-10, weight_decay: float = 0.0) -> Optimizer:
    """Builds AdaGrad: each weight has its own rate, which falls with the sum of its squared gradients.

    With `d = g + weight_decay * w`: `v += d^2`, `w -= lr * d / (sqrt(v) + eps)`. J. Duchi et al., *Adaptive
    Subgradient Methods*, JMLR 12 (2011); as `torch.optim.Adagrad`, and as Caffe's AdaGrad with `eps = 1e-8`.

    Args:
        eps: Added to the denominator, above 0.
        weight_decay: The factor of the L2 penalty, at least 0.

    Raises:
        InputError: A number outside its bounds.

    Examples:
        Of equal gradients the first step is lr long, the fourth half of it:

        >>> optimizer = adagrad()
        >>> hyper = {name: torch.tensor(value) for name, value in optimizer.hyper.items()}
        >>> w, gradient, lr = {"w": torch.tensor(0.0)}, {"w": torch.tensor(8.0)}, torch.tensor(1.0)
        >>> state = {"square_sum": {"w": torch.tensor(3 * 8.0**2)}}
        >>> optimizer.update(gradient, state, w, lr, hyper, {})
        ({'w': tensor(-0.5000)}, {'square_sum': {'w': tensor(256.)}})
    """
    hyper = {"eps": _eps(eps), "weight_decay": _weight_decay(weight_decay)}
    return _optimizer(_adagrad, ("square_sum",), hyper)


@OPTIMIZERS.add
def rmsprop(alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, weight_decay: float = 0.0) -> Optimizer:
    """Builds RMSProp: as AdaGrad, with a moving average of the squared gradients in place of their sum.

    With `d = g + weight_decay * w`: `v = alpha * v + (1 - alpha) * d^2`,
    `V = momentum * V + d / (sqrt(v) + eps)`, `w -= lr * V`. T. Tieleman and G. Hinton, *Lecture 6.5* (2012); as
    `torch.optim.RMSprop`, and as Caffe's RMSProp, which has no momentum and calls alpha `rms_decay`.

    Args:
        alpha: Decay rate of the mean squared gradient, in [0, 1).
        eps: Added to the denominator, above 0.
        momentum: In [0, 1).
        weight_decay: The factor of the L2 penalty, at least 0.

    Raises:
        InputError: A number outside its bounds.

    Examples:
        >>> optimizer = rmsprop(alpha=0.75)
        >>> hyper = {name: torch.tensor(value) for name, value in optimizer.hyper.items()}
        >>> w, gradient = {"w": torch.tensor(1.0)}, {"w": torch.tensor(8.0)}
        >>> optimizer.update(gradient, optimizer.init(w), w, torch.tensor(0.25), hyper, {})[0]  # 1 - 0.25 * 8 / 4
        {'w': tensor(0.5000)}
    """
    check_number("alpha", alpha, 0, 1, "[0, 1)")
    check_number("momentum", momentum, 0, 1, "[0, 1)")
    hyper = {"alpha": alpha, "eps": _eps(eps), "momentum": momentum, "weight_decay": _weight_decay(weight_decay)}
    return _optimizer(_rmsprop, ("mean_square", "velocity"), hyper)


@OPTIMIZERS.add
def adadelta(rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0) -> Optimizer:
    """Builds AdaDelta: as RMSProp, with steps in the size of the steps before.

    With `d = g + weight_decay * w`: `v = rho * v + (1 - rho) * d^2`, `s = d * sqrt(u + eps) / sqrt(v + eps)`,
    `u = rho * u + (1 - rho) * s^2`, `w -= lr * s`. M. D. Zeiler, *ADADELTA*, arXiv 1212.5701, algorithm 1, which has
    lr = 1; as `torch.optim.Adadelta`, and as Caffe's AdaDelta, which calls rho `momentum` and eps `delta`.

    Args:
        rho: Decay rate of both mean squares, in [0, 1).
        eps: Added to both mean squares, above 0; it sets the size of the first steps.
        weight_decay: The factor of the L2 penalty, at least 0.

    Raises:
        InputError: A number outside its bounds.

    Examples:
        >>> optimizer = adadelta(rho=0.75, eps=0.25)
        >>> hyper = {name: torch.tensor(value) for name, value in optimizer.hyper.items()}
        >>> w, gradient = {"w": torch.tensor(1.0)}, {"w": torch.tensor(3**0.5)}
        >>> state = optimizer.init(w)
        >>> w, state = optimizer.update(gradient, state, w, torch.tensor(1.0), hyper, {})
        >>> w, state["mean_square"]  # 1 - sqrt(3) * sqrt(0.25) / sqrt(0.75 + 0.25)
        ({'w': tensor(0.1340)}, {'w': tensor(0.7500)})
    """
    check_number("rho", rho, 0, 1, "[0, 1)")
    hyper = {"rho": rho, "eps": _eps(eps), "weight_decay": _weight_decay(weight_decay)}
    return _optimizer(_adadelta, ("mean_square", "mean_square_step"), hyper)


def _adagrad(decayed: Tensor, slots: Sequence[Tensor], hyper: dict[str, Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
    total = torch.addcmul(slots[0], decayed, decayed)
    return decayed / (total.sqrt() + hyper["eps"]), (total,)


def _rmsprop(decayed: Tensor, slots: Sequence[Tensor], hyper: dict[str, Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
    square, velocity = slots
    square = torch.lerp(decayed.square(), square, hyper["alpha"])
    velocity = hyper["momentum"] * velocity + decayed / (square.sqrt() + hyper["eps"])
    return velocity, (square, velocity)


def _adadelta(decayed: Tensor, slots: Sequence[Tensor], hyper: dict[str, Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
    square, square_step = slots
    square = torch.lerp(decayed.square(), square, hyper["rho"])
    step = (square_step + hyper["eps"]).sqrt() / (square + hyper["eps"]).sqrt() * decayed
    return step, (square, torch.lerp(step.square(), square_step, hyper["rho"]))


def _optimizer(rule: Rule, slots: tuple[str, ...], numbers: dict[str, float]) -> Optimizer:
    """An optimizer that keeps some slots a parameter and steps by lr times what a rule says."""

    def init(params: Params) -> State:
        return {slot: zeros(params) for slot in slots}

    def update(
        gradients: Params,
        state: State,
        params: Params,
        lr: Tensor,
        hyper: dict[str, Tensor],
        multipliers: Multipliers,
    ) -> tuple[Params, State]:
        new: State = {slot: {} for slot in slots}
        weights: Params = {}
        for name, weight in params.items():
            lr_mult, decay_mult = multipliers.get(name, (1.0, 1.0))
            decayed = torch.addcmul(gradients[name], weight, times(hyper["weight_decay"], decay_mult))
            direction, after = rule(decayed, [state[slot][name] for slot in slots], hyper)
            weights[name] = torch.addcmul(weight, direction, times(lr, lr_mult), value=-1)
            for slot, value in zip(slots, after, strict=True):
                new[slot][name] = value
        return weights, new

    return Optimizer(init, update, numbers, elementwise=True)


def _eps(value: float) -> float:
    check_number("eps", value, math.nextafter(0, 1), math.inf, "(0, inf)")
    return value


def _weight_decay(value: float) -> float:
    check_number("weight_decay", value, 0, math.inf, "[0, inf)")
    return value
