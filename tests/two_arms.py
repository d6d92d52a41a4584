"""A study of two arms that is over in seconds, for tests that disturb it, and whether it came through."""

from __future__ import annotations

from collections.abc import Collection

from clr_study.spec import Results, RunKey
from clr_study.store import open_store, read_results

ARMS = ("constant", "clr")


def two_arms(name: str, *, batch_size: int = 64, updates: int = 300, trials: int = 5, seeds: int = 3) -> str:
    """The text of its study file; its runs are measured at 20 moments."""
    return f"""
name = "{name}"
data = {{ kind = "digits", validation = 0.2 }}
model = {{ kind = "mlp", hidden = [16] }}
train = {{ batch_size = {batch_size}, updates = {updates}, evaluations = 20 }}
search = {{ trials = {trials}, seed = 3 }}
measure = {{ seeds = {seeds} }}
[arms.constant.schedule]
kind = "constant"
lr = {{ low = 1e-3, high = 0.3, log = true }}
[arms.clr.schedule]
kind = "triangular2"
max_lr = {{ low = 1e-3, high = 0.3, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = {updates // 50}, high = {updates // 10} }}
"""


def evaluations(url: str, name: str) -> int:
    """How many evaluations of the study are stored so far."""
    try:
        with open_store(url, create=False) as store:
            return sum(len(run.updates) for run in read_results(store, name).runs)
    except Exception:  # the owner has not made it yet
        return 0


def assert_whole(results: Results, given_up: Collection[RunKey] = ()) -> None:
    """Every run that the study plans is there once, completed, with all of its evaluations in order.

    But for those that were given up, of which it is asked that they are there once.
    """
    study = results.study
    planned = {"search": study.search.trials, "measure": study.measure.seeds}
    assert len(results.runs) == len({run.key for run in results.runs})
    for arm in ARMS:
        assert {phase: len(results.of(arm, phase)) for phase in planned} == planned
    assert len({(run.key.phase, run.spec.digest) for run in results.runs}) == len(results.runs)
    for run in results.runs:
        if run.key in given_up:
            continue
        assert run.ending == "completed"
        assert run.updates.tolist() == list(run.spec.evaluate_at)
    assert set(results.winners) == set(ARMS)
