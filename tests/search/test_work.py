"""How much a study asks of its database: statements and commits are counted, Optuna's included."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from clr_study.search import Where, run_study
from clr_study.search.optuna_tables import optuna_storage
from clr_study.store import open_store


@pytest.fixture
def counted():
    counts: Counter[str] = Counter()
    wrote: set[int] = set()

    def statement(connection, cursor, text, parameters, context, executemany):
        counts["statements"] += not text.startswith(("BEGIN", "PRAGMA"))
        if text.startswith(("INSERT", "UPDATE", "DELETE")):
            wrote.add(id(connection))

    def commit(connection):
        if id(connection) in wrote:  # the end of a transaction that only read costs nothing
            counts["commits"] += 1
            wrote.remove(id(connection))

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    yield counts
    event.remove(Engine, "before_cursor_execute", statement)
    event.remove(Engine, "commit", commit)


def test_a_trial_costs_few_statements_and_commits(small, tmp_path, counted):
    url, trials = f"sqlite:///{tmp_path}/s.db", 32
    open_store(url).dispose()
    optuna_storage(url).engine.dispose()
    counted.clear()  # the tables are made once in the life of a database
    study = small(("trials = 4", f"trials = {trials // 2}"))
    run_study(study, Where(storage=url, out=str(tmp_path / "out"), devices="cpu", lanes=16))
    assert counted["commits"] <= 2 * trials, counted
    assert counted["statements"] <= 12 * trials, counted


def test_more_trials_in_a_batch_cost_nothing_more(small, tmp_path, counted):
    found = []
    for trials in (4, 8):
        counted.clear()
        study = small(("trials = 4", f"trials = {trials}"))
        folder = tmp_path / str(trials)
        folder.mkdir()
        run_study(study, Where(storage=f"sqlite:///{folder}/s.db", out=str(folder / "out"), devices="cpu", lanes=16))
        found.append(dict(counted))
    assert found[0] == found[1]
