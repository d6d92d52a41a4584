"""Builds a study's schedules at the ends of its holes, before there are any data."""

from __future__ import annotations

from dataclasses import replace

from clr_study.errors import SpecError
from clr_study.spec.fill import Budget, fill
from clr_study.spec.space import corner, with_bounds
from clr_study.spec.study import Study

NOMINAL = Budget(updates=1000, per_epoch=100, batch_size=1)
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
        for end in ("low", "high"):
            fill(study, known, corner(known.space, end), Budget(updates, NOMINAL.per_epoch, 1), seed=0)
