"""A worker trains batches of jobs, appends what it sees to the store, and returns how each came back."""

from __future__ import annotations

import gc
import hashlib
import os
import traceback
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

from clr_study.engine import Lanes, Snapshot, Task, Training, load_task, read_checkpoint, together, write_checkpoint
from clr_study.errors import StorageError
from clr_study.spec import CheckpointRef, Ending, Job, Outcome, RunKey
from clr_study.store import Store, append, checkpoints_of, finish, open_store
from clr_study.worker.place import Place, current_place, device_words, versions

STORAGE = "CLR_STORAGE"
NOTE_LENGTH = 4000
# How long a worker that starts waits for a server that is being restarted.
RESTART_SECONDS = 120.0


def run_jobs(jobs: Sequence[Job]) -> list[Outcome]:
    """Trains some jobs that can share a step, each from its last checkpoint, to where the owner wants it back.

    What fails is split until the culprit is alone; it ends as `failed` with its trace, and the others go on.

    Args:
        jobs: Runs with one `fuse_key` and one `until`.

    Raises:
        StorageError: The storage cannot be reached; nothing that was stored is lost.
    """
    place = current_place()
    store = _store(os.environ[STORAGE])
    task = load_task(jobs[0].spec.data, place.device)
    batches: dict[int, list[Job]] = defaultdict(list)
    saved = _saved(jobs, store)
    for job in jobs:
        batches[saved[job.key].update if job.key in saved else 0].append(job)
    outcomes: list[Outcome] = []
    for _, batch in sorted(batches.items()):
        outcomes += _isolated(batch, saved, task, store, place)
    finish(store, outcomes, device_words(place.device), versions())
    return outcomes


def _isolated(jobs: Sequence[Job], saved: dict[RunKey, Lanes], task: Task, store: Store, place: Place) -> list[Outcome]:
    """Trains a batch; if it fails, its halves."""
    try:
        return _batch(jobs, saved, task, store, place)
    except StorageError:
        raise
    except Exception as error:
        if len(jobs) == 1:
            return [_failed(jobs[0], error)]
    # Outside the handler, so that the failed batch's tensors are free before its halves are tried.
    gc.collect()
    if task.device.type == "cuda":
        torch.cuda.empty_cache()
    middle = (len(jobs) + 1) // 2
    return [
        outcome for half in (jobs[:middle], jobs[middle:]) for outcome in _isolated(half, saved, task, store, place)
    ]


def _batch(jobs: Sequence[Job], saved: dict[RunKey, Lanes], task: Task, store: Store, place: Place) -> list[Outcome]:
    known = [saved[job.key] for job in jobs if job.key in saved]
    training = Training([job.spec for job in jobs], task, together(known) if known else None)
    outcomes: dict[int, Outcome] = {}
    file = _CheckpointFile(jobs, place)
    for snapshot in training.run(jobs[0].until):
        for run, where in snapshot.diverged.items():
            note = f"the loss was not finite after {where.update} updates, at a learning rate of {where.lr:.6g}"
            outcomes[run] = Outcome(jobs[run].key, "diverged", where.update, note)
        seen = [(jobs[run].key, evaluation) for run, evaluation in snapshot.evaluations.items()]
        append(store, seen, file.write(training, snapshot))
        file.remove_older()
    for run, job in enumerate(jobs):
        ending: Ending | None = "completed" if job.until == job.spec.updates else None
        outcomes.setdefault(run, Outcome(job.key, ending, job.until))
    if all(outcome.ending for outcome in outcomes.values()):
        file.remove()
    return [outcomes[run] for run in range(len(jobs))]


class _CheckpointFile:
    """The file in which a batch keeps its last state; a new one is there before the old one goes."""

    def __init__(self, jobs: Sequence[Job], place: Place) -> None:
        self.jobs = jobs
        names = "\n".join(job.spec.digest for job in jobs)
        self.stem = hashlib.sha256(names.encode()).hexdigest()[:24]
        self.folder = Path(place.checkpoints) if place.checkpoints else None
        self.written: list[Path] = []

    def write(self, training: Training, snapshot: Snapshot) -> dict[RunKey, CheckpointRef]:
        due = [run for run in training.running if run in snapshot.evaluations]
        if self.folder is None or not due or snapshot.update >= training.specs[0].updates:
            return {}
        lanes = training.lanes.take([training.running.index(run) for run in due])
        path = self.folder / f"{self.stem}-{snapshot.update}.safetensors"
        sha256 = write_checkpoint(lanes, path)
        self.written.append(path)
        return {
            self.jobs[run].key: CheckpointRef(str(path), row, snapshot.update, sha256) for row, run in enumerate(due)
        }

    def remove_older(self) -> None:
        """Removes what the store no longer refers to; called after it refers to the newest."""
        while len(self.written) > 1:
            self.written.pop(0).unlink(missing_ok=True)

    def remove(self) -> None:
        for path in self.written:
            path.unlink(missing_ok=True)


def _saved(jobs: Sequence[Job], store: Store) -> dict[RunKey, Lanes]:
    """The last saved state of each job that has one; a file that is missing or damaged counts as none."""
    states: dict[RunKey, Lanes] = {}
    files: dict[tuple[str, str], Lanes | None] = {}
    for key, ref in checkpoints_of(store, [job.key for job in jobs]).items():
        name = (ref.path, ref.sha256)
        if name not in files:
            files[name] = read_checkpoint(Path(ref.path), ref.sha256)
        state = files[name]
        if state is not None and state.update == ref.update:
            states[key] = state.take([ref.lane])
    return states


def _failed(job: Job, error: Exception) -> Outcome:
    trace = "".join(traceback.format_exception(error))
    return Outcome(job.key, "failed", 0, trace[-NOTE_LENGTH:])


@cache
def _store(url: str) -> Store:
    return open_store(url, create=False, patience=RESTART_SECONDS)
