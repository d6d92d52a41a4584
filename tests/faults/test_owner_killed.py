"""An owner killed at any moment, and the same command again: as if nothing had happened."""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from preloaded import Commands
from two_arms import evaluations as stored
from two_arms import two_arms

from clr_study.store import open_store, read_results

STUDY = two_arms("killed", batch_size=16, updates=400, trials=4, seeds=2)


def start(folder, *options, before=""):
    command = [sys.executable, "-c", f"{before}\nfrom clr_study.cli import main; main()"]
    arguments = ["run", "killed.toml", "--devices", "cpu", "--lanes", "3", *options]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "CLR_STORAGE": ""}
    return subprocess.Popen(
        [*command, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(folder, *options):
    process = start(folder, *options)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def facts(folder):
    with open_store(f"sqlite:///{folder}/clr_study.db", create=False) as store:
        results = read_results(store, "killed")
    runs = {
        run.key: (
            run.ending,
            run.spec.digest,
            str(run.values),
            {name: run.metrics[name].tobytes() for name in run.metrics},
        )
        for run in results.runs
    }
    assert all(np.all(np.diff(run.updates) > 0) for run in results.runs)
    return runs, dict(results.winners)


def wait_for_training(process, folder, evaluations):
    """Waits until so many evaluations are stored, so that the kill falls into training on any machine."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if stored(f"sqlite:///{folder}/clr_study.db", "killed") >= evaluations:
            return
        time.sleep(0.02)
    pytest.fail(f"the study ended before it had {evaluations} evaluations: {process.communicate()[1]}")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "killed.toml").write_text(STUDY)
    finish(folder)
    return facts(folder)


def test_sigkill_again_and_again(undisturbed, tmp_path):
    (tmp_path / "killed.toml").write_text(STUDY)
    for evaluations in (1, 30, 70, 130, 200):
        process = start(tmp_path)
        wait_for_training(process, tmp_path, evaluations)
        process.kill()
        process.communicate()
    finish(tmp_path)
    assert facts(tmp_path) == undisturbed


def test_fifty_kills_at_random_moments_and_the_same_command_again(undisturbed, tmp_path):
    """Study after study, each under as many kills as it takes to come to its end."""
    draw, kills, trained = random.Random(1), 0, 0
    commands = Commands(tmp_path)
    try:
        for study in itertools.count():
            folder = tmp_path / str(study)
            folder.mkdir()
            (folder / "killed.toml").write_text(STUDY)
            code = -signal.SIGKILL
            while code == -signal.SIGKILL:
                commands.start(folder, "run", "killed.toml", "--devices", "cpu", "--lanes", "3")
                if kills < 50:
                    seen = stored(f"sqlite:///{folder}/clr_study.db", "killed")
                    wait_for_a_moment(commands, folder, draw)
                    trained += stored(f"sqlite:///{folder}/clr_study.db", "killed") > seen
                    kills += commands.runs()
                    commands.kill()
                code = commands.wait()
            assert code == 0, (tmp_path / "log").read_text()[-3000:]
            assert facts(folder) == undisturbed
            if kills >= 50:
                break
    finally:
        commands.close()
    assert trained >= 20, "most fell before anything was trained"


def wait_for_a_moment(commands, folder, draw):
    """Waits until something more is stored, mostly, and then for some part of a second."""
    seen = stored(f"sqlite:///{folder}/clr_study.db", "killed") if draw.random() < 0.8 else -1
    while commands.runs() and stored(f"sqlite:///{folder}/clr_study.db", "killed") <= seen:
        time.sleep(0.01)
    end = time.monotonic() + draw.uniform(0.0, 0.4)
    while commands.runs() and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_polite_end_says_so_and_can_be_continued(undisturbed, tmp_path, number, code):
    (tmp_path / "killed.toml").write_text(STUDY)
    process = start(tmp_path)
    wait_for_training(process, tmp_path, 40)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "what was done is saved" in err
    assert "Traceback" not in err
    finish(tmp_path)
    assert facts(tmp_path) == undisturbed


# An end that hangs, as over a database that does not answer.
HANGING = """
import time
from clr_study.executors.inline import InlineExecutor
def shutdown(self, wait=True, *, cancel_futures=False):
    if cancel_futures:
        print("tidying up", flush=True)
        time.sleep(600)
InlineExecutor.shutdown = shutdown
"""


def test_ctrl_c_twice_ends_at_once_and_can_be_continued(undisturbed, tmp_path):
    (tmp_path / "killed.toml").write_text(STUDY)
    process = start(tmp_path, before=HANGING)
    wait_for_training(process, tmp_path, 40)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "tidying up\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("clr-study: ended at once; what was stored is safe\n")
    assert "Traceback" not in err
    finish(tmp_path)
    assert facts(tmp_path) == undisturbed


def test_a_second_owner_is_refused_with_the_first_ones_name(tmp_path):
    (tmp_path / "killed.toml").write_text(STUDY)
    first = start(tmp_path)
    wait_for_training(first, tmp_path, 10)
    first.send_signal(signal.SIGSTOP)  # it holds its lease and cannot finish meanwhile
    try:
        second = start(tmp_path)
        _, err = second.communicate(timeout=120)
        assert second.returncode == 2
        first_owner = rf"process {first.pid} on host {re.escape(socket.gethostname())} since 20"
        assert re.search(rf"is being run by {first_owner}.*; wait for it", err)
    finally:
        first.send_signal(signal.SIGCONT)
        first.kill()
        first.communicate()
