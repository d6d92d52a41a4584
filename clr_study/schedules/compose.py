"""Schedules of several phases: one cycle, a trapezoid, and any others joined end to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from clr_study.curves import Array
from clr_study.schedules.base import SCHEDULES, Schedule
from clr_study.schedules.checks import rise_from_one, whole
from clr_study.schedules.shapes import half_cosine


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """Rises from max_lr / div to max_lr, then falls far below where it began: the 1cycle policy, as PyTorch has it.

    The peak is at update `warmup*updates - 1`; the last update, `updates - 1`, is at max_lr / div / final_div, and so
    is every later one. Smith and Topin, "Super-Convergence", arXiv 1708.07120, with the two phases of fastai;
    PyTorch's `OneCycleLR`. If warmup is so short that there is no rise, the fall begins at once.

    Args:
        max_lr: At the peak, above 0.
        updates: Length of the run, at least 1; in a study file that of the run, unless it is given.
        warmup: Part of the updates in which the learning rate rises, in [0, 1).
        div: How much larger max_lr is than the learning rate at the start, at least 1.
        final_div: How much larger the learning rate at the start is than that at the end, at least 1.
        anneal: The curve of both phases.

    Examples:
        >>> OneCycle(max_lr=8, updates=8, warmup=0.375, div=8, final_div=1, anneal="linear").table(8).round(2)
        array([1. , 4.5, 8. , 6.6, 5.2, 3.8, 2.4, 1. ])
    """

    max_lr: float
    updates: int
    warmup: float = 0.3
    div: float = 25.0
    final_div: float = 1e4
    anneal: Literal["cosine", "linear"] = "cosine"

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {
            "max_lr > 0": self.max_lr > 0,
            "updates >= 1": self.updates >= 1,
            "0 <= warmup < 1": 0 <= self.warmup < 1,
            "div >= 1": self.div >= 1,
            "final_div >= 1": self.final_div >= 1,
        }

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        first, peak, last = self.max_lr / self.div, self.warmup * self.updates - 1, self.updates - 1
        done = np.minimum(1, (t - peak) / (last - peak))
        fall = self._way(self.max_lr, first / self.final_div, done)
        if peak <= 0:
            return fall
        rise = self._way(first, self.max_lr, np.minimum(1, t / peak))
        return np.where(t <= peak, rise, fall)

    def _way(self, start: float, end: float, done: Array) -> Array:
        """The learning rate from start to end as `done` goes from 0 to 1."""
        return start + (end - start) * (half_cosine(done) if self.anneal == "cosine" else done)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Trapezoid(Schedule):
    """Rises in a straight line, stays at lr, and falls in a straight line: warm-up, stable, decay.

    `lr * min(1, (t+1) / (warmup*updates), (updates-t) / (cooldown*updates))`. The lines start and end at 0 outside of
    the run, one update before its first and at the one after its last, so that no update is spent at 0: the first of
    w updates of warm-up is at lr/w, the last at lr, and the cool-down is its mirror image. A phase that is shorter
    than an update is none. Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
    Durations", arXiv 2405.18392.

    Args:
        lr: In the flat part, above 0.
        updates: Length of the run, at least 1; in a study file that of the run, unless it is given. Later it is 0.
        warmup: Part of the updates in which the learning rate rises, at least 0.
        cooldown: Part of the updates in which it falls, at least 0; the two are at most 1 together.

    Examples:
        >>> Trapezoid(lr=4, updates=8, warmup=0.25, cooldown=0.5).table(9)
        array([2., 4., 4., 4., 4., 3., 2., 1., 0.])
    """

    lr: float
    updates: int
    warmup: float = 0.1
    cooldown: float = 0.2

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {
            "lr > 0": self.lr > 0,
            "updates >= 1": self.updates >= 1,
            "warmup >= 0": self.warmup >= 0,
            "cooldown >= 0": self.cooldown >= 0,
            "warmup + cooldown <= 1": self.warmup + self.cooldown <= 1,
        }

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        rise = (t + 1) / max(1, self.warmup * self.updates)
        fall = (self.updates - t) / max(1, self.cooldown * self.updates)
        return self.lr * np.clip(np.minimum(rise, fall), 0, 1)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Joined(Schedule):
    """One schedule after the other: from a boundary on the next one is called, with the updates since the boundary.

    Warm-up, stages and restarts of every kind are written so, as with optax's `join_schedules`.

    Args:
        schedules: One or more.
        boundaries: The first update of each schedule after the first, rising from at least 1.

    Examples:
        >>> from clr_study.schedules import Constant, LinearRamp
        >>> Joined(schedules=[LinearRamp(low=1, high=5, updates=2), Constant(lr=5)], boundaries=[2]).table(4)
        array([1., 3., 5., 5.])
    """

    schedules: tuple[Schedule, ...]
    boundaries: tuple[int, ...]

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {
            "len(schedules) >= 1": len(self.schedules) >= 1,
            "len(boundaries) == len(schedules) - 1": len(self.boundaries) == len(self.schedules) - 1,
            "1 <= boundaries[0] < boundaries[1] < ...": rise_from_one(self.boundaries),
        }

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        stage = np.searchsorted(self.boundaries, t, side="right")
        lrs = np.empty_like(t)
        for number, (schedule, start) in enumerate(zip(self.schedules, (0, *self.boundaries), strict=True)):
            here = stage == number
            lrs[here] = schedule.formula(t[here] - start)
        return lrs

    def cycle_ends(self, updates: int) -> tuple[int, ...]:
        """Returns the counts of updates done at which a cycle of the schedule in force is complete.

        Args:
            updates: Length of the run, at least 1. A cycle that ends with its stage, or with the run, counts.

        Raises:
            ValueError: `updates` is not a whole number, or below 1.
        """
        starts = (0, *self.boundaries)
        ends = (*self.boundaries, whole("updates", updates, low=1))
        return tuple(
            start + end
            for schedule, start, stop in zip(self.schedules, starts, ends, strict=True)
            if start < updates
            for end in schedule.cycle_ends(min(stop, updates) - start)
        )
