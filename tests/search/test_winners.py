"""Who wins an arm: not the luckiest trial, but the best on seeds that did not pick it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clr_study.data import replicate_seeds
from clr_study.search import Where, run_study
from clr_study.search.winners import confirm_runs, ranked, winner_of
from clr_study.spec import Budget, Results, RunKey, RunResult, fill

BUDGET = {name: Budget(updates=24, per_epoch=18, batch_size=64) for name in ("constant", "clr")}


@pytest.fixture
def results(small):
    """Makes results of the arm `constant`: the score of each trial on the search's seed, and on fresh ones."""

    def make(search: list[float | None], confirm: dict[int, list[float | None]], *changes) -> Results:
        study = small(*changes)
        runs = [_run(study, "search", trial, 7, score) for trial, score in enumerate(search)]
        for trial, scores in confirm.items():
            runs += [_run(study, "confirm", trial, 100 + seed, score) for seed, score in enumerate(scores)]
        return Results(study, tuple(runs))

    return make


def _run(study, phase, trial, seed, score) -> RunResult:
    values = {"lr": 0.1 + trial / 100}
    spec = fill(study, study.arm("constant"), values, BUDGET["constant"], seed)
    metrics = {"validation_accuracy": np.array([score or 0.1]), "validation_loss": np.array([1.0 + trial])}
    ending = "diverged" if score is None else "completed"
    key = RunKey(study.name, "constant", phase, trial, seed)
    return RunResult(key, spec, values, ending, np.array([24]), metrics, np.array([1.0]))


def test_the_best_trials_are_run_again_on_seeds_that_arms_share(results):
    found = results([0.5, 0.9, None, 0.7, 0.8, 0.6], {}, ("trials = 4", "trials = 6"))
    planned = confirm_runs(found.study, found.study.arms, BUDGET, found)
    assert {run.key.trial for run in planned} == {1, 4, 3, 5}
    seeds = replicate_seeds("small", 1, "confirm", 3)
    assert sorted({run.key.seed for run in planned}) == sorted(seeds)
    assert len(planned) == 12
    assert {run.key.phase for run in planned} == {"confirm"}
    assert not set(seeds) & {*replicate_seeds("small", 1, "search", 1), *replicate_seeds("small", 1, "measure", 3)}
    assert all(run.spec.seed == run.key.seed and not run.spec.test for run in planned)


@pytest.mark.parametrize(
    ("scores", "change"),
    [
        ([0.5, 0.9, 0.7], ("trials = 4", "trials = 4, confirm = { trials = 1 }")),
        ([0.5, None, None], ("trials = 4", "trials = 4")),
        ([None, None], ("trials = 4", "trials = 4")),
    ],
)
def test_nothing_is_run_again_where_there_is_nothing_to_choose(results, scores, change):
    found = results(scores, {}, change)
    assert confirm_runs(found.study, found.study.arms, BUDGET, found) == []


def test_a_lucky_trial_loses_to_a_steady_one(results):
    found = results([0.95, 0.90, 0.80], {0: [0.1, 0.95, 0.95], 1: [0.9, 0.91, 0.9]})
    assert ranked(found, "constant")[0].key.trial == 0
    assert winner_of(found, "constant").key.trial == 1


def test_a_trial_that_diverged_once_loses_to_one_that_never_did(results):
    found = results([0.95, 0.90], {0: [None, 0.99, 0.99], 1: [0.5, 0.5, 0.5]})
    assert winner_of(found, "constant").key.trial == 1


def test_the_least_bad_wins_where_all_diverge(results):
    found = results([0.95, 0.90], {0: [None, None], 1: [None, None]})
    assert winner_of(found, "constant").key.trial == 0


def test_ties_go_to_the_lower_loss_then_to_the_better_in_the_search(results):
    found = results([0.90, 0.95], {0: [0.9, 0.9], 1: [0.9, 0.9]})
    assert winner_of(found, "constant").key.trial == 0  # whose validation loss is lower
    same = {"validation_loss": np.array([1.0])}
    equal = tuple(replace(run, metrics={**run.metrics, **same}) for run in found.runs)
    assert winner_of(replace(found, runs=equal), "constant").key.trial == 1


def test_without_a_second_look_the_best_trial_wins(results):
    found = results([0.5, 0.9, 0.7], {})
    assert winner_of(found, "constant").key.trial == 1
    assert winner_of(results([None, None], {}), "constant") is None


def test_an_owner_that_dies_while_confirming_is_continued(small, tmp_path, monkeypatch):
    from clr_study.search import loop

    def where(name: str) -> Where:
        return Where(storage=f"sqlite:///{tmp_path}/{name}.db", out=str(tmp_path / name), devices="cpu", lanes=4)

    def seen(results: Results):
        return {run.key: (run.ending, run.metrics["validation_accuracy"].tolist()) for run in results.runs}

    whole = run_study(small(), where("a"))
    real, calls = loop.run_jobs, []

    def dying(jobs):
        calls.append(jobs[0].key.phase)
        if calls.count("confirm") > 1:
            raise KeyboardInterrupt
        return real(jobs)

    monkeypatch.setattr(loop, "run_jobs", dying)
    with pytest.raises(KeyboardInterrupt):
        run_study(small(), where("b"))
    monkeypatch.setattr(loop, "run_jobs", real)
    again = run_study(small(), where("b"))
    assert again.winners == whole.winners
    assert seen(again) == seen(whole)
