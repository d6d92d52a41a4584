"""What every registered executor keeps to."""

from __future__ import annotations

import inspect
import os
import threading
import time
from concurrent.futures import ALL_COMPLETED, Executor, Future, wait
from functools import partial

import pytest

from clr_study.errors import InputError
from clr_study.executors import EXECUTORS

OURS = [kind for kind in EXECUTORS if EXECUTORS[kind].__module__.startswith("clr_study.")]
# What an executor of a cluster needs to work on this machine alone; a fixture of the first name starts what it joins.
ON_THIS_MACHINE = {"ray": ("ray_cluster", {}), "slurm": ("tmp_path", {"cluster": "local"})}


@pytest.fixture(params=OURS)
def kind(request) -> str:
    if request.param in ON_THIS_MACHINE:
        request.getfixturevalue(ON_THIS_MACHINE[request.param][0])
    return request.param


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


def made(kind: str, setups: list) -> Executor:
    return EXECUTORS[kind](setups, **ON_THIS_MACHINE.get(kind, ("", {}))[1])


def set_up(folder: str) -> None:
    """What a worker does first: it leaves a sign with its process in it."""
    with open(f"{folder}/{os.getpid()}", "a") as file:
        file.write("ready")


def signs(folder: str) -> set[str]:
    return set(os.listdir(folder))


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def refuse(value: str) -> None:
    raise InputError(f"no {value} here")


def end_itself() -> None:
    raise SystemExit(3)


@pytest.fixture
def start(tmp_path):
    """Starts an executor of a kind with one worker and ends it at the end."""
    started = []

    def make(kind: str, workers: int = 1) -> Executor:
        executor = made(kind, [partial(set_up, str(tmp_path))] * workers)
        started.append(executor)
        return executor

    yield make
    for executor in started:
        executor.shutdown()


def test_it_is_an_executor_of_the_standard_library(start, kind):
    executor = start(kind)
    assert isinstance(executor, Executor)
    future = executor.submit(sum, [1, 2])
    assert isinstance(future, Future)
    assert future.result(timeout=60) == 3


def test_it_is_documented_with_an_example(kind):
    doc = inspect.getdoc(EXECUTORS[kind]) or ""
    for section in ("Args:", "setups:", "Examples:", ">>> "):
        assert section in doc
    assert next(iter(inspect.signature(EXECUTORS[kind]).parameters)) == "setups"


def test_results_come_back_and_exceptions_are_carried(start, kind, tmp_path):
    executor = start(kind)
    futures = [executor.submit(pow, 2, exponent, mod=None) for exponent in range(6)]
    assert [future.result(timeout=60) for future in futures] == [1, 2, 4, 8, 16, 32]
    with pytest.raises(InputError, match="no butter here"):
        executor.submit(refuse, "butter").result(timeout=60)
    with pytest.raises(ZeroDivisionError):
        executor.submit(divmod, 1, 0).result(timeout=60)
    assert executor.submit(max, 1, 2).result(timeout=60) == 2, "an exception ends nothing but its call"


def test_the_set_up_ran_once_where_the_work_runs_and_before_it(start, kind, tmp_path):
    executor = start(kind)
    workers = {executor.submit(os.getpid).result(timeout=60) for _ in range(3)}
    seen = executor.submit(signs, str(tmp_path)).result(timeout=60)
    assert {str(worker) for worker in workers} <= seen == signs(str(tmp_path))
    assert {(tmp_path / sign).read_text() for sign in seen} == {"ready"}, "once each"


def test_futures_can_be_waited_for_together(start, kind):
    executor = start(kind)
    futures = {executor.submit(time.sleep, 0.01) for _ in range(4)}
    assert wait(futures, timeout=60, return_when=ALL_COMPLETED).done == futures


def test_it_is_a_context_manager_and_can_be_shut_down_twice(kind, tmp_path):
    with made(kind, [partial(set_up, str(tmp_path))]) as executor:
        future = executor.submit(sum, [1, 2])
    assert future.result(timeout=0) == 3, "leaving the block waits for what was submitted"
    executor.shutdown()
    executor.shutdown(wait=False, cancel_futures=True)


def test_shutting_down_at_once_leaves_no_thread_and_no_process_behind(kind, tmp_path):
    before = set(threading.enumerate())
    executor = made(kind, [partial(set_up, str(tmp_path))])
    executor.submit(sum, [1, 2]).result(timeout=60)
    worker = executor.submit(os.getpid).result(timeout=60)
    if worker != os.getpid():
        executor.submit(time.sleep, 600)
    executor.shutdown(wait=False, cancel_futures=True)
    executor.shutdown()
    end = time.monotonic() + 60
    while worker != os.getpid() and lives(worker) and time.monotonic() < end:  # on a cluster the news takes a moment
        time.sleep(0.01)
    assert worker == os.getpid() or not lives(worker)
    assert set(threading.enumerate()) <= before
