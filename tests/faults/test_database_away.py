"""A database server that restarts, or is away for a while, in mid-study: it costs time and nothing else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from one_arm import one_arm
from servers import Postgres, running

from clr_study.search import Where, run_study
from clr_study.spec import parse_study
from clr_study.store import open_store, progress, read_losses, read_results

STUDY = one_arm("away", hidden=16, batch_size=16, updates=400, evaluations=20, trials=4)


@pytest.fixture(scope="module")
def own_server():
    """A server that no other test is connected to."""
    with running(Postgres) as server:
        yield server


def facts(url: str) -> list:
    with open_store(url, create=False) as store:
        return [
            (run.key, run.ending, run.spec.digest, run.updates.tolist(), read_losses(store, run.key).tobytes())
            for run in read_results(store, "away").runs
        ]


def done(url: str) -> int:
    try:
        with open_store(url, create=False) as store:
            return sum(arm.updates for arm in progress(store, "away").arms.values())
    except Exception:  # the owner has not made it yet
        return 0


def test_it_is_waited_for_and_nothing_is_lost_or_written_twice(own_server, tmp_path):
    where = {"devices": "cpu", "lanes": 2}
    with own_server.fresh() as url, own_server.fresh() as other:
        run_study(parse_study(STUDY), Where(storage=other, out=str(tmp_path / "undisturbed"), **where))
        with ThreadPoolExecutor(1) as owner:
            answer = owner.submit(run_study, parse_study(STUDY), Where(storage=url, out=str(tmp_path), **where))
            for updates, seconds in ((100, 0.0), (700, 3.0)):
                while done(url) < updates and not answer.done():
                    time.sleep(0.02)
                assert not answer.done(), "the study was over before the server went away"
                own_server.stop()
                time.sleep(seconds)
                own_server.start()
            results = answer.result(timeout=300)
        assert {run.ending for run in results.runs} == {"completed"}
        assert facts(url) == facts(other)
