"""A process a device: a process that dies costs its future only."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial

import pytest

from clr_study.executors import processes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def note(folder: str, name: str) -> None:
    with open(f"{folder}/{name}-{os.getpid()}", "w"):
        pass


def name_of(folder: str) -> str:
    (own,) = [name for name in os.listdir(folder) if name.endswith(f"-{os.getpid()}")]
    return own.split("-")[0]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(folder: str, name: str) -> int:
    """Says that it is there and works until it is told to stop."""
    note(folder, name)
    while not os.path.exists(f"{folder}/stop"):
        time.sleep(0.01)
    return os.getpid()


def started(folder, name: str, timeout: float = 30) -> int:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = [file for file in os.listdir(folder) if file.startswith(f"{name}-")]
        if found:
            return int(found[0].split("-")[1])
        time.sleep(0.01)
    raise AssertionError(f"{name} never started")


@pytest.fixture
def two(tmp_path):
    with processes([partial(note, str(tmp_path), "first"), partial(note, str(tmp_path), "second")]) as executor:
        yield executor


def test_a_killed_process_costs_its_future_and_the_next_call_works(two, tmp_path):
    folder = str(tmp_path)
    doomed, safe = two.submit(wait_for, folder, "doomed"), two.submit(wait_for, folder, "safe")
    victim = started(folder, "doomed")
    started(folder, "safe")
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(Exception, match="Abnormal termination") as caught:
        doomed.result(timeout=60)
    assert isinstance(caught.value, RuntimeError | OSError)
    assert not safe.done(), "the other process works on"
    open(f"{folder}/stop", "w").close()
    assert safe.result(timeout=60) != victim
    assert two.submit(max, 1, 2).result(timeout=60) == 2


def test_each_process_keeps_its_own_set_up_and_so_does_its_successor(two, tmp_path):
    folder = str(tmp_path)
    assert {two.submit(name_of, folder).result(timeout=60) for _ in range(4)} <= {"first", "second"}
    busy = two.submit(wait_for, folder, "busy")
    started(folder, "busy")
    assert {two.submit(name_of, folder).result(timeout=60) for _ in range(3)} == {"second"}
    with pytest.raises(Exception, match="Abnormal termination"):
        two.submit(die).result(timeout=60)
    assert {two.submit(name_of, folder).result(timeout=60) for _ in range(3)} == {"second"}
    open(f"{folder}/stop", "w").close()
    busy.result(timeout=60)


def test_work_goes_to_the_process_with_the_least_to_do(two, tmp_path):
    folder = str(tmp_path)
    first = two.submit(wait_for, folder, "busy")
    started(folder, "busy")
    pids = {two.submit(os.getpid).result(timeout=60) for _ in range(3)}
    open(f"{folder}/stop", "w").close()
    assert first.result(timeout=60) not in pids
    assert len(pids) == 1


def test_a_call_that_ends_its_own_process_is_an_exception(two):
    with pytest.raises(BaseException):  # noqa: B017  whatever its kind, it comes back
        two.submit(sys.exit, 3).result(timeout=60)
    assert two.submit(max, 1, 2).result(timeout=60) == 2
