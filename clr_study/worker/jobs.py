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
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
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
from clr_study.spec import CheckpointRef, Ending, Evaluation, Job, Outcome, RunKey, Stint
from clr_study.store import Store, add_stint, append, checkpoints_of, finish, open_store, run_endings
from clr_study.worker.own_loop import failed, train_own
from clr_study.worker.place import Place, current_place, device_words, versions

STORAGE = "CLR_STORAGE"
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
    place, started = current_place(), time.time()
    store = _store(os.environ[STORAGE])
    if jobs[0].spec.own_loop:
        outcomes = [train_own(job, store, place) for job in jobs]
        finish(store, outcomes, device_words(place.device), versions())
        add_stint(store, jobs[0].key.study, _stint(jobs, place, started))
        return outcomes
    bench = _Bench(load_task(jobs[0].spec.data, place.device), store, place)
    outcomes = bench.train(jobs)
    finish(store, outcomes, device_words(place.device), versions())
    add_stint(store, jobs[0].key.study, _stint(jobs, place, started))
    bench.clear(jobs[0].key.study)
    return outcomes


class _Bench:
    """What a worker trains with, and the checkpoint files that it meets."""

    def __init__(self, task: Task, store: Store, place: Place) -> None:
        self.task, self.store, self.place = task, store, place
        self.files: set[Path] = set()

    def train(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Trains jobs from their checkpoints; those that share an update share a batch."""
        refs = checkpoints_of(self.store, [job.key for job in jobs])
        self.files |= {path for ref in refs.values() if is_checkpoint(path := Path(ref.path))}
        saved = _saved(refs)
        endings = run_endings(self.store, jobs[0].key.study)
        outcomes: list[Outcome] = []
        batches: dict[int, list[Job]] = defaultdict(list)
        for job in jobs:
            ending = endings[job.key]
            if ending:  # it ended beside others, whose worker then died or whose batch then failed
                outcomes.append(Outcome(job.key, ending, job.spec.updates))
            else:
                batches[saved[job.key].update if job.key in saved else 0].append(job)
        return outcomes + [one for _, batch in sorted(batches.items()) for one in self._isolated(batch, saved)]

    def clear(self, study: str) -> None:
        """Removes the checkpoint files from which no unfinished run is to be continued."""
        if self.files:
            waiting = [key for key, ending in run_endings(self.store, study).items() if ending is None]
            for path in self.files - {Path(ref.path) for ref in checkpoints_of(self.store, waiting).values()}:
                path.unlink(missing_ok=True)

    def _isolated(self, jobs: Sequence[Job], saved: Mapping[RunKey, Lanes]) -> list[Outcome]:
        """Trains a batch; if it fails, its halves, from where it has come to."""
        try:
            return self._batch(jobs, saved)
        except (StorageError, UnfinishedError):
            raise
        except Exception as error:
            if len(jobs) == 1:
                return [failed(jobs[0].key, error)]
            words = traceback.format_exception_only(error)[-1].strip()[:200]
        # Outside the handler, so that the failed batch's tensors are free before its halves are tried.
        gc.collect()
        if self.task.device.type == "cuda":
            torch.cuda.empty_cache()
        middle = (len(jobs) + 1) // 2
        note = f"trained in a batch of {middle} at most, since one of {len(jobs)} failed: {words}"
        outcomes = [*self.train(jobs[:middle]), *self.train(jobs[middle:])]
        return [replace(outcome, note=outcome.note or note) for outcome in outcomes]

    def _batch(self, jobs: Sequence[Job], saved: Mapping[RunKey, Lanes]) -> list[Outcome]:
        known = [saved[job.key] for job in jobs if job.key in saved]
        training = Training([job.spec for job in jobs], self.task, together(known) if known else None)
        outcomes: dict[int, Outcome] = {}
        file = _CheckpointFile(jobs, self.place, self.files)
        waiting: list[tuple[RunKey, Evaluation]] = []
        reported = time.monotonic()
        for snapshot in training.run(jobs[0].until):
            waiting += [(jobs[run].key, evaluation) for run, evaluation in snapshot.evaluations.items()]
            last = snapshot.update >= jobs[0].until or not training.running
            if not (snapshot.diverged or last or time.monotonic() - reported >= REPORT_SECONDS):
                continue
            if snapshot.diverged:
                theirs = {jobs[run].key for run in snapshot.diverged}
                if unstored := [seen for seen in waiting if seen[0] in theirs]:
                    append(self.store, unstored)
                lost = {run: _diverged(jobs[run], where) for run, where in snapshot.diverged.items()}
                # Before the next checkpoint: without one of its own, and trained again beside others, it might fare
                # otherwise.
                finish(self.store, list(lost.values()), device_words(self.place.device), versions())
                outcomes |= lost
            append(self.store, waiting, file.write(training, snapshot))
            file.remove_older()
            waiting, reported = [], time.monotonic()
        for run, job in enumerate(jobs):
            ending: Ending | None = "completed" if job.until == job.spec.updates else None
            outcomes.setdefault(run, Outcome(job.key, ending, job.until))
        return [outcomes[run] for run in range(len(jobs))]


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


def _stint(jobs: Sequence[Job], place: Place, started: float) -> Stint:
    worker = f"{socket.gethostname()}/{os.getpid()}"
    arms = dict(Counter(job.key.arm for job in jobs))
    return Stint(worker, device_words(place.device), jobs[0].key.phase, arms, started, time.time())


def _diverged(job: Job, where: Divergence) -> Outcome:
    note = f"the loss was not finite after {where.update} updates, at a learning rate of {where.lr:.6g}"
    return Outcome(job.key, "diverged", where.update, note)


@cache
def _store(url: str) -> Store:
    return open_store(url, create=False, patience=RESTART_SECONDS)
