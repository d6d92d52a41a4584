"""Learning rates that only fall, smoothly."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from clr_study.curves import Array
from clr_study.schedules.base import SCHEDULES, Band, Schedule
from clr_study.schedules.shapes import half_cosine


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Exponential(Schedule):
    """Falls by a factor every update: `lr * gamma ** t`. The paper's `exp`, PyTorch's `ExponentialLR`.

    Args:
        lr: At the start, above 0.
        gamma: The factor of one update, in (0, 1]; the paper has 0.99994 to 0.999995.

    Examples:
        >>> Exponential(lr=8, gamma=0.5).table(4)
        array([8., 4., 2., 1.])
    """

    lr: float
    gamma: float

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {"lr > 0": self.lr > 0, "0 < gamma <= 1": 0 < self.gamma <= 1}

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.lr * self.gamma**t


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Inverse(Schedule):
    """Falls as a power of time: `lr * (1 + gamma*t) ** -power`. Caffe's `inv`.

    Args:
        lr: At the start, above 0.
        gamma: Inverse of the time scale in updates, above 0.
        power: Above 0.

    Examples:
        >>> Inverse(lr=12, gamma=1, power=1).table(4)
        array([12.,  6.,  4.,  3.])
    """

    lr: float
    gamma: float
    power: float

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {"lr > 0": self.lr > 0, "gamma > 0": self.gamma > 0, "power > 0": self.power > 0}

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.lr * (1 + self.gamma * t) ** -self.power


@dataclass(frozen=True, kw_only=True)
class ToTheEnd(Schedule):
    """The family that falls from lr to end_lr in a given number of updates and stays there.

    `end_lr + (lr - end_lr) * remainder(left)`, where `left = max(0, 1 - t/updates)`. A run of `updates` updates stops
    one short of end_lr, which is the learning rate after the last: no update is spent at 0.

    Args:
        lr: At the start, above end_lr.
        end_lr: From `updates` on, at least 0.
        updates: Length of the fall, at least 1.
    """

    lr: float
    end_lr: float = 0.0
    updates: int

    @abstractmethod
    def remainder(self, left: Array) -> Array:
        """Returns which part of the way is still to fall, from 1 to 0, as `left`, the part of the time left, does."""

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {
            "end_lr >= 0": self.end_lr >= 0,
            "end_lr < lr": self.end_lr < self.lr,
            "updates >= 1": self.updates >= 1,
        }

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        left = np.maximum(0, 1 - t / self.updates)
        return self.end_lr + (self.lr - self.end_lr) * self.remainder(left)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Polynomial(ToTheEnd):
    """Falls from lr to end_lr as a power of the time left: `end_lr + (lr - end_lr) * (1 - t/updates) ** power`.

    Caffe's `poly` and PyTorch's `PolynomialLR`, which have end_lr = 0. From `updates` on it stays at end_lr.

    Args:
        lr: At the start, above end_lr.
        end_lr: At the end, at least 0.
        updates: Length of the fall, at least 1; in a study file the length of the run, unless it is given.
        power: Above 0; at 1 it is `Linear`.

    Examples:
        >>> Polynomial(lr=16, updates=4, power=2).table(6)
        array([16.,  9.,  4.,  1.,  0.,  0.])
    """

    power: float

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {**super().rules(), "power > 0": self.power > 0}

    def remainder(self, left: Array) -> Array:
        """Returns which part of the way is still to fall."""
        return left**self.power


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Linear(ToTheEnd):
    """Falls from lr to end_lr in a straight line: `end_lr + (lr - end_lr) * (1 - t/updates)`.

    From `updates` on it stays at end_lr. Decay to 0 within the budget is the strongest simple rule when the budget is
    fixed beforehand (Li, Yumer and Ramanan, "Budgeted Training", arXiv 1905.04753).

    Args:
        lr: At the start, above end_lr.
        end_lr: At the end, at least 0.
        updates: Length of the fall, at least 1; in a study file the length of the run, unless it is given.

    Examples:
        >>> Linear(lr=8, updates=4).table(5)
        array([8., 6., 4., 2., 0.])
    """

    def remainder(self, left: Array) -> Array:
        """Returns which part of the way is still to fall."""
        return left


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Cosine(ToTheEnd):
    """Falls from lr to end_lr along half a cosine: `end_lr + (lr - end_lr) * (1 + cos(pi * t/updates)) / 2`.

    From `updates` on it stays at end_lr. PyTorch's `CosineAnnealingLR`, which rises again there. From Loshchilov and
    Hutter, "SGDR", arXiv 1608.03983, without the restarts.

    Args:
        lr: At the start, above end_lr.
        end_lr: At the end, at least 0.
        updates: Length of the fall, at least 1; in a study file the length of the run, unless it is given.

    Examples:
        >>> Cosine(lr=8, updates=3).table(5).round(12)
        array([8., 6., 2., 0., 0.])
    """

    def remainder(self, left: Array) -> Array:
        """Returns which part of the way is still to fall."""
        return half_cosine(left)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Decay(Band):
    """Falls from max_lr to base_lr in step_size updates, in a straight line, and stays there.

    `base_lr + (max_lr - base_lr) * max(0, 1 - t/step_size)`: the paper's `decay`, its control for the question whether
    the fall alone, without the rise, explains what a cycle does.

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound.
        step_size: Updates of the fall, above 0.

    Examples:
        >>> Decay(base_lr=1, max_lr=5, step_size=2).table(4)
        array([5., 3., 1., 1.])
    """

    step_size: float

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {**super().rules(), "step_size > 0": self.step_size > 0}

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.between(np.maximum(0, 1 - t / self.step_size))
