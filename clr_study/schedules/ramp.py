"""Learning rates that only rise: what a range test trains with. `LinearRamp` is a warm-up, too, inside `Joined`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from clr_study.curves import Array
from clr_study.schedules.base import SCHEDULES, Schedule


@dataclass(frozen=True, kw_only=True)
class Ramp(Schedule):
    """The family that rises from low to high in a given number of updates and stays there.

    Args:
        low: At update 0.
        high: From `updates` on, above low.
        updates: Length of the rise, at least 1.
    """

    low: float
    high: float
    updates: int

    @abstractmethod
    def rise(self, done: Array) -> Array:
        """Returns the learning rate from low to high as `done`, the part of the time that is over, goes from 0 to 1."""

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {"low >= 0": self.low >= 0, "low < high": self.low < self.high, "updates >= 1": self.updates >= 1}

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.rise(np.minimum(1, t / self.updates))


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class LinearRamp(Ramp):
    """Rises from low to high in a straight line: `low + (high - low) * t/updates`.

    The paper's range test (section 3.3): the first half of a `Triangular` whose step_size is the whole run.

    Args:
        low: At update 0, at least 0.
        high: From `updates` on, above low. A run of `updates` updates stops one short of it.
        updates: Length of the rise, at least 1; in a study file the length of the run, unless it is given.

    Examples:
        >>> LinearRamp(low=1, high=9, updates=4).table(6)
        array([1., 3., 5., 7., 9., 9.])
    """

    def rise(self, done: Array) -> Array:
        """Returns the learning rate from low to high."""
        return self.low + (self.high - self.low) * done


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class ExponentialRamp(Ramp):
    """Rises from low to high by the same factor every update: `low * (high / low) ** (t/updates)`.

    The range test of fastai and pytorch-lr-finder, which spends as many updates on each decade.

    Args:
        low: At update 0, above 0.
        high: From `updates` on, above low. A run of `updates` updates stops one short of it.
        updates: Length of the rise, at least 1; in a study file the length of the run, unless it is given.

    Examples:
        >>> ExponentialRamp(low=1, high=16, updates=4).table(6)
        array([ 1.,  2.,  4.,  8., 16., 16.])
    """

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {"low > 0": self.low > 0, **super().rules()}

    def rise(self, done: Array) -> Array:
        """Returns the learning rate from low to high."""
        return self.low * (self.high / self.low) ** done
