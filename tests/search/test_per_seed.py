"""A search of its own for each measured seed: the luck of the search becomes part of what is measured."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pytest
from whole_studies import facts, killed_and_continued, same, where

from clr_study.analysis import compare
from clr_study.check import check_study
from clr_study.data import replicate_seeds
from clr_study.errors import SpecError
from clr_study.report.code import winner_of as winner_to_paste
from clr_study.report.figures.learning import Learning
from clr_study.report.figures.learning_over_lr import LearningOverLr
from clr_study.report.figures.schedules import Schedules
from clr_study.search import copy_study, run_study
from clr_study.search.kinds import planned_kinds
from clr_study.search.optuna_tables import optuna_storage
from clr_study.search.winners import confirm_runs, measure_runs, winner_of, winners_of
from clr_study.spec import Budget, Results
from clr_study.store import open_store, read_results

PER_SEED = ("trials = 4", "trials = 4, per_seed = true")
ARMS = ("constant", "clr")
BUDGET = {name: Budget(updates=24, per_epoch=18, batch_size=64) for name in ARMS}


@pytest.fixture(scope="module")
def done(small, tmp_path_factory):
    """A study with a search a seed, run to its end, and where."""
    path = tmp_path_factory.mktemp("per_seed")
    return run_study(small(PER_SEED), where(path)), path


def test_each_search_draws_trains_and_confirms_on_seeds_of_its_own(done, small):
    results, _ = done
    search = replicate_seeds("small", 1, "search", 3)
    confirm = replicate_seeds("small", 1, "confirm", 9)
    for arm in ARMS:
        trials = results.of(arm, "search")
        assert [(run.key.trial, run.key.seed) for run in trials] == [(trial, search[trial // 4]) for trial in range(12)]
        assert len({tuple(run.values.values()) for run in trials}) == 12
        again = {(run.key.trial // 4, run.key.seed) for run in results.of(arm, "confirm")}
        assert again == {(place // 3, seed) for place, seed in enumerate(confirm)}


def test_the_first_search_is_that_of_the_ordinary_study(done, small, tmp_path):
    once, (each, _) = run_study(small(), where(tmp_path)), done
    for arm in ARMS:
        assert [run.values for run in once.of(arm, "search")] == [run.values for run in each.of(arm, "search")[:4]]


def test_each_seed_is_measured_with_the_winner_of_its_own_search(done):
    results, _ = done
    seeds = replicate_seeds("small", 1, "measure", 3)
    for arm in ARMS:
        measured = {run.key.seed: run for run in results.of(arm, "measure")}
        assert set(measured) == set(seeds)
        for place, seed in enumerate(seeds):
            winner = winner_of(results, arm, place)
            assert winner.key.trial // 4 == place
            assert measured[seed].key.trial == winner.key.trial
            assert measured[seed].values == winner.values
        assert results.winning(arm) == {run.key.trial for run in measured.values()}
        assert results.winners[arm] in results.winning(arm)


def test_every_measured_seed_counts_and_the_limits_say_what_the_intervals_hold(done):
    results, _ = done
    comparison = compare(results, resamples=200)
    assert [summary.n for summary in comparison.arms] == [3, 3]
    assert comparison.to_reference[0].estimate.n == 3
    assert any("tuned anew for each of 3 seeds" in limit for limit in comparison.limits)
    assert not any("another search may find others" in limit for limit in comparison.limits)
    best = results.winners["clr"]
    (values,) = [run.spec.schedule for run in results.of("clr", "measure") if run.key.trial == best]
    shown = winner_to_paste(results, comparison, "clr")
    assert shown.schedule == values
    assert "each with the winner of a search of its own" in shown.head[0]


def test_figures_say_that_runs_followed_schedules_of_their_own(done):
    results, _ = done
    comparison = compare(results, resamples=200)
    for figure in (Schedules(), LearningOverLr()):
        caption = figure.caption(figure.summarise(results, comparison))
        assert "the schedule that was confirmed best among the winners of its 3 searches" in caption
        assert "all its measured runs followed" not in caption
    ends = [set(run.spec.lr_schedule.cycle_ends(24)) for run in results.of("clr", "measure")]
    assert len(set(map(frozenset, ends))) > 1, "the searches have found one schedule, which proves nothing here"
    (curve,) = [curve for curve in Learning().summarise(results, comparison).curves if curve.arm == "clr"]
    assert {at for at, _ in curve.cycle_ends} == set.intersection(*ends)


def test_optuna_has_a_study_for_each_search_and_a_copy_takes_them_all(done, tmp_path):
    results, path = done
    copy_study("small", f"sqlite:///{path}/s.db", f"sqlite:///{tmp_path}/copy.db")
    for database in (f"sqlite:///{path}/s.db", f"sqlite:///{tmp_path}/copy.db"):
        storage = optuna_storage(database)
        for place, name in enumerate(("small/clr", "small/clr/2", "small/clr/3")):
            trials = optuna.load_study(study_name=name, storage=storage).trials
            ours = results.of("clr", "search")[4 * place : 4 * place + 4]
            assert [trial.params for trial in trials] == [dict(run.values) for run in ours]
            assert [trial.value for trial in trials] == [run.final("validation_accuracy") for run in ours]
        storage.engine.dispose()


@pytest.mark.parametrize("stop_after", [1, 4, 8])
@pytest.mark.parametrize("sampler", ["qmc", "tpe"])
def test_an_owner_that_dies_is_continued_to_the_same_results(small, tmp_path, stop_after, sampler):
    study = small(("trials = 4", f'trials = 4, per_seed = true, sampler = {{ kind = "{sampler}" }}'))
    whole = run_study(study, where(tmp_path, out=str(tmp_path / "a"), lanes=5))
    broken = where(tmp_path, storage=f"sqlite:///{tmp_path}/b.db", out=str(tmp_path / "b"), lanes=5)
    assert same(facts(killed_and_continued(study, broken, stop_after)), facts(whole))


def test_more_seeds_search_on_and_leave_what_was_there(small, tmp_path):
    before = run_study(small(PER_SEED, ("seeds = 3", "seeds = 2")), where(tmp_path))
    after = run_study(small(PER_SEED), where(tmp_path))
    kept = {run.key for run in before.runs}
    assert same(facts(before), {key: fact for key, fact in facts(after).items() if key in kept})
    assert len(after.of("clr", "search")) == 12
    with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        assert read_results(store, "small").study.measure.seeds == 3


def test_a_search_that_finds_nothing_costs_its_seed(done, small):
    """Its first trial is measured, and does not complete either."""
    results, _ = done
    lost = tuple(
        replace(run, ending="diverged") if run.key.arm == "clr" and run.key.trial // 4 == 1 else run
        for run in results.runs
        if run.key.phase == "search"
    )
    found = Results(results.study, lost)
    winners = {arm: winners_of(found, arm) for arm in ARMS}
    assert [run.key.trial // 4 for run in winners["clr"]] == [0, 1, 2]
    assert winners["clr"][1].key.trial == 4
    planned = measure_runs(found.study, found.study.arms, BUDGET, winners)
    assert len([run for run in planned if run.key.arm == "clr"]) == 3
    assert {run.key.trial // 4 for run in confirm_runs(found.study, [found.study.arm("clr")], BUDGET, found)} == {0, 2}
    nothing = Results(
        results.study, tuple(replace(run, ending="diverged") for run in results.runs if run.key.phase == "search")
    )
    assert winners_of(nothing, "clr") == []


def test_the_plan_counts_every_search(small):
    study = small(PER_SEED)
    counts = {(arm, phase): runs for arm, phase, _, runs in planned_kinds(study, check_study(study))}
    assert counts == {
        (arm, phase): runs for arm in ARMS for phase, runs in (("search", 12), ("confirm", 36), ("measure", 3))
    }


def test_one_seed_has_one_search(small):
    study = small(PER_SEED, ("seeds = 3", "seeds = 1"))
    assert (study.searches, study.trials) == (1, 4)
    ordinary = small()
    assert (ordinary.searches, ordinary.trials, ordinary.confirming) == (1, 4, 12)


def test_per_seed_is_yes_or_no(small):
    with pytest.raises(SpecError, match=r"\[search\].*per_seed"):
        small(("trials = 4", "trials = 4, per_seed = 3"))
