import numpy as np
import pytest

from clr_study.errors import StorageError
from clr_study.spec import COLUMNS, Outcome, parse_study
from clr_study.store import (
    Leader,
    Progress,
    add_study,
    append,
    finish,
    leaders,
    plan_runs,
    progress,
    read_losses,
    read_results,
    run_endings,
    scores_at,
    stored_study,
    study_names,
)
from clr_study.store.progress import ArmProgress

NAN = float("nan")


def test_results_hold_each_run_with_its_own_curves(store, run, seen):
    measured = [run(arm=arm, phase="measure", seed=seed) for seed in (2, 1) for arm in ("fixed", "clr")]
    plan_runs(store, measured)
    for number, planned in enumerate(measured):
        for update in (100, 50):
            append(store, [(planned.key, seen(update, accuracy=number / 10 + update / 1000, test_accuracy=0.5))])
    finish(store, [Outcome(planned.key, "completed", 100) for planned in measured], "cpu", {"torch": "2"})
    results = read_results(store, "small")
    assert [result.key for result in results.runs] == sorted(planned.key for planned in measured)
    by_key = {planned.key: number for number, planned in enumerate(measured)}
    for result in results.runs:
        number = by_key[result.key]
        assert result.spec == measured[number].spec
        assert result.values == {"schedule.lr": 0.1}
        assert set(result.metrics) == set(COLUMNS)
        assert result.updates.tolist() == [50, 100]
        assert result.updates.dtype == np.int64
        assert result.seconds.tolist() == [0.5, 1.0]
        assert result.metrics["validation_accuracy"].tolist() == [number / 10 + 0.05, number / 10 + 0.1]
    assert results.metric == "test_accuracy"
    curves = results.measured("fixed", "validation_accuracy")
    assert curves.seeds.tolist() == [1, 2]
    assert curves.final.tolist() == pytest.approx([0.3, 0.1])


def test_a_run_that_was_never_looked_at_is_a_row_of_nan(store, run, seen):
    started, diverged = run(phase="measure", seed=1), run(phase="measure", seed=2)
    plan_runs(store, [started, diverged])
    append(store, [(started.key, seen(50)), (started.key, seen(100))])
    finish(store, [Outcome(diverged.key, "diverged", 7)], "cpu", {})
    curves = read_results(store, "small").measured("fixed", "validation_accuracy")
    assert np.isnan(curves.values).tolist() == [[False, False], [True, True]]


def test_results_take_as_many_statements_for_one_run_as_for_many(store, run, seen, statements):
    said = statements(store)
    lengths = []
    for total in (1, 60):
        planned = [run(trial=trial) for trial in range(total)]
        plan_runs(store, planned)
        append(store, [(one.key, seen(50)) for one in planned])
        said.clear()
        assert len(read_results(store, "small").runs) == total
        lengths.append(len(said))
    assert lengths[0] == lengths[1] < 12


def test_studies_in_one_storage_do_not_mix(store, study, run, seen, text):
    add_study(store, parse_study(text.replace('"small"', '"other"')))
    for name in ("small", "other"):
        plan_runs(store, [run(study=name)])
    append(store, [(run(study="other").key, seen(50))])
    finish(store, [Outcome(run(study="other").key, "pruned", 50)], "cpu", {})
    assert study_names(store) == ("other", "small")
    assert run_endings(store, "small") == {run().key: None}
    assert read_results(store, "small").runs[0].updates.tolist() == []
    assert read_results(store, "other").runs[0].updates.tolist() == [50]
    assert progress(store, "small").of("fixed", "search").updates == 0


def test_losses_are_one_curve_in_the_order_of_updates(store, run, seen):
    plan_runs(store, [run()])
    assert read_losses(store, run().key).tolist() == []
    for update in (100, 50):
        append(store, [(run().key, seen(update))])
    curve = read_losses(store, run().key)
    assert curve.dtype == np.float32
    assert curve.tolist() == list(range(100))


@pytest.mark.parametrize("total", [2, 501])  # asked for by name, and picked out of all
def test_scores_are_those_of_the_runs_asked_for(store, run, seen, total):
    planned = [run(trial=trial) for trial in range(total + 1)]
    plan_runs(store, planned)
    first, second, other = planned[0].key, planned[1].key, planned[-1].key
    append(store, [(first, seen(50, accuracy=0.5)), (first, seen(100, accuracy=NAN)), (other, seen(50))])
    scores = scores_at(store, [one.key for one in planned[:-1]], "validation_accuracy")
    assert (scores[first], scores[second], len(scores)) == ({50: 0.5}, {}, total)


@pytest.mark.parametrize("ask", [stored_study, read_results, run_endings, progress, leaders])
def test_an_unknown_study_is_refused_with_the_nearest_name(store, ask):
    with pytest.raises(StorageError, match=r"holds no study 'smalll'; did you mean 'small'\?"):
        ask(store, "smalll")


def test_progress_counts_runs_and_updates(store, run, seen):
    planned = [run(trial=trial) for trial in range(6)]
    plan_runs(store, [*planned, run(arm="clr")])
    looks = [(0, 50, 0.99), (0, 100, 0.5), (1, 50, 0.4), (1, 100, 0.75), (2, 50, 0.9), (3, 50, 0.1)]
    append(store, [(planned[trial].key, seen(update, accuracy=value)) for trial, update, value in looks])
    endings = [("completed", 100), ("completed", 100), ("pruned", 50)]
    finish(store, [Outcome(one.key, *end) for one, end in zip(planned, endings, strict=False)], "cpu", {})
    finish(store, [Outcome(planned[4].key, "diverged", 7)], "cpu", {})
    now = progress(store, "small")
    assert isinstance(now, Progress)
    assert list(now.arms) == [("fixed", "search"), ("clr", "search")]
    fixed = now.of("fixed", "search")
    assert fixed == ArmProgress(
        planned=6,
        running=1,
        endings={"completed": 2, "pruned": 1, "diverged": 1},
        budget=100,
        updates=100 + 100 + 50 + 50 + 7,
        updates_planned=100 + 100 + 50 + 7 + 2 * 100,  # two runs have not ended
        best=0.75,  # at the end of a completed run; neither on the way nor of a pruned one
        mean=0.625,
    )
    assert fixed.finished == 4
    assert now.of("clr", "search") == ArmProgress(planned=1, budget=100, updates_planned=100)
    assert now.of("clr", "measure") == ArmProgress()


def test_the_leader_is_the_best_completed_run_else_the_best_in_training(store, run, seen, statements):
    planned = [run(trial=trial) for trial in range(4)]
    plan_runs(store, [*planned, run(arm="clr")])
    assert leaders(store, "small") == {}
    looks = [(0, 50, 0.5), (0, 75, 0.4), (1, 50, 0.45), (2, 50, NAN)]
    append(store, [(planned[trial].key, seen(update, accuracy=value)) for trial, update, value in looks])
    ahead = leaders(store, "small")
    assert list(ahead) == [("fixed", "search")]
    assert ahead["fixed", "search"] == Leader(planned[1].spec, ended=False, updates=(50,), scores=(0.45,))
    append(store, [(planned[3].key, seen(50, accuracy=0.1)), (planned[3].key, seen(100, accuracy=0.2))])
    finish(store, [Outcome(planned[3].key, "completed", 100)], "cpu", {})
    said = statements(store)
    ahead = leaders(store, "small")
    assert ahead["fixed", "search"] == Leader(planned[3].spec, ended=True, updates=(50, 100), scores=(0.1, 0.2))
    assert sum(one.startswith("SELECT") for one in said) == 6


def test_the_best_loss_is_the_least(store, run, seen, text):
    changed = text.replace('"small"', '"other"').replace("target = { accuracy = 0.9 }", 'metric = "loss"')
    add_study(store, parse_study(changed))
    planned = [run(study="other", trial=trial) for trial in range(2)]
    plan_runs(store, planned)
    for one, loss in zip(planned, (0.5, 0.25), strict=True):
        append(store, [(one.key, seen(100, validation_loss=loss))])
    finish(store, [Outcome(one.key, "completed", 100) for one in planned], "cpu", {})
    assert progress(store, "other").of("fixed", "search").best == 0.25
    assert leaders(store, "other")["fixed", "search"].scores == (0.25,)
