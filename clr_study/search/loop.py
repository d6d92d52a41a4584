"""The loop that keeps the devices busy: asks for work, packs what can share a step, and takes back what is done."""

from __future__ import annotations

import math
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait

from clr_study.engine import fuse_key
from clr_study.errors import ClrStudyError
from clr_study.search.source import Source
from clr_study.spec import Job, Outcome, RunKey
from clr_study.worker import run_jobs

# A batch on which a worker's process has died is halved; a run that is alone when it dies gets this many tries.
TRIES = 3


def pack(jobs: Sequence[Job], lanes: Callable[[Job], int], slots: int) -> list[Job]:
    """Returns the next batch: jobs that can share a step, as many as have lanes, shared out over the free slots.

    Args:
        jobs: At least one.
        lanes: How many lanes a job's kind may have.
        slots: Workers that are free.
    """
    groups: dict[tuple[str, int], list[Job]] = defaultdict(list)
    for job in jobs:
        groups[fuse_key(job.spec), job.until].append(job)
    largest = max(groups.values(), key=len)
    fair = math.ceil(len(jobs) / slots)
    # In the order of their keys: a lane's place in its batch must not depend on who was asked or resumed first.
    return sorted(largest[: max(1, min(lanes(largest[0]), fair))], key=lambda job: job.key)


def drive(
    source: Source,
    executor: Executor,
    slots: int,
    lanes: Callable[[Job], int],
    most: int,
    give_up: Callable[[Sequence[Outcome]], None],
) -> None:
    """Runs a source's jobs until it has no more.

    Args:
        source: The work.
        executor: Where it runs.
        slots: How many batches run at once.
        lanes: How many lanes a job's kind may have.
        most: How many jobs may be in the air in all.
        give_up: Gets the outcomes of runs whose workers could not say what became of them.
    """
    ready: list[Job] = []
    again: list[list[Job]] = []
    pending: dict[Future[list[Outcome]], list[Job]] = {}
    deaths: Counter[RunKey] = Counter()
    outcomes: list[Outcome] = []

    def start() -> None:
        nonlocal ready
        while (ready or again) and len(pending) < slots:
            batch = again.pop() if again else pack(ready, lanes, slots - len(pending))
            chosen = {job.key for job in batch}
            ready = [job for job in ready if job.key not in chosen]
            pending[executor.submit(run_jobs, batch)] = batch

    try:
        while True:
            busy = len(ready) + sum(map(len, again)) + sum(map(len, pending.values()))
            if outcomes or busy < most:
                ready += source.step(outcomes, most - busy)
            start()
            if not pending:
                return
            came = [(one, pending.pop(one)) for one in wait(pending, return_when=FIRST_COMPLETED).done]
            if slots > 1:
                start()  # what is asked for already, so that no worker waits while what came back is told
            outcomes, lost = [], []
            for future, batch in came:
                there, gone, retries = _returned(future, batch, deaths)
                outcomes += there + gone
                lost += gone
                again += retries
            if lost:
                give_up(lost)
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise


def _returned(
    future: Future[list[Outcome]], batch: list[Job], deaths: Counter[RunKey]
) -> tuple[list[Outcome], list[Outcome], list[list[Job]]]:
    """The outcomes of a batch; or, because its worker died, the run that is given up or the batches to try again."""
    try:
        return future.result(), [], []
    except ClrStudyError:
        raise
    except Exception as error:
        if len(batch) > 1:
            middle = (len(batch) + 1) // 2
            return [], [], [batch[:middle], batch[middle:]]
        key = batch[0].key
        deaths[key] += 1
        if deaths[key] < TRIES:
            return [], [], [batch]
        trace = "".join(traceback.format_exception(error)).strip()
        return [], [Outcome(key, "failed", 0, f"its worker died {TRIES} times: {trace}")], []
