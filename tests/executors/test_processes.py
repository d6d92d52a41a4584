"""A process a device: a process that dies costs its future only."""

from __future__ import annotations

import os
import signal
import subprocess
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


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(folder: str, name: str) -> int:
    """Says that it is there and works until it is told to stop."""
    note(folder, name)
    while not os.path.exists(f"{folder}/stop"):
        time.sleep(0.01)
    return os.getpid()


def start_slowly(folder: str, name: str) -> None:
    """A set-up that takes until it is told to stop."""
    wait_for(folder, name)


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


@pytest.mark.parametrize("moment", ["idle", "starting"])
def test_a_process_killed_between_two_calls_is_replaced(tmp_path, moment):
    """The pool that held it is broken then, and so is whatever it was given."""
    with processes([partial(start_slowly if moment == "starting" else note, str(tmp_path), "worker")]) as executor:
        first = executor.submit(max, 1, 2)
        victim = started(tmp_path, "worker")
        if moment == "idle":
            assert first.result(timeout=60) == 2
        os.kill(victim, signal.SIGKILL)
        if moment == "starting":
            with pytest.raises(Exception, match="expired"):
                first.result(timeout=60)
        end = time.monotonic() + 30
        while executor.pools[0].active and time.monotonic() < end:
            time.sleep(0.01)
        open(f"{tmp_path}/stop", "w").close()
        assert executor.submit(max, 1, 2).result(timeout=60) == 2
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(max, 1, 2)


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


OWNER = """
import os, time
from clr_study.executors import processes
if __name__ == "__main__":
    executor = processes([int])
    print(executor.submit(os.getpid).result(timeout=60), flush=True)
    executor.submit(time.sleep, 600)
    time.sleep(600)
"""


def test_a_process_does_not_outlive_its_owner(tmp_path):
    """However busy it is: the owner's successor gives the same work to another."""
    (tmp_path / "owner.py").write_text(OWNER)
    owner = subprocess.Popen([sys.executable, tmp_path / "owner.py"], stdout=subprocess.PIPE, text=True)
    worker = int(owner.stdout.readline())
    assert lives(worker)
    owner.kill()
    owner.communicate()
    end = time.monotonic() + 30
    while lives(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not lives(worker)
