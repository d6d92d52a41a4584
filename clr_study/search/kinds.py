"""The kinds of runs that a study will train, known before any of it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clr_study.check import CheckReport
from clr_study.data import replicate_seeds
from clr_study.range_tests import range_test_runs
from clr_study.spec import Arm, Gp, Phase, Study, Tpe, TrialSpec, corner, fill, needs_range_test, with_bounds

# Any bounds do, since nothing is learnt: those that a range test finds change no cost.
SOME_BOUNDS = {"base_lr": 0.01, "max_lr": 0.1}


def planned_kinds(study: Study, report: CheckReport) -> Iterator[tuple[str, Phase, TrialSpec, int]]:
    """Yields arm, phase, one of the runs, and how many there are of it, for all that a study will train.

    Args:
        study: The study.
        report: What its check found.
    """
    first = study.arms[0].name
    if needs_range_test(study):
        seeds = replicate_seeds(study.name, study.seed, "range_test", study.range_test.seeds)
        runs = range_test_runs(study, report.budgets[first], seeds)
        yield first, "range_test", runs[0].spec, len(runs)
    for arm in study.arms:
        if arm.space and study.search:
            yield arm.name, "search", _some_run(study, arm, report, test=False), study.trials
    for arm in study.arms:
        if arm.space and study.confirming:
            yield arm.name, "confirm", _some_run(study, arm, report, test=False), study.confirming
    for arm in study.arms:
        yield arm.name, "measure", _some_run(study, arm, report, test=True), study.measure.seeds


def _some_run(study: Study, arm: Arm, report: CheckReport, test: bool) -> TrialSpec:
    known = replace(arm, **with_bounds(arm.tables, SOME_BOUNDS))
    return fill(study, known, corner(known.space, "low"), report.budgets[arm.name], seed=study.seed, test=test)


def at_once(study: Study, phase: Phase, runs: int) -> int:
    """Returns how many runs of an arm can be in training together: a sampler that learns draws a few at a time."""
    sampler = study.search.sampler if study.search else None
    return min(runs, sampler.batch * study.searches) if phase == "search" and isinstance(sampler, (Tpe, Gp)) else runs
