"""Learning rates that stay where they are, for ever or for a stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clr_study.curves import Array
from clr_study.schedules.base import SCHEDULES, Schedule
from clr_study.schedules.checks import rise_from_one


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """One learning rate for ever: `lr`.

    Args:
        lr: Above 0.

    Examples:
        >>> Constant(lr=0.1).table(3)
        array([0.1, 0.1, 0.1])
    """

    lr: float

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {"lr > 0": self.lr > 0}

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return np.full_like(t, self.lr)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Step(Schedule):
    """Falls by a factor again and again: `lr * gamma ** floor(t / every)`. Caffe's `step`, PyTorch's `StepLR`.

    Args:
        lr: Until the first fall, above 0.
        gamma: The factor, in (0, 1].
        every: Updates between two falls, at least 1.

    Examples:
        >>> Step(lr=8, gamma=0.5, every=2).table(6)
        array([8., 8., 4., 4., 2., 2.])
    """

    lr: float
    gamma: float
    every: int

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {"lr > 0": self.lr > 0, "0 < gamma <= 1": 0 < self.gamma <= 1, "every >= 1": self.every >= 1}

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.lr * self.gamma ** (t // self.every)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Multistep(Schedule):
    """Falls by a factor at each milestone: `lr * gamma ** (number of milestones <= t)`. PyTorch's `MultiStepLR`.

    Stages of which each has its own learning rate, as Caffe's 0.001 / 1e-4 / 1e-5, can be written as a `Joined` of
    `Constant`s too.

    Args:
        lr: Until the first milestone, above 0.
        gamma: The factor, in (0, 1].
        milestones: Updates, rising from at least 1. The update of a milestone is the first with the lower rate.

    Examples:
        >>> Multistep(lr=8, gamma=0.5, milestones=[2, 3]).table(5)
        array([8., 8., 4., 2., 2.])
    """

    lr: float
    gamma: float
    milestones: tuple[int, ...]

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {
            "lr > 0": self.lr > 0,
            "0 < gamma <= 1": 0 < self.gamma <= 1,
            "len(milestones) >= 1": len(self.milestones) >= 1,
            "1 <= milestones[0] < milestones[1] < ...": rise_from_one(self.milestones),
        }

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        passed = np.searchsorted(self.milestones, t, side="right").astype(np.float64)
        return self.lr * self.gamma**passed


# The name under which users of PyTorch look for it; the kind in a study file is `multistep`.
MultiStep = Multistep
