"""Rules that read the bounds of a cycle off a range test, by name.

A rule is a function of the LRs [T], the accuracies [S, T] and the losses [S, T] of S seeds. Its answer is read off the
mean over the seeds; reading each seed alone gives the spread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from clr_study.analysis.ramps import Reading, accuracy_reading, before_first_gap
from clr_study.curves import Array
from clr_study.registry import Registry

LOSS_STOP = 4.0


@dataclass(frozen=True)
class Bounds:
    """What a rule found.

    Args:
        base_lr: The lower bound; None if the rule finds none, or found none.
        max_lr: The upper bound; likewise.
        base_lr_spread: The smallest and the largest value over the seeds alone; None if fewer than two found one.
        max_lr_spread: Likewise.
        note: A sentence or two for people.
    """

    base_lr: float | None
    max_lr: float | None
    base_lr_spread: tuple[float, float] | None
    max_lr_spread: tuple[float, float] | None
    note: str


class BoundRule(Protocol):
    """The shape of a rule; it also has a `__name__`, under which it is registered."""

    def __call__(self, lrs: Array, accuracies: Array, losses: Array) -> Bounds:
        """Returns the bounds.

        Args:
            lrs: The LR at each evaluation [T], rising.
            accuracies: Validation accuracy, or another score that rises [S, T]; NaN after a seed diverged.
            losses: Training loss [S, T]; likewise.
        """
        ...


BOUND_RULES: Registry[BoundRule] = Registry("bound rule")


@BOUND_RULES.add
def smith(lrs: Array, accuracies: Array, losses: Array) -> Bounds:
    """The paper's rule (Smith 2017, section 3.3): from where accuracy starts to rise to where it stops rising.

    "Note the learning rate value when the accuracy starts to increase and when the accuracy slows, becomes ragged, or
    starts to fall. These two learning rates are good choices for bounds." Made exact, on a running median of the curve:

    - base_lr is where a tenth of the whole rise is done.
    - max_lr is the middle of the curve's top, or where it becomes ragged, whichever comes first; but only if the good
      region ends within the test: the accuracy falls by a twentieth of its rise, its scatter grows to more than 4
      times what it was, or a seed diverges. A curve that only levels off has not shown an upper bound.
    - Where it slows, at 95 % of the rise, is told but not taken: a curve also slows because the network has been
      trained for longer. On a small MLP that point went from 0.26 down to 0.02 with the length and the shape of the
      ramp, the top only from 0.41 to 0.18, and triangular runs were best with a max_lr of 0.03 to 0.4.
    - A rise of less than 2 points, or of less than 5 times the noise, is none.

    Args:
        lrs: The LR at each evaluation [T], rising.
        accuracies: Validation accuracy [S, T]; NaN after a seed diverged, which ends the good region.
        losses: Not read.

    Examples:
        >>> lrs = np.geomspace(1e-3, 1.0, 31)
        >>> accuracy = np.where(lrs < 0.01, 0.1, np.where(lrs < 0.5, 0.8, 0.2))
        >>> found = smith(lrs, accuracy[None], accuracy[None])
        >>> round(found.base_lr, 3), round(found.max_lr, 3)
        (0.008, 0.063)
        >>> smith(lrs[:20], accuracy[None, :20], accuracy[None, :20]).note
        'Learning starts at an LR of 0.00813; 95 % of the rise is done at 0.00989; no upper bound found up to 0.0794.'
    """
    return _over_seeds(accuracy_reading, lrs, accuracies)


@BOUND_RULES.add
def valley(lrs: Array, accuracies: Array, losses: Array) -> Bounds:
    """The rule of fastai: half way down the longest valley of the loss.

    The valley is the longest falling subsequence of the loss, up to where the loss is 4 times its best. max_lr lies a
    third and a sixth of its length after its start. It finds no base_lr.

    Args:
        lrs: The LR at each evaluation [T], rising.
        accuracies: Not read.
        losses: Training loss [S, T]; NaN after a seed diverged.

    Examples:
        >>> valley(np.geomspace(0.001, 1.0, 7), np.ones((1, 7)), np.array([[9.0, 8, 6, 4, 2, 1, 30]])).max_lr
        0.01
    """

    def read(loss: Array) -> int | None:
        lengths = np.ones(len(loss), dtype=int)
        for place in range(1, len(loss)):
            above = loss[:place] > loss[place]
            if above.any():
                lengths[place] = 1 + lengths[:place][above].max()
        end = int(lengths.argmax())
        if lengths[end] < 3:
            return None
        third = (lengths[end]) / 3
        return max(0, end - int(lengths[end]) + int(third) + int(third / 2))

    return _over_seeds(_from_loss(read), lrs, losses)


@BOUND_RULES.add
def steep(lrs: Array, accuracies: Array, losses: Array) -> Bounds:
    """The rule of fastai: where the loss falls fastest against the logarithm of the LR. It finds no base_lr.

    Args:
        lrs: The LR at each evaluation [T], rising and above 0.
        accuracies: Not read.
        losses: Training loss [S, T]; NaN after a seed diverged.

    Examples:
        >>> steep(np.array([0.01, 0.1, 1.0, 10.0]), np.ones((1, 4)), np.array([[2.0, 1.9, 0.5, 0.4]])).max_lr
        0.1
    """

    def read(loss: Array) -> int | None:
        slopes = np.diff(loss) / np.diff(np.log(lrs[: len(loss)]))
        return int(slopes.argmin()) if slopes.min() < 0 else None

    return _over_seeds(_from_loss(read), lrs, losses)


@BOUND_RULES.add
def minimum(lrs: Array, accuracies: Array, losses: Array) -> Bounds:
    """The rule of fastai: a tenth of the LR at which the loss is least. It finds no base_lr.

    Args:
        lrs: The LR at each evaluation [T], rising.
        accuracies: Not read.
        losses: Training loss [S, T]; NaN after a seed diverged.

    Examples:
        >>> minimum(np.array([0.01, 0.1, 1.0, 10.0]), np.ones((1, 4)), np.array([[2.0, 1.0, 0.5, 9.0]])).max_lr
        0.1
    """

    def read(loss: Array) -> int | None:
        return int(loss.argmin()) or None

    return _over_seeds(_from_loss(read, part=0.1), lrs, losses)


def _from_loss(read: Callable[[Array], int | None], part: float = 1.0) -> Callable[[Array, Array], Reading]:
    """Returns a reader of one loss curve, cut where it diverges, out of one that finds the place of max_lr."""

    def reading(lrs: Array, loss: Array) -> Reading:
        loss = loss[: before_first_gap(loss)]
        loss = loss[: before_first_gap(np.where(loss > LOSS_STOP * np.minimum.accumulate(loss), np.nan, loss))]
        place = read(loss) if len(loss) > 2 else None
        if place is None:
            return Reading(None, None, f"The loss never fell up to an LR of {lrs[max(len(loss) - 1, 0)]:.3g}.")
        found = part * float(lrs[place])
        return Reading(None, found, f"max_lr is {found:.3g}; this rule finds no base_lr.")

    return reading


def _over_seeds(read: Callable[[Array, Array], Reading], lrs: Array, curves: Array) -> Bounds:
    """Returns the reading of the mean curve, with the spread of the readings of each seed alone.

    The mean ends where the first seed does. A seed without any value is left out, and the note says so.
    """
    lrs, curves = np.asarray(lrs, dtype=float), np.atleast_2d(np.asarray(curves, dtype=float))
    alive = curves[np.isfinite(curves[:, 0])]
    if not len(alive):
        return Bounds(None, None, None, None, f"Every seed diverged by the first LR, {lrs[0]:.3g}: no bound is found.")
    with np.errstate(invalid="ignore", over="ignore"):
        whole = read(lrs, alive.mean(axis=0))
    alone = [read(lrs, curve) for curve in alive]
    bases = [reading.base_lr for reading in alone if reading.base_lr is not None]
    tops = [reading.max_lr for reading in alone if reading.max_lr is not None]
    dead = len(curves) - len(alive)
    aside = f" {dead} of {len(curves)} seeds diverged by the first LR and are left out." if dead else ""
    return Bounds(
        base_lr=whole.base_lr,
        max_lr=whole.max_lr,
        base_lr_spread=(min(bases), max(bases)) if len(bases) > 1 else None,
        max_lr_spread=(min(tops), max(tops)) if len(tops) > 1 else None,
        note=whole.note + aside,
    )
