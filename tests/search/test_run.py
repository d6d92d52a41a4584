"""Whole studies, small, over a real database and the real engine."""

from __future__ import annotations

import json

import numpy as np
import optuna
import pytest
from whole_studies import facts, killed_and_continued, same, where

from clr_study.data import replicate_seeds
from clr_study.errors import InputError, SpecError, StorageError, UnfinishedError
from clr_study.search import run_range_test, run_study
from clr_study.search.optuna_tables import optuna_storage
from clr_study.spec import parse_study
from clr_study.store import open_store, read_results, run_endings


def test_a_study_runs_to_its_report(small, tmp_path):
    results = run_study(small(), where(tmp_path))
    for arm in ("constant", "clr"):
        search, measure = results.of(arm, "search"), results.of(arm, "measure")
        assert [run.key.trial for run in search] == [0, 1, 2, 3]
        assert len(measure) == 3
        assert {run.ending for run in (*search, *measure)} == {"completed"}
        assert {run.key.trial for run in measure} == {results.winners[arm]}
        again = {trial: [run for run in results.of(arm, "confirm") if run.key.trial == trial] for trial in range(4)}
        means = {trial: sum(run.final("validation_accuracy") for run in found) / 3 for trial, found in again.items()}
        assert means[results.winners[arm]] == max(means.values())
        winner = search[results.winners[arm]]
        assert {run.values["max_lr" if arm == "clr" else "lr"] for run in measure} == {
            winner.values["max_lr" if arm == "clr" else "lr"]
        }
        assert all(np.isnan(run.metrics["test_accuracy"]).all() for run in search if "test_accuracy" in run.metrics)
        assert all(np.isfinite(run.metrics["test_accuracy"]).all() for run in measure)
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert document["study"] == "small"
    assert "<html" in (tmp_path / "out" / "report.html").read_text()[:500]
    assert not list((tmp_path / "out" / "checkpoints").glob("*"))


def test_arms_are_paired_and_measured_on_seeds_that_no_search_has_seen(small, tmp_path):
    results = run_study(small(), where(tmp_path))
    seeds = {arm: [run.key.seed for run in results.of(arm, "measure")] for arm in ("constant", "clr")}
    assert seeds["constant"] == seeds["clr"]
    assert sorted(seeds["clr"]) == sorted(replicate_seeds("small", 1, "measure", 3))
    assert not set(seeds["clr"]) & {run.key.seed for run in results.of("clr", "search")}


def test_running_again_trains_nothing_and_says_the_same(small, tmp_path, monkeypatch):
    first = run_study(small(), where(tmp_path))
    monkeypatch.setattr("clr_study.search.loop.run_jobs", lambda jobs: pytest.fail(f"{len(jobs)} runs trained again"))
    assert same(facts(run_study(small(), where(tmp_path))), facts(first))


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_an_owner_that_dies_is_continued_to_the_same_results(small, tmp_path, stop_after):
    """The second owner's trials, values and curves are those of a study that nobody disturbed, bit for bit."""
    whole = run_study(small(), where(tmp_path, out=str(tmp_path / "a"), lanes=3))
    broken = where(tmp_path, storage=f"sqlite:///{tmp_path}/b.db", out=str(tmp_path / "b"), lanes=3)
    assert same(facts(killed_and_continued(small(), broken, stop_after)), facts(whole))


def trials_of(arm, tmp_path):
    """The trials of an arm as Optuna reads them."""
    storage = optuna_storage(f"sqlite:///{tmp_path}/s.db")
    trials = optuna.load_study(study_name=f"small/{arm}", storage=storage).trials
    storage.engine.dispose()
    return trials


def test_optuna_knows_what_the_store_knows(small, tmp_path):
    results = run_study(small(), where(tmp_path))
    for arm in ("constant", "clr"):
        trials = trials_of(arm, tmp_path)
        assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
        for run, trial in zip(results.of(arm, "search"), trials, strict=True):
            assert trial.params == dict(run.values)
            assert trial.value == run.final("validation_accuracy")


SAMPLERS = ["random", "qmc", "tpe", "gp", "grid"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_keeps_to_the_budget_and_draws_different_settings(small, tmp_path, sampler):
    text = (
        "trials = 4",
        f'trials = 6, sampler = {{ kind = "{sampler}"{", points = 6" if sampler == "grid" else ""} }}',
    )
    results = run_study(small(text), where(tmp_path))
    for arm, name in (("constant", "lr"), ("clr", "max_lr")):
        drawn = [tuple(run.values.values()) for run in results.of(arm, "search")]
        assert len(set(drawn)) == len(drawn) == 6
        assert all(0.01 <= run.values[name] <= 1 for run in results.of(arm, "search"))


@pytest.mark.parametrize("pruner", ["median", "percentile", "successive_halving", "hyperband", "patient"])
def test_every_pruner_ends_every_trial_once_and_cyclical_runs_at_a_cycle_end(small, tmp_path, pruner):
    text = ("trials = 4", f'trials = 10, pruner = {{ kind = "{pruner}" }}')
    longer = ("updates = 24", "updates = 48")
    results = run_study(small(text, longer), where(tmp_path, lanes=5))
    for arm in ("constant", "clr"):
        runs = results.of(arm, "search")
        assert len(runs) == 10
        assert {run.ending for run in runs} <= {"completed", "pruned"}
        for run in runs:
            if run.ending == "pruned" and arm == "clr":
                ends = run.spec.lr_schedule.cycle_ends(48)
                assert set(ends) & set(run.updates.tolist()), "a run was pruned before its first cycle had ended"


def test_a_median_pruner_does_prune(small, tmp_path):
    text = ("trials = 4", 'trials = 16, pruner = { kind = "median", startup_trials = 2 }')
    results = run_study(small(text, ("updates = 24", "updates = 80")), where(tmp_path, lanes=4))
    pruned = [run for run in results.runs if run.ending == "pruned"]
    assert pruned
    assert all(run.updates[-1] < 80 for run in pruned)


def test_two_processes_give_what_one_gives(small, tmp_path):
    alone = run_study(small(), where(tmp_path, lanes=1))
    both = where(tmp_path, storage=f"sqlite:///{tmp_path}/p.db", out=str(tmp_path / "p"), devices="cpu,cpu", lanes=1)
    assert same(facts(run_study(small(), both)), facts(alone))


def test_a_diverged_run_is_a_result(small, tmp_path):
    text = ("lr = { low = 1e-2, high = 1.0, log = true }", "lr = { low = 1e20, high = 1e30, log = true }")
    results = run_study(small(text), where(tmp_path))
    assert {run.ending for run in results.of("constant", "search")} == {"diverged"}
    assert "the loss was not finite after 1 updates, at a learning rate of" in results.of("constant", "search")[0].note
    assert "constant" not in results.winners
    assert results.of("constant", "measure") == ()
    trials = trials_of("constant", tmp_path)
    assert {trial.state.name for trial in trials} == {"FAIL"}
    assert all("diverged" in trial.user_attrs["ending"] for trial in trials)


def test_a_model_that_fails_on_one_setting_fails_alone(small, tmp_path, monkeypatch):
    from clr_study.engine import Training

    real = Training.run

    def failing(self, until=None):
        if any(spec.schedule.get("lr", 0) > 0.1 for spec in self.specs) and self.specs[0].updates == 24:
            raise RuntimeError("no such kernel")
        return real(self, until)

    monkeypatch.setattr(Training, "run", failing)
    with pytest.raises(UnfinishedError, match="no such kernel"):
        run_study(small(), where(tmp_path))
    with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        endings = run_endings(store, "small")
        runs = read_results(store, "small").of("constant", "search")
    assert {run.ending for run in runs if run.values["lr"] > 0.1} == {"failed"}
    assert {run.ending for run in runs if run.values["lr"] <= 0.1} <= {"completed"}
    assert all(ending == "completed" for key, ending in endings.items() if key.arm == "clr")


def test_a_study_without_search_goes_straight_to_measuring(small, tmp_path):
    text = [
        ("search = { trials = 4, seed = 1 }\n", ""),
        ("lr = { low = 1e-2, high = 1.0, log = true }", "lr = 0.1"),
        ("max_lr = { low = 1e-2, high = 1.0, log = true }", "max_lr = 0.2"),
        ('base_lr = { times = "max_lr", low = 0.05, high = 0.5 }', "base_lr = 0.05"),
        ("step_size = { low = 3, high = 12 }", "step_size = 6"),
    ]
    results = run_study(small(*text), where(tmp_path))
    assert {run.key.phase for run in results.runs} == {"measure"}
    assert len(results.runs) == 6


def test_a_range_test_gives_holes_their_ends(small, tmp_path):
    text = [
        ("max_lr = { low = 1e-2, high = 1.0, log = true }", 'max_lr = { from = "range_test", times = [0.3, 1.0] }'),
        ("measure =", "range_test = { low = 1e-3, high = 10, updates = 80, seeds = 3 }\nmeasure ="),
    ]
    results = run_study(small(*text), where(tmp_path))
    (found,) = results.range_tests
    bound = found.bounds["smith"]["max_lr"] or float(found.lrs[-1])
    drawn = [run.values["max_lr"] for run in results.of("clr", "search")]
    assert all(0.3 * bound <= value <= bound for value in drawn)
    again = run_range_test(small(*text), where(tmp_path))
    assert again.bounds == found.bounds


def test_a_regression_study_reads_its_range_test_off_what_decides_it(tmp_path):
    study = parse_study("""
name = "numbers"
data = { kind = "diabetes" }
model = { kind = "mlp", hidden = [8] }
metric = "loss"
train = { batch_size = 32, updates = 20 }
range_test = { low = 1e-4, high = 100.0, updates = 80, seeds = 3 }
[arms.fixed.schedule]
kind = "constant"
lr = 0.01
""")
    found = run_range_test(study, where(tmp_path))
    assert found.score == "loss"
    assert found.bounds["smith"]["max_lr"] is not None
    assert found.bounds["smith"]["note"].startswith("Learning starts at an LR of ")
    with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        (stored,) = read_results(store, "numbers").range_tests
    assert stored.score == "loss"
    np.testing.assert_array_equal(stored.scores, found.scores)
    assert "validation loss" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"devices": "cuda:7"}, InputError, "there is no device 'cuda:7' here"),
        ({"executor": "proceses"}, InputError, "did you mean 'processes'"),
        ({"executor": "inline", "devices": "cpu,cpu"}, InputError, "use --executor processes"),
        ({"storage": "sqlite:////nowhere/at/all.db"}, StorageError, "/nowhere/at"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_anything_is_written(small, tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        run_study(small(), where(tmp_path, **changes))
    assert not (tmp_path / "out").exists()


def test_a_grid_that_is_too_small_is_refused(small, tmp_path):
    text = ("trials = 4", 'trials = 40, sampler = { kind = "grid", points = 3 }')
    with pytest.raises(SpecError, match="the grid of arm constant has only 3 points"):
        run_study(small(text), where(tmp_path))
    assert not list(tmp_path.iterdir())
