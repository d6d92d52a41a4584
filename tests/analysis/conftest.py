"""Results as the store would hand them over, made of chosen numbers."""

from __future__ import annotations

import numpy as np
import pytest

from clr_study.spec.results import Results, RunResult
from clr_study.spec.sections import Data, Measure, Search, Target, Train
from clr_study.spec.space import Range
from clr_study.spec.study import Arm, Study
from clr_study.spec.trial import RunKey, TrialSpec

SEARCH = Search(trials=16)


def make_run(arm, seed, curve, *, phase="measure", trial=3, ending="completed", every=10, looks=None, values=None):
    """A run whose test and validation accuracy follow `curve`; it may be shorter than its `looks`."""
    looks = looks or max(len(curve), 4)
    evaluate_at = tuple(every * (look + 1) for look in range(looks))
    curve = np.asarray(curve, dtype=float)
    spec = TrialSpec(
        study="made",
        data={"kind": "digits"},
        model={"kind": "mlp"},
        optim={"kind": "sgd"},
        schedule={"kind": "constant", "lr": 0.1},
        batch_size=32,
        updates=evaluate_at[-1],
        evaluate_at=evaluate_at,
        seed=seed,
        test=phase == "measure",
    )
    split = {"test_accuracy": curve, "test_loss": 1 - curve} if phase == "measure" else {}
    return RunResult(
        key=RunKey("made", arm, phase, trial, seed),
        spec=spec,
        values={"lr": 0.1} if values is None else values,
        ending=ending,
        updates=np.array(evaluate_at[: len(curve)], dtype=np.int64),
        metrics={
            "train_loss": 0.9 - curve,
            "validation_accuracy": curve,
            "validation_loss": 1 - curve,
            **split,
        },
        seconds=np.arange(1, len(curve) + 1) * 0.5,
    )


def make_arm(name, *, tuned=True, updates=40):
    lr = Range(low=0.01, high=1.0, log=True) if tuned else 0.1
    return Arm(
        name=name,
        schedule={"kind": "constant", "lr": lr},
        optim={"kind": "sgd"},
        model={"kind": "mlp"},
        train=Train(batch_size=32, updates=updates),
    )


def make_results(runs, arms=("fixed", "clr"), *, seeds=8, target=0.5, metric="accuracy", search=SEARCH, winners=None):
    arms = tuple(arm if isinstance(arm, Arm) else make_arm(arm) for arm in arms)
    study = Study(
        name="made",
        data=Data(table={"kind": "digits"}),
        arms=arms,
        search=search,
        measure=Measure(seeds=seeds),
        target=Target(metric=metric, value=target) if target is not None else None,
        metric=metric,
    )
    winners = {arm.name: 3 for arm in arms} if winners is None else winners
    return Results(study=study, runs=tuple(runs), winners=winners)


def make_finals(arm, finals, **keywords):
    """One completed run a value, seeds counted from 0, that rises evenly to its value."""
    return [make_run(arm, seed, np.linspace(0.1, value, 4), **keywords) for seed, value in enumerate(finals)]


@pytest.fixture
def made():
    """The makers above, as one namespace."""

    class Made:
        run = staticmethod(make_run)
        arm = staticmethod(make_arm)
        results = staticmethod(make_results)
        finals = staticmethod(make_finals)

    return Made
