"""Workers killed at any moment: the study goes on, and every planned run ends in exactly one outcome.

Who trains beside whom changes with a kill, and with it the last bits of float32, so the numbers are not compared here.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time

from two_arms import assert_whole, two_arms
from two_arms import evaluations as stored

from clr_study.search import Where, run_study
from clr_study.spec import parse_study

STUDY = two_arms("orphans")


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
