"""When a study gets a worker a core without being asked: by count alone, and where nobody said otherwise."""

from __future__ import annotations

import os

import pytest

from clr_study.check import check_study
from clr_study.engine import load_task
from clr_study.search import Where, plan_study, run_study
from clr_study.search import spread as spread_module
from clr_study.search.spread import LONG, spread
from clr_study.store import open_store

# No step of it can be shared: its runs train one by one.
ALONE = ('kind = "mlp", hidden = [8]', 'kind = "resnet", depth = 20, width = 64, death_rate = 0.5')
# A step of it does not lie in the caches: a worker trains a run on each core.
LARGE = ("hidden = [8]", "hidden = [3000, 3000]")
LENGTHY = ("updates = 24", "updates = 2400")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def workers(study, **options) -> int:
    task = load_task(study.task)
    where = Where(**{"devices": "cpu", "may_spread": True, **options})
    return spread(where, study, check_study(study, task), task).workers


def test_long_runs_that_train_one_by_one_get_a_worker_each(small):
    assert workers(small(ALONE, LENGTHY)) == 2
    assert workers(small(LARGE, LENGTHY), lanes=1) == 2


def test_short_ones_and_ones_that_train_together_do_not(small):
    assert workers(small(ALONE, ("trials = 4", "trials = 1"))) == 0
    assert workers(small(LARGE, LENGTHY)) == 0
    assert workers(small(LENGTHY)) == 0


@pytest.mark.parametrize(
    "said",
    [{"lanes": 4}, {"cpus_per_worker": 2}, {"executor": "inline"}, {"workers": 1}, {"devices": "cpu,cpu"}],
    ids=str,
)
def test_what_the_user_says_stands(small, said):
    assert workers(small(ALONE, LENGTHY), **said) == said.get("workers", 0)


def test_a_script_and_a_single_core_are_left_alone(small, monkeypatch):
    study = small(ALONE, LENGTHY)
    assert workers(study, may_spread=False) == 0
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert workers(study) == 0


def test_a_sampler_that_learns_has_one_worker(small):
    tpe = ("trials = 4", 'trials = 4, sampler = { kind = "tpe" }')
    assert workers(small(ALONE, LENGTHY, tpe)) == 0


def test_the_threshold_is_a_count(small, monkeypatch):
    monkeypatch.setattr(spread_module, "LONG", 0)
    assert workers(small(ALONE)) == 2
    assert LONG > 0


def numbers(results):
    return {run.key: [run.final("validation_loss"), run.final("test_loss")] for run in results.runs}


def test_plan_and_run_spread_alike_and_find_what_one_worker_finds(small, tmp_path, monkeypatch):
    monkeypatch.setattr(spread_module, "LONG", 0)
    study = small(("trials = 4", "trials = 2"))
    asked = Where(storage=f"sqlite:///{tmp_path}/s.db", out=str(tmp_path), devices="cpu", lanes=1, may_spread=True)
    assert len(plan_study(study, asked).devices) == 2
    said = []
    spread_out = run_study(study, asked, said.append)
    assert said[0].endswith(", 2 workers")
    with open_store(asked.url, create=False) as store, store.engine.connect() as connection:
        stints = connection.exec_driver_sql("SELECT DISTINCT worker FROM clr_stints").scalars().all()
    assert len(stints) == 2
    url = f"sqlite:///{tmp_path}/one.db"
    alone = Where(storage=url, out=str(tmp_path), lanes=1, executor="processes", workers=1, cpus_per_worker=1)
    assert repr(numbers(run_study(study, alone))) == repr(numbers(spread_out)), "to the last bit"
