"""Workers as jobs of a Slurm cluster: one job for each batch, requeued from its checkpoint when it is pre-empted."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from pathlib import Path
from typing import Any, Literal

from clr_study.errors import InputError
from clr_study.executors.base import EXECUTORS, SetUp, elsewhere
from clr_study.executors.missing import optional

# How often a batch that meets its time limit is put in line again. Pre-emption may come any number of times.
TIME_OUTS = 10
# Seconds for which the end of cancelled jobs is waited for.
LAST_WAIT = 10.0


class _Call:
    """What a job runs: the set-up, then the call, whose exceptions come back as they are."""

    def __init__(self, setup: SetUp, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.setup, self.fn, self.args, self.kwargs = setup, fn, args, kwargs

    def __call__(self) -> tuple[Any, Exception | None]:
        try:
            self.setup()
            return self.fn(*self.args, **self.kwargs), None
        except Exception as error:
            return None, error

    def checkpoint(self) -> Any:
        """Says how to go on after a pre-emption or a time limit: the same call, which finds its checkpoints."""
        return optional("submitit", "slurm").helpers.DelayedSubmission(self)


class SlurmExecutor(Executor):
    """Gives each call to Slurm as a job, and watches the jobs.

    Args:
        setups: What a job calls first; all are alike.
        begin: Returns the executor of submitit that hands jobs in; called with the first of them.
        poll: Seconds between two looks at the jobs.
    """

    def __init__(self, setups: Sequence[SetUp], begin: Callable[[], Any], poll: float) -> None:
        self.setups, self.poll, self.begin = setups, poll, begin
        self.submitter: Any = None
        self.jobs: dict[Future[Any], Any] = {}
        self.cancelled: list[Any] = []
        self.over, self.news = False, threading.Condition()
        self.watcher: threading.Thread | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hands a call in as a job."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        with self.news:
            if self.over:
                raise RuntimeError("the executor was shut down")
            self.submitter = self.submitter or self.begin()
            self.jobs[future] = self.submitter.submit(_Call(self.setups[0], fn, args, kwargs))
            if self.watcher is None:
                self.watcher = threading.Thread(target=self._watch, daemon=True)
                self.watcher.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for the jobs, or cancels them, those that run too, and waits a while for these to be gone."""
        with self.news:
            self.over = True
            if cancel_futures:
                for future, job in self.jobs.items():
                    job.cancel()
                    future.set_exception(CancelledError())
                self.cancelled += self.jobs.values()
                self.jobs.clear()
            self.news.notify()
        if wait and self.watcher:
            self.watcher.join()
            end = time.monotonic() + LAST_WAIT
            while time.monotonic() < end and not all(job.done(force_check=True) for job in self.cancelled):
                time.sleep(self.poll)

    def _watch(self) -> None:
        while True:
            with self.news:
                jobs = dict(self.jobs)
                if self.over and not jobs:
                    return
            for future, job in jobs.items():
                if job.done():
                    answer = _answer(job)
                    with self.news:
                        if self.jobs.pop(future, None):  # it was not cancelled meanwhile
                            _settle(future, *answer)
            with self.news:
                self.news.wait(self.poll)


def _answer(job: Any) -> tuple[Any, Exception | None]:
    try:
        answer: tuple[Any, Exception | None] = job.result()
    except Exception as lost:  # the job ended without an answer: killed, out of memory, its node gone
        return None, lost
    return answer


def _settle(future: Future[Any], result: Any, error: Exception | None) -> None:
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


@EXECUTORS.add
@elsewhere
def slurm(
    setups: Sequence[SetUp],
    *,
    partition: str = "",
    time_limit: int = 60,
    memory: int = 0,
    account: str = "",
    qos: str = "",
    folder: str = ".slurm",
    cluster: Literal["slurm", "local"] = "slurm",
    gpus_per_worker: float = 0.0,
    cpus_per_worker: int = 1,
) -> Executor:
    """Trains in jobs of a Slurm cluster, one for each batch of runs.

    A job that is pre-empted, or meets its time limit, is put in line again and goes on from its checkpoint. Jobs get
    the caller's environment, and with it the storage's URL. Calls and answers go through pickled files in a folder that
    only the user may read, as submitit does it.

    Args:
        setups: As many as jobs may be in line at once.
        partition: Of the cluster; empty for its default.
        time_limit: Minutes of one job.
        memory: Gigabytes of one job; 0 for the cluster's default.
        account: Who is charged; empty for the default.
        qos: The quality of service; empty for the default.
        folder: Where jobs and their logs are kept; all nodes must see it.
        cluster: `local` runs the jobs as processes of this machine, to try a study out.
        gpus_per_worker: 0 or 1; Slurm gives whole ones.
        cpus_per_worker: Cores.

    Raises:
        InputError: submitit is not installed, there is no Slurm here, or a number cannot be.

    Examples:
        >>> with slurm([int], partition="gpu", time_limit=120) as executor:  # doctest: +SKIP
        ...     executor.submit(max, 1, 2).result()
        2
    """
    submitit = optional("submitit", "slurm")
    if gpus_per_worker not in (0, 1):
        raise InputError(
            f"--executor slurm gives whole GPUs: --gpus-per-worker must be 0 or 1, not {gpus_per_worker:g}"
        )
    for name, value, least in (("time_limit", time_limit, 1), ("memory", memory, 0)):
        if value < least:
            raise InputError(f"--executor slurm {name} must be at least {least}, but got {value}")
    if cluster == "slurm" and not shutil.which("sbatch"):
        raise InputError("--executor slurm: there is no sbatch on this machine; run it on a login node of the cluster")
    asked = {"slurm_partition": partition, "slurm_account": account, "slurm_qos": qos, "mem_gb": memory}

    def begin() -> Any:
        place = Path(folder).resolve()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        submitter = submitit.AutoExecutor(folder=place, cluster=cluster, slurm_max_num_timeout=TIME_OUTS)
        submitter.update_parameters(
            name="clr-study",
            timeout_min=time_limit,
            cpus_per_task=cpus_per_worker,
            gpus_per_node=int(gpus_per_worker),
            **{name: value for name, value in asked.items() if value},
        )
        return submitter

    return SlurmExecutor(setups, begin, poll=0.1 if cluster == "local" else 2.0)
