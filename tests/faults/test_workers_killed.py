"""Workers killed at any moment: the study goes on, and every planned run ends in exactly one outcome.

Who trains beside whom changes with a kill, and with it the last bits of float32, so the numbers are not compared here.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module

from preloaded import forked_pool
from two_arms import assert_whole, two_arms
from two_arms import evaluations as stored

from clr_study.errors import UnfinishedError
from clr_study.search import Where, run_study
from clr_study.spec import parse_study
from clr_study.store import open_store, read_results

STUDY = two_arms("orphans")
LONGER = two_arms("orphans", updates=1000)


def where(folder, **changes) -> Where:
    return Where(**{"storage": f"sqlite:///{folder}/s.db", "out": str(folder / "out"), "devices": "cpu", **changes})


def evaluations(folder) -> int:
    return stored(f"sqlite:///{folder}/s.db", "orphans")


def test_killed_workers_cost_time_and_nothing_else(tmp_path):
    """Two processes, killed at random moments while the study runs."""
    draw, over, killed = random.Random(1), threading.Event(), []

    def kill_now_and_then():
        goal = draw.randint(1, 30)
        while not over.is_set() and len(killed) < 4:
            workers = multiprocessing.active_children()
            if workers and evaluations(tmp_path) >= goal:
                victim = draw.choice(workers)
                os.kill(victim.pid, signal.SIGKILL)
                killed.append(victim.pid)
                goal += draw.randint(20, 60)
            over.wait(0.02)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        results = run_study(parse_study(STUDY), where(tmp_path, devices="cpu,cpu"))
    finally:
        over.set()
        killer.join()
    assert len(killed) >= 2
    assert_whole(results)
    assert not list((tmp_path / "out" / "checkpoints").rglob("*"))


def test_a_hundred_kills_at_random_moments(tmp_path, monkeypatch):
    """Study after study on three workers, until so many have been killed; each time something was trained since."""
    monkeypatch.setattr(import_module("clr_study.executors.processes"), "_pool", forked_pool)
    draw, over, killed, folders = random.Random(2), threading.Event(), [], [tmp_path / "none"]

    def kill_now_and_then():
        while not over.wait(draw.uniform(0.0, 0.1)):
            folder = folders[-1]
            goal = evaluations(folder) + draw.randint(1, 30)
            while not over.is_set() and folder is folders[-1] and evaluations(folder) < goal:
                over.wait(0.02)
            workers = multiprocessing.active_children()
            if workers and folder is folders[-1] and len(killed) < 100:
                victim = draw.choice(workers)
                victim.kill()
                killed.append(victim.pid)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        for study in itertools.count():
            folder, before = tmp_path / str(study), len(killed)
            folder.mkdir()
            folders.append(folder)
            place = where(folder, devices="cpu,cpu,cpu", lanes=4)
            with suppress(UnfinishedError):  # of a run whose worker was killed three times in a row
                run_study(parse_study(LONGER), place)
            with open_store(place.url, create=False) as store:
                results = read_results(store, "orphans")
            given_up = [run.key for run in results.runs if run.ending == "failed"]
            assert_whole(results, given_up)
            assert all(run.note.startswith("its worker died 3 times") for run in results.runs if run.key in given_up)
            assert 3 * len(given_up) <= len(killed) - before
            if len(killed) >= 100:
                break
    finally:
        over.set()
        killer.join()
    assert len(set(killed)) == 100


def test_an_owner_killed_over_two_workers_takes_them_along_and_is_continued(tmp_path):
    (tmp_path / "orphans.toml").write_text(STUDY)
    command = [sys.executable, "-c", "from clr_study.cli import main; main()", "run", "orphans.toml"]
    command += ["--devices", "cpu,cpu", "--storage", f"sqlite:///{tmp_path}/s.db"]
    owner = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while evaluations(tmp_path) < 40 and owner.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    owner.kill()
    owner.communicate()
    assert 40 <= evaluations(tmp_path) < 16 * 20
    results = run_study(parse_study(STUDY), where(tmp_path))
    assert_whole(results)
