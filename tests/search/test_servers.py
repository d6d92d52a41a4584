"""A whole study on each server, while its connections are cut off again and again: the one that SQLite has."""

from __future__ import annotations

import threading

import numpy as np
import optuna
import psycopg
import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from clr_study.search import Where, run_study
from clr_study.search.optuna_tables import optuna_storage
from clr_study.search.tuner import Tuner
from clr_study.store import transact


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
    over, cuts = threading.Event(), []
    with server.fresh() as url:

        def cut_off_now_and_then() -> None:
            while not over.wait(0.3):
                cuts.append(server.cut_off(make_url(url).database))

        def begin(stage: str) -> None:
            if stage.startswith("search"):
                cutter.start()

        cutter = threading.Thread(target=cut_off_now_and_then)
        try:
            found = run_study(small(), where(url, tmp_path), begin)
        finally:
            over.set()
            cutter.join()
        assert sum(cuts) >= 4
        assert_same(found, expected)
        assert told(url) == told(f"sqlite:///{tmp_path}/s.db")


@pytest.mark.parametrize("left", [0, 1], ids=["nothing was left", "a trial without values was left"])
def test_a_trial_whose_asking_was_cut_off_is_drawn_once(postgresql, small, monkeypatch, left):
    study = small()
    with postgresql.fresh() as url:
        tuner = Tuner(optuna_storage(url), study, study.arm("clr"))
        tuner.ask()
        whole, cuts = optuna.Study.ask, [1]

        def cut(self, space):
            if not cuts:
                return whole(self, space)
            cuts.pop()
            if left:
                whole(self)
            gone = OperationalError("COMMIT", {}, psycopg.OperationalError("gone"), connection_invalidated=True)
            raise StorageInternalError("an exception is raised during the commit") from gone

        monkeypatch.setattr(optuna.Study, "ask", cut)
        asked = [tuner.ask(), tuner.ask()]
        assert [one.number for one in asked] == [1, 2]
        assert cuts == []
        monkeypatch.undo()
        with postgresql.fresh() as other:
            undisturbed = Tuner(optuna_storage(other), study, study.arm("clr"))
            assert [undisturbed.ask() for _ in range(3)][1:] == asked
