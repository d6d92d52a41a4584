"""Workers on a Ray cluster of two nodes on this machine: lost ones cost their call only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from clr_study.errors import InputError
from clr_study.executors import ray
from clr_study.search import Where, run_study
from clr_study.spec import parse_study

NODE = {"num_cpus": 2, "object_store_memory": 80 * 2**20}


def fail(words: str) -> None:
    raise InputError(words)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_costs_its_call_and_is_replaced(ray_cluster):
    with ray([int]) as executor:
        first = executor.submit(os.getpid).result(timeout=120)
        with pytest.raises(Exception, match=r"actor|died"):
            executor.submit(die).result(timeout=120)
        assert executor.submit(os.getpid).result(timeout=120) != first


def test_what_a_set_up_raises_reaches_the_caller(ray_cluster):
    with ray([partial(fail, "no GPU here")]) as executor, pytest.raises(InputError, match="no GPU here"):
        executor.submit(int).result(timeout=120)


def test_workers_that_find_no_room_hold_nobody_up(ray_cluster):
    """Five are asked for where one has room; the end waits for none of the others."""
    with ray([int] * 5, cpus_per_worker=2) as executor:
        calls = [executor.submit(pow, 2, number) for number in range(4)]
        assert [call.result(timeout=120) for call in calls] == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gpus_per_worker": 1.0}, "no node of the cluster has the 1 GPUs and 1 CPUs of one worker; its nodes have 0"),
        ({"cpus_per_worker": 64}, "no node of the cluster has the 0 GPUs and 64 CPUs"),
    ],
)
def test_more_than_any_node_has_is_refused(ray_cluster, options, words):
    with pytest.raises(InputError, match=words):
        ray([int], **options)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere.invalid:6379", "127.0.0.1:70000"])
def test_an_address_at_which_nobody_answers_is_refused_before_ray_tries_for_minutes(address, monkeypatch):
    library = pytest.importorskip("ray")
    monkeypatch.setattr(library, "is_initialized", lambda: False)
    monkeypatch.setattr(library, "init", lambda **_: pytest.fail("Ray was asked"))
    with pytest.raises(InputError, match=f"no Ray cluster answers at --address {address} .*start one with `ray start"):
        ray([int], address=address)


def test_ray_that_is_not_installed_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"--executor ray needs a package .*, ray: pip install 'clr_study\[ray\]'"):
        ray([int])


@pytest.fixture
def study() -> str:
    """A study's text. What `tests` holds is imported here and below, for the workers import this module without it."""
    from two_arms import two_arms

    return two_arms("spread")


def test_a_node_lost_in_mid_study_and_one_that_joins(ray_cluster, postgresql, tmp_path, study):
    from servers import PASSWORD
    from two_arms import assert_whole, evaluations

    doomed = ray_cluster.add_node(**NODE)
    with postgresql.fresh() as url, ThreadPoolExecutor(1) as owner:
        where = Where(executor="ray", storage=url, out=str(tmp_path), workers=2, cpus_per_worker=2)
        answer = owner.submit(run_study, parse_study(study), where)
        while evaluations(url, "spread") < 20 and not answer.done():
            time.sleep(0.05)
        assert not answer.done(), "the study was over before the node was lost"
        ray_cluster.remove_node(doomed, allow_graceful=False)
        ray_cluster.add_node(**NODE)
        assert_whole(answer.result(timeout=300))
    logs = Path(os.path.realpath("/tmp/ray/session_latest/logs"))
    written = [file.read_text(errors="replace") for file in logs.rglob("*") if file.is_file()]
    assert written
    assert not [text for text in written if PASSWORD in text or quote(PASSWORD, safe="") in text]


COMMAND = [sys.executable, "-c", "from clr_study.cli import main; main()", "run", "spread.toml", "--executor", "ray"]
NET = """
from clr_study.models import mlp
def small(*, shape, classes):
    return mlp(shape=shape, classes=classes, hidden=(8,))
"""


def test_the_command_sends_the_users_module_and_ends_on_sigterm(ray_cluster, postgresql, tmp_path, study):
    from two_arms import evaluations

    (tmp_path / "users_net.py").write_text(NET)
    (tmp_path / "spread.toml").write_text(study.replace('kind = "mlp", hidden = [16]', 'kind = "users_net:small"'))
    command = [*COMMAND, "--address", ray_cluster.address, "--workers", "1"]
    with postgresql.fresh() as url:
        environment = {**os.environ, "CLR_STORAGE": url, "PYTHONPATH": ""}
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
            while evaluations(url, "spread") < 10 and process.poll() is None:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=120)
        assert evaluations(url, "spread") >= 10
    assert process.returncode == 143, err
    assert "what was done is saved" in err
