"""Pruning at cycle ends only: during a cycle a high LR makes a good setting look bad (design, idea 10).

Runs are handed back at a few rungs, evenly spread over the budget. At a rung a run without cycles is judged by what it
scores there; a cyclical run by its score at its last finished cycle, and only if it has finished one since the rung
before. So all runs of an arm have a value at the same rungs, as Optuna's pruners need, and each was taken where the
run's LR was at its minimum.
"""

from __future__ import annotations

import numpy as np
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)

from clr_study.search.quiet import quietly
from clr_study.spec import (
    Budget,
    Hyperband,
    Median,
    NoPruner,
    Patient,
    Percentile,
    Pruner,
    SuccessiveHalving,
    TrialSpec,
)

RUNGS = 8


def rungs(pruner: Pruner, budget: Budget) -> tuple[int, ...]:
    """Returns the numbers of updates at which runs are handed back to be judged; the last is the budget.

    Examples:
        >>> rungs(NoPruner(), Budget(updates=800, per_epoch=10, batch_size=1))
        (800,)
        >>> rungs(Median(), Budget(updates=800, per_epoch=10, batch_size=1))[:3]
        (100, 200, 300)
    """
    return (budget.updates,) if isinstance(pruner, NoPruner) else budget.grid(RUNGS)


def judged_at(spec: TrialSpec, rung: int) -> int | None:
    """Returns the number of updates whose score counts at a rung; None if the run has finished no cycle by then.

    Examples:
        >>> spec = TrialSpec(study="s", data={}, model={}, optim={}, batch_size=1, updates=100, evaluate_at=(100,),
        ...     schedule={"kind": "triangular", "base_lr": 0.1, "max_lr": 1.0, "step_size": 20}, seed=0, test=False)
        >>> judged_at(spec, 90), judged_at(spec, 30)
        (80, None)
    """
    ends = spec.lr_schedule.cycle_ends(spec.updates)
    if not ends:
        return rung
    done = [end for end in ends if end <= rung]
    return done[-1] if done else None


def optuna_pruner(pruner: Pruner) -> BasePruner:
    """Returns Optuna's pruner over rungs 1 to 8; never its default, which would prune unasked."""
    match pruner:
        case NoPruner():
            return NopPruner()
        case Median(startup_trials=startup, warmup=warmup):
            return MedianPruner(n_startup_trials=startup, n_warmup_steps=_rung_of(warmup))
        case Percentile(percentile=percentile, startup_trials=startup, warmup=warmup):
            return PercentilePruner(percentile, n_startup_trials=startup, n_warmup_steps=_rung_of(warmup))
        case SuccessiveHalving(reduction_factor=factor):
            return SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor)
        case Hyperband(reduction_factor=factor):
            return HyperbandPruner(min_resource=1, max_resource=RUNGS, reduction_factor=factor)
        case Patient(patience=patience):
            with quietly():
                return PatientPruner(None, patience=patience)


def _rung_of(warmup: float) -> int:
    return int(np.ceil(warmup * RUNGS))
