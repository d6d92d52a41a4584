"""A study that moves between databases, and checkpoints that nobody needs."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import optuna
import pytest
from sqlalchemy import func, select

from clr_study.errors import StorageError
from clr_study.search import Where, copy_study, prune_checkpoints, run_range_test, run_study, upkeep
from clr_study.search.optuna_tables import optuna_storage
from clr_study.search.winners import measure_runs
from clr_study.spec import Budget, CheckpointRef, Outcome
from clr_study.store import (
    add_study,
    append,
    finish,
    open_store,
    overview,
    own,
    plan_runs,
    read_losses,
    read_results,
    study_names,
)
from clr_study.store.tables import metadata
from clr_study.worker import jobs

RANGE_TEST = ("measure =", "range_test = { high = 1.0, updates = 40, seeds = 3 }\nmeasure =")


@pytest.fixture(scope="module")
def done(tmp_path_factory, small):
    """A storage in which the study `small` is done, with a range test, and its results."""
    folder = tmp_path_factory.mktemp("done")
    where = Where(storage=f"sqlite:///{folder}/s.db", out=str(folder / "out"), devices="cpu")
    study = small(RANGE_TEST)
    run_range_test(study, where)
    return where.url, run_study(study, where)


def rows(url: str) -> dict[str, int]:
    """How many rows each of our tables has."""
    with open_store(url, create=False) as store, store.engine.connect() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar()
            for name, table in metadata.tables.items()
        }


@contextlib.contextmanager
def optunas(url: str):
    storage = optuna_storage(url)
    yield storage
    storage.engine.dispose()


def trials(url: str) -> list[optuna.trial.FrozenTrial]:
    with optunas(url) as storage:
        found = optuna.load_study(study_name="small/clr", storage=storage)
        assert found.metric_names == ["validation accuracy"]
        return found.get_trials(deepcopy=True)


def told(trial: optuna.trial.FrozenTrial) -> tuple:
    assert trial.datetime_complete is not None
    ended = trial.datetime_complete.replace(microsecond=0)  # finer than MySQL keeps it
    drawn = (trial.number, trial.state, trial.params, trial.distributions)
    return *drawn, trial.values, trial.intermediate_values, trial.user_attrs, ended


def assert_equal(one, other):
    assert [run.key for run in one.runs] == [run.key for run in other.runs]
    for mine, theirs in zip(one.runs, other.runs, strict=True):
        for field in dataclasses.fields(mine):
            if field.name != "metrics":
                assert np.array_equal(getattr(mine, field.name), getattr(theirs, field.name)), (mine.key, field.name)
        assert all(np.array_equal(mine.metrics[name], theirs.metrics[name], equal_nan=True) for name in mine.metrics)
    assert (one.study, one.winners) == (other.study, other.winners)
    assert list(map(vars, one.stints)) == list(map(vars, other.stints))
    assert [vars(test).keys() for test in one.range_tests] == [vars(test).keys() for test in other.range_tests]
    for mine, theirs in zip(one.range_tests, other.range_tests, strict=True):
        assert np.array_equal(mine.scores, theirs.scores, equal_nan=True)
        assert (mine.ramp, mine.bounds, mine.seeds) == (theirs.ramp, theirs.bounds, theirs.seeds)


def test_a_study_goes_to_a_server_and_back_and_is_the_same(server, done, tmp_path, small):
    url, results = done
    back = f"sqlite:///{tmp_path}/back.db"
    with server.fresh() as elsewhere:
        said = copy_study("small", url, elsewhere)
        assert "clr:***@127.0.0.1" in said
        copy_study("small", elsewhere, back)
        for copy in (elsewhere, back):
            with open_store(copy, create=False) as store, open_store(url, create=False) as original:
                assert_equal(read_results(store, "small"), results)
                key = results.runs[0].key
                assert np.array_equal(read_losses(store, key), read_losses(original, key))
            assert rows(copy) == rows(url)
            assert list(map(told, trials(copy))) == list(map(told, trials(url)))
        with pytest.raises(StorageError, match="holds a study 'small' already; copy it to another one"):
            copy_study("small", url, elsewhere)


def test_a_copy_of_an_unfinished_study_ends_as_the_original(done, small, tmp_path, monkeypatch):
    """The owner is stopped in the search, the study copied, and the copy run on."""
    _, expected = done
    where = Where(storage=f"sqlite:///{tmp_path}/s.db", out=str(tmp_path / "out"), devices="cpu")
    batches = []

    def interrupted(*what, **named):
        batches.append(what)
        if len(batches) == 2:
            raise KeyboardInterrupt
        append(*what, **named)

    monkeypatch.setattr(jobs, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(small(RANGE_TEST), where)
    monkeypatch.undo()
    elsewhere = f"sqlite:///{tmp_path}/copy.db"
    copy_study("small", where.url, elsewhere)
    (copied,) = overview(elsewhere).studies
    assert copied.ended < copied.planned
    found = run_study(small(RANGE_TEST), Where(storage=elsewhere, out=str(tmp_path / "again"), devices="cpu"))
    runs = [run for run in expected.runs if run.key.phase != "range_test"]
    assert [run.key for run in found.runs] == [run.key for run in runs]
    for mine, theirs in zip(found.runs, runs, strict=True):
        assert np.array_equal(mine.metrics["validation_accuracy"], theirs.metrics["validation_accuracy"])
    assert found.winners == expected.winners


def test_a_copy_that_fails_leaves_nothing_of_the_study(done, tmp_path, monkeypatch):
    url, _ = done
    elsewhere = f"sqlite:///{tmp_path}/copy.db"

    def failing(source, target, study):
        raise StorageError("the disk is full")

    monkeypatch.setattr(upkeep, "copy_rows", failing)
    with pytest.raises(StorageError, match="the disk is full"):
        copy_study("small", url, elsewhere)
    with open_store(elsewhere, create=False) as store:
        assert study_names(store) == ()
    with optunas(elsewhere) as storage:
        assert storage.get_all_studies() == []
    monkeypatch.undo()
    copy_study("small", url, elsewhere)
    assert rows(elsewhere) == rows(url)


def test_a_study_that_is_run_or_not_there_is_not_copied(done, tmp_path):
    url, _ = done
    elsewhere = f"sqlite:///{tmp_path}/copy.db"
    with open_store(url) as store, own(store, "small"), pytest.raises(StorageError, match="is being run by process"):
        copy_study("small", url, elsewhere)
    with pytest.raises(StorageError, match="holds no study 'smal'; did you mean 'small'"):
        copy_study("smal", url, elsewhere)
    assert not list(tmp_path.iterdir())


def test_what_another_copy_left_in_optunas_tables_is_not_touched(done, tmp_path):
    url, _ = done
    elsewhere = f"sqlite:///{tmp_path}/copy.db"
    with optunas(elsewhere) as storage:
        optuna.create_study(storage=storage, study_name="small/clr").enqueue_trial({"x": 1})
    with pytest.raises(StorageError, match="holds an Optuna study 'small/clr' already"):
        copy_study("small", url, elsewhere)
    with optunas(elsewhere) as storage:
        assert len(optuna.load_study(study_name="small/clr", storage=storage).trials) == 1


NAMES = ("a" * 24 + "-40.safetensors", "b" * 24 + "-80.safetensors", "." + "c" * 24 + "-80.safetensors.x1y2z3")


def test_checkpoints_are_pruned_that_no_run_goes_on_from(small, tmp_path):
    """Of a run that ended and of nobody; that of an unfinished run stays, and so does every other file."""
    study, url = small(("lr = { low = 1e-2, high = 1.0, log = true }", "lr = 0.1")), f"sqlite:///{tmp_path}/s.db"
    where = Where(storage=url, out=str(tmp_path / "out"))
    folder, elsewhere = where.checkpoint_folder("small"), tmp_path / "thesis"
    for place in (folder, elsewhere):
        place.mkdir(parents=True)
    for name in (*NAMES, "notes.txt", "d" * 23 + "-80.safetensors"):
        (folder / name).write_bytes(b"x" * 10)
    (elsewhere / "thesis.tex").write_text("all of it")
    with open_store(url) as store:
        add_study(store, study)
        planned = measure_runs(study, [study.arm("constant")], {"constant": Budget(24, 18, 64)}, {})
        plan_runs(store, planned)
        ended, running, hostile = (run.key for run in planned)
        refs = {
            ended: CheckpointRef(str(folder / NAMES[0]), 0, 40, "a" * 64),
            running: CheckpointRef(str(folder / NAMES[1]), 0, 80, "a" * 64),
            hostile: CheckpointRef(str(elsewhere / "thesis.tex"), 0, 80, "a" * 64),
        }
        append(store, [], refs)
        finish(store, [Outcome(ended, "completed", 80), Outcome(hostile, "completed", 80)], "cpu", {})
        with own(store, "small"):
            (left,) = prune_checkpoints(where)
        assert "is being run" in left.skipped
        assert len(list(folder.iterdir())) == 5
    (pruned,) = prune_checkpoints(where)
    assert (pruned.forgotten, pruned.files, pruned.bytes, pruned.skipped) == (2, 2, 20, "")
    assert {path.name for path in folder.iterdir()} == {NAMES[1], "notes.txt", "d" * 23 + "-80.safetensors"}
    assert (elsewhere / "thesis.tex").read_text() == "all of it"
    assert overview(url).studies[0].checkpoints == 1
