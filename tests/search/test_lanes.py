"""How many runs share a step: who is asked, how often, and what is remembered."""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager

import pytest

from clr_study.engine import MOST_LANES, fuse, load_task
from clr_study.search import Where, plan_study, run_study
from clr_study.search import lanes as lanes_module
from clr_study.search.lanes import LaneCounts, timed_once
from clr_study.search.workers import Workers
from clr_study.spec import Budget, Job, RunKey, corner, fill
from clr_study.store import add_study, open_store
from clr_study.store.lanes import kept_lanes

# Too many bytes for the caches with 64 lanes, few enough with one: no count tells.
GRAY = ("hidden = [8]", "hidden = [512]")
RATES = {1: 100.0, 2: 180.0, 4: 200.0}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fuse, "CACHES", 2**23)
    return tmp_path / "cache" / "clr_study" / "lanes.json"


@pytest.fixture
def asked(monkeypatch):
    """A worker's answer, made up; and how often it was asked for."""
    questions = []

    def rates(spec, share):
        questions.append((spec.model["kind"], share))
        return RATES

    for module in ("clr_study.search.lanes", "clr_study.search.plan"):
        monkeypatch.setattr(f"{module}.lane_rates", rates)
    return questions


def job(study, batch_size=64):
    """A trial of the first arm."""
    arm, budget = study.arms[0], Budget(updates=24, per_epoch=22, batch_size=batch_size)
    spec = fill(study, arm, corner(arm.space, "low"), budget, seed=1)
    return Job(RunKey(study.name, arm.name, "search", 0, 1), spec, spec.updates)


@contextmanager
def counts(study, tmp_path, said=None, **options):
    """A life of the owner."""
    workers = Workers(study, Where(devices="cpu", **options))
    with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        add_study(store, study)
        task = load_task(study.task)
        with workers.executor:
            wanted = options.get("lanes", 0)
            yield LaneCounts(study.name, store, workers, wanted, task, (said if said is not None else []).append)


def test_what_a_count_tells_nobody_is_asked_for(small, tmp_path, asked):
    study = small()
    with counts(study, tmp_path) as lanes:
        assert lanes(job(study)) == MOST_LANES
    assert asked == []


def test_a_step_is_timed_once_and_every_life_of_the_study_gets_that_answer(small, tmp_path, asked, own_cache):
    study, said = small(GRAY), []
    with counts(study, tmp_path, said) as lanes:
        assert [lanes(job(study)) for _ in range(3)] == [4, 4, 4]
    assert said == ["mlp: 4 runs share a step, 200 updates/s in all, 100 alone"]
    own_cache.write_text(json.dumps({step: {"1": 1.0} for step in json.loads(own_cache.read_text())}))
    with counts(study, tmp_path) as lanes:
        assert lanes(job(study)) == 4, "kept with the study, whatever is said elsewhere"
    assert len(asked) == 1


def test_another_study_takes_the_answer_from_the_users_cache(small, tmp_path, asked):
    for name in ("first", "second"):
        study = small(GRAY, ('name = "small"', f'name = "{name}"'))
        with counts(study, tmp_path) as lanes:
            assert lanes(job(study)) == 4
    assert len(asked) == 1


def test_another_batch_size_is_another_step(small, tmp_path, asked):
    study = small(GRAY)
    with counts(study, tmp_path) as lanes:
        for size in (64, 64, 32):
            lanes(job(study, size))
    assert len(asked) == 2


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', '{"a": {"x": 1}}'])
def test_a_damaged_cache_is_no_cache(own_cache, text):
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text(text)
    assert timed_once("a", lambda: RATES) == RATES
    assert timed_once("a", dict) == RATES, "and the next time it is remembered"


def test_a_cache_that_cannot_be_written_costs_another_timing(own_cache):
    own_cache.parent.parent.write_text("a file where the folder should be")
    for _ in range(2):
        assert timed_once("a", lambda: RATES) == RATES


def test_plan_and_run_find_the_same(small, tmp_path, asked):
    study = small(GRAY, ("trials = 4", "trials = 8"))
    planned = {phase.phase: phase.lanes for phase in plan_study(study, Where(devices="cpu")).phases}
    assert set(planned.values()) == {4}
    with counts(study, tmp_path) as lanes:
        assert lanes(job(study)) == planned["search"]
    assert len(asked) == 1


def dying(spec, share):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_of_the_question_leaves_one_lane_and_a_life_of_the_study_that_goes_on(
    small, tmp_path, monkeypatch
):
    monkeypatch.setattr(lanes_module, "lane_rates", dying)
    study, said = small(GRAY), []
    with counts(study, tmp_path, said, executor="processes") as lanes:
        assert lanes(job(study)) == 1
    assert said[0].startswith("mlp: its runs train one by one")
    with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        kept = kept_lanes(store, "small", next(iter(_steps(store))))
    assert kept == (1, {})


def _steps(store):
    with store.engine.connect() as connection:
        yield from connection.exec_driver_sql("SELECT step FROM clr_lanes").scalars()


def test_a_real_study_with_a_real_probe_packs_what_was_found(small, tmp_path):
    said = []
    study = small(GRAY, ("trials = 4", "trials = 2"))
    run_study(study, Where(storage=f"sqlite:///{tmp_path}/s.db", out=str(tmp_path), devices="cpu"), said.append)
    (sentence,) = [one for one in said if one.startswith("mlp: ")]
    with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        (step,) = _steps(store)
        lanes, rates = kept_lanes(store, "small", step)
    assert 1 in rates
    assert f"{lanes} runs share" in sentence or lanes == 1


def test_as_many_lanes_as_are_wanted_are_not_timed(small, tmp_path, asked):
    study, said = small(GRAY), []
    with counts(study, tmp_path, said, lanes=100) as lanes:
        assert lanes(job(study)) == 100
    assert (asked, said) == ([], [])


@pytest.mark.parametrize(("bytes_", "fitting"), [(20_000_000, 3), (1, 1)])
def test_more_lanes_than_there_is_room_for_are_said(small, tmp_path, monkeypatch, bytes_, fitting):
    monkeypatch.setattr(fuse, "_memory", lambda: bytes_)
    said = []
    study = small(GRAY)
    with counts(study, tmp_path, said, lanes=50) as lanes:
        count = lanes(job(study))
    assert 1 <= count <= 50 * fitting // 3
    assert said == [f"--lanes 50: a batch has room for {count} of these runs, so they train {count} at a time"]


def test_lanes_that_are_wanted_of_a_network_too_large_to_share_a_step_are_said_to_share_none(small, tmp_path):
    study, said = small(("hidden = [8]", "hidden = [8192]")), []
    with counts(study, tmp_path, said, lanes=8) as lanes:
        assert lanes(job(study)) == 8
    (sentence,) = said
    assert "a step of one alone fills the caches" in sentence
    assert "side by side" in sentence or "one by one" in sentence


def test_a_network_that_cannot_share_a_step_has_one_lane_however_many_are_wanted(small, tmp_path, monkeypatch):
    monkeypatch.setattr(fuse, "unfusable", lambda spec, task: "Its Dropout draws.")
    said = []
    study = small(GRAY)
    with counts(study, tmp_path, said, lanes=8) as lanes:
        assert lanes(job(study)) == 1
    assert said == [], "the study has said why when it began"


def test_workers_of_one_machine_share_its_memory(small):
    found = []
    for many in (1, 2, 4):
        workers = Workers(small(), Where(devices="cpu", workers=many))
        workers.executor.shutdown()
        found.append(workers.share)
    assert found == [1.0, 1.0, 0.5]
