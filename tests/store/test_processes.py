"""Several processes, one storage."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy import text as sql

from clr_study.spec import CheckpointRef
from clr_study.store import append, plan_runs, read_losses, read_results, standings, tables

# A worker of eight runs; every evaluation is appended by two workers, as after a worker that was taken for dead.
WRITER = """
import sys
import numpy as np
from clr_study.spec import CheckpointRef, Evaluation, RunKey
from clr_study.store import append, open_store

worker, nan = int(sys.argv[1]), float("nan")
with open_store({url!r}, create=False) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for update in range(1, 51):
        keys = [RunKey("small", "fixed", "search", trial % 16, 1) for trial in range(4 * worker, 4 * worker + 8)]
        looks = [
            (key, Evaluation(update=update, epoch=0.0, seconds=0.0, lr=0.1, train_loss=float(key.trial),
                validation_loss=nan, validation_accuracy=update / 100, test_loss=nan, test_accuracy=nan,
                losses=np.full(1, 100 * key.trial + update, np.float32)))
            for key in keys
        ]
        append(store, looks, {{key: CheckpointRef("/saved", lane, update, "a" * 64) for lane, key in enumerate(keys)}})
        print(update, flush=True)
"""


def start(url: str, worker: int) -> subprocess.Popen[str]:
    code = [sys.executable, "-c", WRITER.format(url=url), str(worker)]
    process = subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_four_writers_lose_and_double_nothing(store, url, run):
    planned = [run(trial=trial) for trial in range(16)]
    plan_runs(store, planned)
    writers = [start(url, worker) for worker in range(4)]
    for writer in writers:
        go(writer)
    for writer in writers:
        assert writer.communicate()[0].split()[-1] == "50"
        assert writer.returncode == 0
    results = read_results(store, "small").runs
    assert len(results) == 16
    for result in results:
        assert result.updates.tolist() == list(range(1, 51))
        assert set(result.metrics["train_loss"]) == {result.key.trial}
        assert np.array_equal(read_losses(store, result.key), np.arange(1, 51) + 100 * result.key.trial)
    with store.engine.connect() as connection:
        for table in (tables.evaluations, tables.losses):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 16 * 50
    assert {one.checkpoint.update for one in standings(store, [one.key for one in planned]).values()} == {50}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("wait", [0.0, 0.01, 0.05])
def test_a_killed_writer_leaves_whole_transactions(store, url, run, seen, wait):
    plan_runs(store, [run(trial=trial) for trial in range(8)])
    writer = start(url, 0)
    go(writer)
    assert writer.stdout is not None
    said = [writer.stdout.readline()]
    time.sleep(wait)
    writer.send_signal(signal.SIGKILL)
    said += writer.stdout.readlines()
    writer.wait()
    for stream in (writer.stdin, writer.stdout):
        stream.close()
    results = read_results(store, "small").runs
    lengths = {len(result.updates) for result in results}
    assert len(lengths) == 1, "a batch was stored in part"
    assert lengths.pop() >= int(said[-1])
    assert all(len(read_losses(store, result.key)) == len(result.updates) for result in results)
    again = [(result.key, seen(update, length=1)) for result in results for update in range(1, 51)]
    append(store, again, {result.key: CheckpointRef("/saved", 0, 50, "b" * 64) for result in results})
    assert {len(result.updates) for result in read_results(store, "small").runs} == {50}
    if store.engine.dialect.name == "sqlite":
        with store.engine.connect() as connection:
            assert connection.execute(sql("PRAGMA integrity_check")).scalar() == "ok"
