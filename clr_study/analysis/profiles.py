r"""Performance profiles: one curve an arm over several studies.

The profile of an arm at :math:`\tau` is the part of the studies in which it reached the target within :math:`\tau`
times the time of the study's fastest arm (Dolan and Moré, Mathematical Programming 91, 2002). At 1 it is the part of
the studies it wins; far out, the part in which it gets there at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clr_study.analysis.comparison import Comparison
from clr_study.curves import Array


@dataclass(frozen=True, eq=False)
class Profile:
    """The profiles of the arms that all studies have.

    Args:
        arms: Their names [A].
        studies: How many studies they stand on.
        ratios: Times the fastest arm's time, rising from 1 [K].
        solved: The part of the studies in which each arm is there by then [A, K].
    """

    arms: tuple[str, ...]
    studies: int
    ratios: Array
    solved: Array


def median_times(comparisons: Mapping[str, Comparison]) -> dict[str, dict[str, float]]:
    """Returns the median time to target by study and arm; inf where half of an arm's runs never got there.

    Args:
        comparisons: By the study's name. A study without a target is left out.
    """
    return {
        study: {
            summary.arm: np.inf if summary.to_target.median is None else summary.to_target.median
            for summary in comparison.arms
            if summary.to_target is not None
        }
        for study, comparison in comparisons.items()
        if comparison.target is not None
    }


def profile(times: Mapping[str, Mapping[str, float]]) -> Profile:
    """Returns the performance profiles of the arms that all studies have.

    Args:
        times: Time to target by study and arm, above 0; inf where an arm never got there. A study in which no arm did
            counts as solved by none.

    Examples:
        >>> found = profile({"digits": {"fixed": 10.0, "clr": 20.0}, "cifar10": {"fixed": 90.0, "clr": 30.0}})
        >>> found.arms, found.ratios, found.solved
        (('fixed', 'clr'), array([1., 2., 3.]), array([[0.5, 0.5, 1. ],
               [0.5, 1. , 1. ]]))
    """
    tables = list(times.values())
    arms = tuple(arm for arm in (tables[0] if tables else ()) if all(arm in table for table in tables))
    taken = np.array([[table[arm] for table in tables] for arm in arms], dtype=float).reshape(len(arms), len(tables))
    fastest = taken.min(axis=0, initial=np.inf)
    ratios = np.divide(taken, fastest, out=np.full_like(taken, np.inf), where=np.isfinite(taken))
    steps = np.unique(np.append(ratios[np.isfinite(ratios)], 1.0))
    solved = (ratios[:, :, None] <= steps).sum(axis=1) / max(len(tables), 1)
    return Profile(arms=arms, studies=len(tables), ratios=steps, solved=solved)
