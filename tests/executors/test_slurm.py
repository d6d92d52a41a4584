"""Jobs of a Slurm cluster, tried on submitit's local executor: processes of this machine under the same protocol."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from clr_study.errors import InputError
from clr_study.executors import SlurmExecutor, slurm
from clr_study.search import Where, run_study
from clr_study.spec import parse_study
from clr_study.worker import jobs

# What a job imports: it then reports at each evaluation, however fast the machine is.
OFTEN = "from clr_study.worker import jobs\n\njobs.REPORT_SECONDS = 0.0\n"
STUDY = """
name = "queued"
imports = ["often"]
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [16] }
train = { batch_size = 32, updates = 1000, evaluations = 20 }
measure = { seeds = 2 }
[arms.constant.schedule]
kind = "constant"
lr = 0.1
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def second_time(folder: str) -> str:
    """Waits the first time it is called, and answers the second time."""
    if os.path.exists(f"{folder}/begun"):
        return "again"
    open(f"{folder}/begun", "w").close()
    time.sleep(600)
    return "never"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def pre_empt(job) -> None:
    """Sends what Slurm sends: to the job's task, which here is a child of the process that stands in for Slurm."""
    (task,) = Path(f"/proc/{job.job_id}/task/{job.job_id}/children").read_text().split()
    os.kill(int(task), signal.SIGUSR2)


def wait_for(path) -> None:
    end = time.monotonic() + 120
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert path.exists()


def test_a_pre_empted_job_is_put_in_line_again(tmp_path):
    with slurm([int], cluster="local") as executor:
        future = executor.submit(second_time, str(tmp_path))
        wait_for(tmp_path / "begun")
        pre_empt(executor.jobs[future])
        assert future.result(timeout=120) == "again"


def test_a_job_that_dies_is_an_exception_and_only_its_own(tmp_path):
    with slurm([int], cluster="local") as executor:
        doomed, fine = executor.submit(die), executor.submit(max, 1, 2)
        assert fine.result(timeout=120) == 2
        with pytest.raises(Exception, match=r"(?s)has not produced any output|output"):
            doomed.result(timeout=120)


def test_a_cancelled_job_is_gone_when_the_executor_is_shut_down(tmp_path):
    executor = slurm([int], cluster="local")
    future = executor.submit(second_time, str(tmp_path))
    wait_for(tmp_path / "begun")
    process = executor.jobs[future]._process
    executor.shutdown(cancel_futures=True)
    assert process.returncode is not None, "its process is a zombie, or still running"
    with pytest.raises(CancelledError):
        future.result()


def test_what_jobs_leave_is_the_users_alone(tmp_path):
    with slurm([int], cluster="local") as executor:
        executor.submit(int).result(timeout=120)
    assert stat.S_IMODE((tmp_path / ".slurm").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "there is no sbatch on this machine; run it on a login node of the cluster"),
        ({"gpus_per_worker": 0.5, "cluster": "local"}, "gives whole GPUs: --gpus-per-worker must be 0 or 1, not 0.5"),
        ({"time_limit": 0, "cluster": "local"}, "time_limit must be at least 1, but got 0"),
        ({"memory": -1, "cluster": "local"}, "memory must be at least 0, but got -1"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        slurm([int], **options)
    assert not list(tmp_path.iterdir())


def test_submitit_that_is_not_installed_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(InputError, match=r"--executor slurm needs .*, submitit: pip install 'clr_study\[slurm\]'"):
        slurm([int])


def test_a_study_whose_batch_is_pre_empted_goes_on_from_its_checkpoint(postgresql, tmp_path, monkeypatch):
    real, interrupted = SlurmExecutor.submit, threading.Event()
    (tmp_path / "often.py").write_text(OFTEN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(jobs, "REPORT_SECONDS", jobs.REPORT_SECONDS)  # which this process imports away, too

    def submit(self, fn, /, *batches):
        future = real(self, fn, *batches)
        if batches:  # the first batch of runs; what was asked before has none
            folder = tmp_path / "checkpoints" / "queued"

            def interrupt() -> None:
                while not list(folder.glob("*-*.safetensors")):
                    time.sleep(0.005)
                pre_empt(self.jobs[future])
                interrupted.set()

            threading.Thread(target=interrupt, daemon=True).start()
        return future

    monkeypatch.setattr(SlurmExecutor, "submit", submit)
    with postgresql.fresh() as url:
        where = Where(executor="slurm", storage=url, out=str(tmp_path), options={"cluster": "local"})
        results = run_study(parse_study(STUDY), where)
    assert interrupted.is_set()
    logs = "".join(path.read_text() for path in (tmp_path / ".slurm").glob("*_log.*"))
    assert "this job is preempted" in logs
    assert [run.ending for run in results.runs] == ["completed"] * 2
    assert all(run.updates.tolist() == list(run.spec.evaluate_at) for run in results.runs)
