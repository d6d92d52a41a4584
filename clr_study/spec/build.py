"""Builds a study's schedules at the ends of its holes, before there are any data."""

from __future__ import annotations

from dataclasses import replace

from clr_study.errors import SpecError
from clr_study.spec.fill import Budget, fill
from clr_study.spec.space import corner, extremes, with_bounds
from clr_study.spec.study import Arm, Study

# An epoch longer than those of most data: two times in epochs that fall on one update here do so on the data as well.
NOMINAL = Budget(updates=1000, per_epoch=10_000, batch_size=1)
NOMINAL_BOUNDS = {"base_lr": 0.01, "max_lr": 0.1}


def build_corners(study: Study) -> None:
    """Builds every arm's schedule at the ends of its holes, so that a wrong key or an impossible pair shows at once.

    Raises:
        SpecError: A schedule cannot be built, or an arm has holes and the study no search.
    """
    for arm in study.arms:
        if arm.space and study.search is None:
            raise SpecError(
                f"[arms.{arm.name}] has holes ({', '.join(arm.space)}), so the study needs a [search] with trials"
            )
        known = replace(arm, **with_bounds(arm.tables, NOMINAL_BOUNDS))
        updates = arm.train.updates or max(1, round((arm.train.epochs or 1) * NOMINAL.per_epoch))
        budget = Budget(updates, NOMINAL.per_epoch, 1)
        if known == arm:
            build_extremes(study, arm, budget)
        else:  # how far apart the bounds of a range test are is not known yet
            for end in ("low", "high"):
                fill(study, known, corner(known.space, end), budget, seed=0)


def build_extremes(study: Study, arm: Arm, budget: Budget) -> None:
    """Builds an arm's schedule wherever two of its holes may not go together, as a base_lr above a max_lr.

    Args:
        study: The study.
        arm: The arm, its range-test holes already ranges.
        budget: The run's length.

    Raises:
        SpecError: Some values that may be drawn do not make a schedule.
    """
    for values in extremes(arm.space):
        fill(study, arm, values, budget, seed=0)
