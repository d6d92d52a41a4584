"""A whole study on each server, while its connections are cut off again and again: the one that SQLite has."""

from __future__ import annotations

import itertools

import numpy as np
import optuna
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url

from clr_study.search import Where, run_study
from clr_study.search.optuna_tables import optuna_storage
from clr_study.search.tuner import Tuner, changes
from clr_study.store import TrialWriter, open_store, transact


def where(url: str, folder) -> Where:
    return Where(storage=url, out=str(folder / "out"), devices="cpu")


def told(url: str) -> list[tuple]:
    """What Optuna holds of a study's trials, whatever the database."""
    storage = optuna_storage(url)
    kept = [
        (study.study_name, trial.number, trial.state, trial.params, trial.values)
        for study in optuna.get_all_study_summaries(storage)
        for trial in optuna.load_study(study_name=study.study_name, storage=storage).trials
    ]
    storage.engine.dispose()
    return sorted(kept)


def assert_same(one, other):
    assert [run.key for run in one.runs] == [run.key for run in other.runs]
    assert one.winners == other.winners
    for mine, theirs in zip(one.runs, other.runs, strict=True):
        assert (mine.spec, mine.values, mine.ending) == (theirs.spec, theirs.values, theirs.ending)
        assert mine.updates.tolist() == theirs.updates.tolist()
        for name, values in mine.metrics.items():
            assert np.array_equal(values, theirs.metrics[name], equal_nan=True), (mine.key, name)


def test_a_study_on_a_server_that_cuts_it_off_is_the_one_on_sqlite(server, small, tmp_path, monkeypatch):
    monkeypatch.setattr(transact, "LAST_PAUSE", 0.1)
    expected = run_study(small(), where(f"sqlite:///{tmp_path}/s.db", tmp_path))
    with server.fresh() as url:
        writes, cuts = itertools.count(1), []

        def cut_off_now_and_then(connection) -> None:
            if connection.get_execution_options().get(transact.WRITES) and next(writes) % 4 == 0:
                cuts.append(server.cut_off(make_url(url).database))

        def begin(stage: str) -> None:
            if stage.startswith("search"):
                event.listen(Engine, "commit", cut_off_now_and_then)

        try:
            found = run_study(small(), where(url, tmp_path), begin)
        finally:
            event.remove(Engine, "commit", cut_off_now_and_then)
        assert sum(cuts) >= 4
        assert_same(found, expected)
        assert told(url) == told(f"sqlite:///{tmp_path}/s.db")


def test_trials_whose_writing_was_cut_off_are_there_once(server, small, monkeypatch):
    study = small()
    with server.fresh() as url, open_store(url) as store:
        storage = optuna_storage(url)
        tuner = Tuner(storage, study, study.arm("clr"))
        storage.engine.dispose()
        writer = TrialWriter(store)
        tuner.ask()
        writer.write(changes([tuner]))
        tuner.tell(0, "completed", 0.5)
        tuner.ask()
        cuts = []

        def cut(connection):
            if not cuts:
                cuts.append(server.cut_off(make_url(url).database))

        event.listen(store.engine, "commit", cut)
        monkeypatch.setattr(transact, "LAST_PAUSE", 0.1)
        writer.write(changes([tuner]))
        assert sum(cuts) >= 1
        event.remove(store.engine, "commit", cut)
        kept = [(number, state.name, values) for _, number, state, _, values in told(url)]
        assert kept == [(0, "COMPLETE", [0.5]), (1, "RUNNING", None)]
