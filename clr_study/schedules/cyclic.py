"""Cyclical learning rates: the triangle of the paper in its variants, and warm restarts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from clr_study.curves import Array
from clr_study.schedules.base import SCHEDULES, Band
from clr_study.schedules.checks import whole
from clr_study.schedules.shapes import cycles_done, half_cosine, triangle


@dataclass(frozen=True, kw_only=True)
class Cyclical(Band):
    """The family that goes up in step_size updates and down in as many, or in step_size_down, over and over.

    Every cycle begins and ends at the lower bound.

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound.
        step_size: Updates of the rise, above 0; fractions are allowed.
        step_size_down: Updates of the fall, above 0; None takes step_size.
    """

    step_size: float
    step_size_down: float | None = None

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {
            **super().rules(),
            "step_size > 0": self.step_size > 0,
            "step_size_down > 0": self.step_size_down is None or self.step_size_down > 0,
        }

    @property
    def down(self) -> float:
        """Updates of the fall."""
        return self.step_size if self.step_size_down is None else self.step_size_down

    @property
    def cycle(self) -> float:
        """The length of a cycle in updates: the rise and the fall."""
        return self.step_size + self.down

    def with_cycle(self, length: float) -> Self:
        """Returns the schedule with a cycle of another length; rise and fall keep their ratio."""
        down = None if self.step_size_down is None else self.step_size_down * length / self.cycle
        return replace(self, step_size=self.step_size * length / self.cycle, step_size_down=down)

    def height(self, t: Array) -> Array:
        """Returns the height of the triangle, 0 at the ends of a cycle and 1 at its peak."""
        return triangle(t, self.step_size, self.down)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Triangular(Cyclical):
    """Rises and falls in straight lines: `base_lr + (max_lr - base_lr) * h`, the `triangular` of the paper.

    Its height is `h = max(0, 1 - x)` with `x = abs(t/s - 2*cycle + 1)`, `cycle = floor(1 + t/(2s))`, `s = step_size`
    (section 3.1). With a step_size_down of its own it is `h = min(p / up, (up + down - p) / down)`, where p is the
    number of updates since the cycle began; the two agree where up = down. PyTorch's `CyclicLR(mode="triangular")`.

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound.
        step_size: Updates of the rise, above 0; the paper has those of 2 to 10 epochs.
        step_size_down: Updates of the fall, above 0; None takes step_size.

    Examples:
        >>> Triangular(base_lr=1, max_lr=5, step_size=2).table(7)
        array([1., 3., 5., 3., 1., 3., 5.])
        >>> Triangular(base_lr=1, max_lr=5, step_size=1, step_size_down=4).table(7)
        array([1., 5., 4., 3., 2., 1., 5.])
        >>> Triangular(base_lr=1, max_lr=5, step_size=2).cycle_ends(10)
        (4, 8)
        >>> Triangular(base_lr=1, max_lr=5, step_size=2).fitted(10)
        Triangular(base_lr=1.0, max_lr=5.0, step_size=2.5, step_size_down=None)
    """

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.between(self.height(t))


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Triangular2(Cyclical):
    """As `Triangular`, with max_lr - base_lr halved at the end of every cycle.

    `base_lr + (max_lr - base_lr) * h / 2 ** (cycle - 1)`, cycles counted from 1 (section 3.1 of the paper).
    PyTorch's `CyclicLR(mode="triangular2")`.

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound of the first cycle.
        step_size: Updates of the rise, above 0; the paper has those of 2 to 10 epochs.
        step_size_down: Updates of the fall, above 0; None takes step_size.

    Examples:
        >>> Triangular2(base_lr=1, max_lr=5, step_size=2).table(11)
        array([1. , 3. , 5. , 3. , 1. , 2. , 3. , 2. , 1. , 1.5, 2. ])
    """

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.between(self.height(t) * 0.5 ** cycles_done(t, self.cycle))


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class ExpRange(Cyclical):
    """As `Triangular`, with bounds that shrink by a factor every update (section 3.1 of the paper).

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound.
        step_size: Updates of the rise, above 0; the paper has those of 2 to 10 epochs.
        step_size_down: Updates of the fall, above 0; None takes step_size.
        gamma: The factor of one update, in (0, 1]; the paper has 0.99994 to 0.999995.
        shrinks: What shrinks. "both" is the paper's text: each bound, `gamma**t * (base_lr + (max_lr - base_lr) * h)`,
            so that the learning rate goes below base_lr. "amplitude" is what PyTorch and Keras do: only the
            difference, `base_lr + (max_lr - base_lr) * h * gamma**t`.

    Examples:
        >>> ExpRange(base_lr=1, max_lr=5, step_size=1, gamma=0.5).table(4)
        array([1.   , 2.5  , 0.25 , 0.625])
        >>> ExpRange(base_lr=1, max_lr=5, step_size=1, gamma=0.5, shrinks="amplitude").table(4)
        array([1. , 3. , 1. , 1.5])
    """

    gamma: float
    shrinks: Literal["both", "amplitude"] = "both"

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {**super().rules(), "0 < gamma <= 1": 0 < self.gamma <= 1}

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        shrunk = self.gamma**t
        if self.shrinks == "both":
            return self.between(self.height(t)) * shrunk
        return self.between(self.height(t) * shrunk)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Parabolic(Cyclical):
    """As `Triangular`, along a parabola that is broad at the top: `base_lr + (max_lr - base_lr) * (1 - (1-h)**2)`.

    The Welch window of the paper's section 3.1, which found it as good as the triangle and gives no figure.

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound.
        step_size: Updates of the rise, above 0; the paper has those of 2 to 10 epochs.
        step_size_down: Updates of the fall, above 0; None takes step_size.

    Examples:
        >>> Parabolic(base_lr=1, max_lr=5, step_size=2).table(5)
        array([1., 4., 5., 4., 1.])
    """

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.between(1 - (1 - self.height(t)) ** 2)


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class Sinusoidal(Cyclical):
    """As `Triangular`, along a cosine: `base_lr + (max_lr - base_lr) * (1 - cos(pi*h)) / 2`.

    The Hann window of the paper's section 3.1, which found it as good as the triangle and gives no figure.

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound.
        step_size: Updates of the rise, above 0; the paper has those of 2 to 10 epochs.
        step_size_down: Updates of the fall, above 0; None takes step_size.

    Examples:
        >>> Sinusoidal(base_lr=1, max_lr=5, step_size=3).table(7).round(12)
        array([1., 2., 4., 5., 4., 2., 1.])
    """

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        return self.between(half_cosine(self.height(t)))


@SCHEDULES.add
@dataclass(frozen=True, kw_only=True)
class WarmRestarts(Band):
    """Falls from max_lr to base_lr along half a cosine, and starts again at max_lr, each time over a longer period.

    `base_lr + (max_lr - base_lr) * (1 + cos(pi * p / T)) / 2`, where p is the number of updates since the restart and
    `T = period * period_mult**k` after k restarts. Loshchilov and Hutter, "SGDR", arXiv 1608.03983; PyTorch's
    `CosineAnnealingWarmRestarts`. It is a saw: a period is complete, with the learning rate at its minimum, after the
    last update before a restart.

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound.
        period: Updates until the first restart, at least 1; fractions are allowed.
        period_mult: Factor of the length of a period to that before it, at least 1.

    Examples:
        >>> restarts = WarmRestarts(base_lr=1, max_lr=5, period=3, period_mult=2)
        >>> restarts.table(10).round(2)
        array([5.  , 4.  , 2.  , 5.  , 4.73, 4.  , 3.  , 2.  , 1.27, 5.  ])
        >>> restarts.cycle_ends(30)
        (3, 9, 21)
    """

    period: float
    period_mult: int = 1

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {
            **super().rules(),
            "period >= 1": self.period >= 1,
            "period_mult >= 1": self.period_mult >= 1,
        }

    @property
    def cycle(self) -> float | None:
        """The period, if all are of one length."""
        return self.period if self.period_mult == 1 else None

    def with_cycle(self, length: float) -> Self:
        """Returns the schedule with another period."""
        return replace(self, period=length)

    def cycle_ends(self, updates: int) -> tuple[int, ...]:
        """Returns after how many updates a period is complete; a fraction counts as the whole update it lies in.

        Args:
            updates: Length of the run, at least 1. If a period ends with the run, it counts.

        Raises:
            ValueError: `updates` is not a whole number, or below 1.
        """
        done = np.arange(whole("updates", updates, low=1) + 1, dtype=np.float64)
        period_of_update = self._restarts_before(done)
        return tuple((np.flatnonzero(np.diff(period_of_update)) + 1).tolist())

    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update."""
        restarts = self._restarts_before(t)
        length = self.period * float(self.period_mult) ** restarts
        done = np.clip((t - self._restart(restarts)) / length, 0, 1)
        return self.between(half_cosine(1 - done))

    def _restart(self, number: Array) -> Array:
        """The update, with its fraction, of each restart; number 0 is the start."""
        if self.period_mult == 1:
            return self.period * number
        return self.period * (float(self.period_mult) ** number - 1) / (self.period_mult - 1)

    def _restarts_before(self, t: Array) -> Array:
        """How many restarts there were by each update."""
        if self.period_mult == 1:
            return cycles_done(t, self.period)
        latest = t.max(initial=0)
        most = np.log1p(latest / self.period * (self.period_mult - 1)) / np.log(self.period_mult)
        # One more than the logarithm says: it only bounds the list, its rounding decides nothing.
        return np.searchsorted(self._restart(np.arange(1, most + 2)), t, side="right").astype(np.float64)
