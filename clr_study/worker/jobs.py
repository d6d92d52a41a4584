"""A worker trains batches of jobs, appends what it sees to the store, and returns how each came back."""

from __future__ import annotations

import gc
import hashlib
import os
import re
import socket
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import torch

from clr_study.engine import (
    Divergence,
    Lanes,
    Snapshot,
    Task,
    Training,
    load_task,
    read_checkpoint,
    together,
    write_checkpoint,
)
from clr_study.errors import StorageError, UnfinishedError
from clr_study.spec import CheckpointRef, Evaluation, Job, Outcome, RunKey, Stint
from clr_study.store import Store, append, open_store, paths_in_use, standings
from clr_study.where import STORAGE
from clr_study.worker.own_loop import failed, train_own
from clr_study.worker.place import Place, current_place, device_words, versions

CHECKPOINT_NAME = re.compile(r"[0-9a-f]{24}-\d+\.safetensors|\.[0-9a-f]{24}-\d+\.safetensors\.\w+")
# How long a worker that starts waits for a server that is being restarted.
RESTART_SECONDS = 120.0
# A batch reports when this long has passed since it last did: a short one once, at its end. What a worker that dies has
# not reported is trained again, from where it last did.
REPORT_SECONDS = 1.0


def run_jobs(jobs: Sequence[Job]) -> list[Outcome]:
    """Trains some jobs that can share a step, each from its last checkpoint, to where the owner wants it back.

    What fails is split until the culprit is alone; it ends as `failed` with its trace, and the others go on.

    Args:
        jobs: Runs of one study with one `fuse_key` and one `until`.

    Raises:
        StorageError: The storage cannot be reached; nothing that was stored is lost.
        UnfinishedError: A checkpoint cannot be written; likewise.
    """
    store, place = _store(os.environ[STORAGE]), current_place()
    bench = _Bench(store, place, jobs[0])
    if jobs[0].spec.own_loop:
        outcomes = [train_own(job, store, place) for job in jobs]
        bench.report(outcomes=outcomes)
        return outcomes
    outcomes = bench.train(jobs)
    bench.clear()
    return outcomes


class _Bench:
    """What a worker trains with and reports to, and the checkpoint files that it meets."""

    def __init__(self, store: Store, place: Place, first: Job) -> None:
        self.store, self.place, self.first = store, place, first
        self.files: set[Path] = set()
        self.since = time.time()  # it last said what it did

    @cached_property
    def task(self) -> Task:
        return load_task(self.first.spec.data, self.place.device)

    def report(
        self,
        waiting: Sequence[tuple[RunKey, Evaluation]] = (),
        saved: Mapping[RunKey, CheckpointRef] | None = None,
        outcomes: Sequence[Outcome] = (),
        last: bool = True,
    ) -> None:
        """Stores, in one transaction, what is new of a batch; with its last report, who trained it and when."""
        until = time.time()
        stint = self._stint(outcomes, until) if last else None
        words = device_words(self.place.device)
        append(self.store, waiting, saved, outcomes=outcomes, device=words, versions=versions(), stint=stint)
        if last:
            self.since = until

    def _stint(self, outcomes: Sequence[Outcome], until: float) -> Stint:
        worker = f"{socket.gethostname()}/{os.getpid()}"
        arms = dict(Counter(outcome.key.arm for outcome in outcomes))
        return Stint(worker, device_words(self.place.device), self.first.key.phase, arms, self.since, until)

    def train(self, jobs: Sequence[Job], note: str = "") -> list[Outcome]:
        """Trains jobs from their checkpoints; those that share an update share a batch.

        Args:
            jobs: The jobs.
            note: What is to be said of those that complete.
        """
        found = standings(self.store, [job.key for job in jobs])
        refs = {key: standing.checkpoint for key, standing in found.items() if standing.checkpoint}
        self.files |= {path for ref in refs.values() if is_checkpoint(path := Path(ref.path))}
        saved = _saved(refs)
        outcomes: list[Outcome] = []
        batches: dict[int, list[Job]] = defaultdict(list)
        for job in jobs:
            ending = found[job.key].ending
            if ending:  # it ended beside others, whose worker then died or whose batch then failed
                outcomes.append(Outcome(job.key, ending, job.spec.updates))
            else:
                batches[saved[job.key].update if job.key in saved else 0].append(job)
        return outcomes + [one for _, batch in sorted(batches.items()) for one in self._isolated(batch, saved, note)]

    def clear(self) -> None:
        """Removes the checkpoint files from which no unfinished run is to be continued."""
        if self.files:
            for path in self.files - {Path(path) for path in paths_in_use(self.store, self.first.key.study)}:
                path.unlink(missing_ok=True)

    def _isolated(self, jobs: Sequence[Job], saved: Mapping[RunKey, Lanes], note: str) -> list[Outcome]:
        """Trains a batch; if it fails, its halves, from where it has come to."""
        try:
            return self._batch(jobs, saved, note)
        except (StorageError, UnfinishedError):
            raise
        except Exception as error:
            if len(jobs) == 1:
                alone = [failed(jobs[0].key, error)]
                self.report(outcomes=alone)
                return alone
            words = traceback.format_exception_only(error)[-1].strip()[:200]
        # Outside the handler, so that the failed batch's tensors are free before its halves are tried.
        gc.collect()
        if self.task.device.type == "cuda":
            torch.cuda.empty_cache()
        middle = (len(jobs) + 1) // 2
        note = f"trained in a batch of {middle} at most, since one of {len(jobs)} failed: {words}"
        return [*self.train(jobs[:middle], note), *self.train(jobs[middle:], note)]

    def _batch(self, jobs: Sequence[Job], saved: Mapping[RunKey, Lanes], note: str) -> list[Outcome]:
        known = [saved[job.key] for job in jobs if job.key in saved]
        training = Training([job.spec for job in jobs], self.task, together(known) if known else None)
        if training.unrecorded:
            note = "; ".join(filter(None, [note, f"trained without CUDA graphs: {training.unrecorded}"]))
        outcomes: dict[int, Outcome] = {}
        file = _CheckpointFile(jobs, self.place, self.files)
        waiting: list[tuple[RunKey, Evaluation]] = []
        reported = time.monotonic()
        for snapshot in training.run(jobs[0].until):
            waiting += [(jobs[run].key, evaluation) for run, evaluation in snapshot.evaluations.items()]
            lost = {run: _diverged(jobs[run], where) for run, where in snapshot.diverged.items()}
            outcomes |= lost
            last = snapshot.update >= jobs[0].until or not training.running
            if not (lost or last or time.monotonic() - reported >= REPORT_SECONDS):
                continue
            if last:
                outcomes = {**_come_through(jobs, note), **outcomes}
            # What is lost is stored with the checkpoint that is without it, never after: trained again beside others,
            # it might fare otherwise.
            told = outcomes if last else lost
            self.report(waiting, file.write(training, snapshot), list(told.values()), last)
            file.remove_older()
            waiting, reported = [], time.monotonic()
        if len(outcomes) < len(jobs):  # they had come that far before
            outcomes = {**_come_through(jobs, note), **outcomes}
            self.report(outcomes=list(outcomes.values()))
        return [outcomes[run] for run in range(len(jobs))]


def _come_through(jobs: Sequence[Job], note: str) -> dict[int, Outcome]:
    """The outcomes of jobs that have come to where the owner wants them back, by their place in the batch."""
    return {
        run: Outcome(job.key, "completed" if job.until == job.spec.updates else None, job.until, note)
        for run, job in enumerate(jobs)
    }


def is_checkpoint(path: Path) -> bool:
    """Returns whether a file is called as checkpoints are, or as one that was still being written.

    Paths come from a database that others may write to, so nothing that is called otherwise is ever removed.

    Examples:
        >>> is_checkpoint(Path("results") / f"{'0a' * 12}-40.safetensors"), is_checkpoint(Path("thesis.tex"))
        (True, False)
    """
    return CHECKPOINT_NAME.fullmatch(path.name) is not None


class _CheckpointFile:
    """The files in which a batch keeps its runs' last states; a new one is there before an old one goes."""

    def __init__(self, jobs: Sequence[Job], place: Place, files: set[Path]) -> None:
        self.jobs, self.files = jobs, files
        names = "\n".join(job.spec.digest for job in jobs)
        self.stem = hashlib.sha256(names.encode()).hexdigest()[:24]
        self.folder = Path(place.checkpoints) if place.checkpoints else None
        self.last: dict[RunKey, Path] = {}
        self.older: set[Path] = set()

    def write(self, training: Training, snapshot: Snapshot) -> dict[RunKey, CheckpointRef]:
        due = [run for run in training.running if run in snapshot.evaluations]
        if self.folder is None or not due or snapshot.update >= training.specs[0].updates:
            return {}
        lanes = training.lanes.take([training.running.index(run) for run in due])
        path = self.folder / f"{self.stem}-{snapshot.update}.safetensors"
        self.files.add(path)
        try:
            sha256 = write_checkpoint(lanes, path)
        except OSError as error:
            raise UnfinishedError(
                f"the checkpoint {path} cannot be written: {error.strerror}; mend that and run the same command again, "
                "what was stored before is safe"
            ) from error
        self.older = set(self.last.values())
        self.last |= {self.jobs[run].key: path for run in due}
        return {
            self.jobs[run].key: CheckpointRef(str(path), row, snapshot.update, sha256) for row, run in enumerate(due)
        }

    def remove_older(self) -> None:
        """Removes what the store no longer refers to; called after it refers to the newest."""
        for path in self.older - set(self.last.values()):
            path.unlink(missing_ok=True)


def _saved(refs: Mapping[RunKey, CheckpointRef]) -> dict[RunKey, Lanes]:
    """The last saved state of each run that has one; a file that is missing or damaged counts as none."""
    states: dict[RunKey, Lanes] = {}
    files: dict[tuple[str, str], Lanes | None] = {}
    for key, ref in refs.items():
        name = (ref.path, ref.sha256)
        if name not in files:
            files[name] = read_checkpoint(Path(ref.path), ref.sha256)
        state = files[name]
        if state is not None and state.update == ref.update:
            states[key] = state.take([ref.lane])
    return states


def _diverged(job: Job, where: Divergence) -> Outcome:
    note = f"the loss was not finite after {where.update} updates, at a learning rate of {where.lr:.6g}"
    return Outcome(job.key, "diverged", where.update, note)


@contextmanager
def closing_stores() -> Iterator[None]:
    """Closes in the end what `run_jobs` has opened in this process, which a worker of its own leaves to its end."""
    try:
        yield
    finally:
        for store in _STORES.values():
            store.dispose()
        _STORES.clear()


_STORES: dict[str, Store] = {}


def _store(url: str) -> Store:
    if url not in _STORES:
        _STORES[url] = open_store(url, create=False, patience=RESTART_SECONDS)
    return _STORES[url]
