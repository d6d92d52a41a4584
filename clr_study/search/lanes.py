"""How many runs share a step: counted, or timed once on a worker and remembered."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from clr_study.data import cache_folder
from clr_study.engine import (
    MOST_LANES,
    Task,
    counted_lanes,
    fastest,
    fills_caches,
    fitting_lanes,
    most_shares,
    step_key,
)
from clr_study.errors import ClrStudyError
from clr_study.search.loop import TRIES
from clr_study.search.words import no_room, sharing
from clr_study.search.workers import Workers
from clr_study.spec import Job, TrialSpec
from clr_study.store import Store, keep_lanes, kept_lanes
from clr_study.worker import Capacity, lane_rates

Rates = Mapping[int, float]


class LaneCounts:
    """How many lanes a job's kind has, the same in every life of a study.

    Args:
        study: The study's name.
        store: Where what was timed is kept with the study.
        workers: Whose devices train.
        lanes: How many the user wants at most; 0 for as many as are fastest.
        task: The data, at the owner; None for a user's own loop, whose runs train one by one.
        say: Gets a sentence for each kind of step.
    """

    def __init__(
        self, study: str, store: Store, workers: Workers, lanes: int, task: Task | None, say: Callable[[str], None]
    ) -> None:
        self.study, self.store, self.workers = study, store, workers
        self.wanted, self.task, self.say = lanes, task, say
        self.found: dict[str, int] = {}

    def __call__(self, job: Job) -> int:
        """Returns the number; the first job of a kind may cost a second or two of a worker."""
        if self.task is None:
            return 1
        step = step_key(job.spec)
        if step not in self.found:
            room = self.workers.room()
            self.found[step] = (
                self._fitting(job.spec, self.task, room) if self.wanted else self._fastest(job.spec, self.task, room)
            )
        return self.found[step]

    def _fitting(self, spec: TrialSpec, task: Task, room: int) -> int:
        fitting = fitting_lanes(spec, task, room, self.wanted)
        if 1 < fitting < self.wanted or (fitting == 1 < self.wanted and fitting_lanes(spec, task, 2**60) > 1):
            self.say(no_room(self.wanted, fitting))
        if fitting > 1 and self.workers.places[0].device == "cpu" and fills_caches(spec, task):
            self.say(sharing(spec.model["kind"], min(fitting, most_shares(self.workers.capacity.threads)), {}))
        return fitting

    def _fastest(self, spec: TrialSpec, task: Task, room: int) -> int:
        capacity = self.workers.capacity
        counted = counted_lanes(spec, task, room, self.workers.places[0].device, capacity.threads)
        if counted is not None:
            if counted < fitting_lanes(spec, task, room):
                self.say(sharing(spec.model["kind"], counted, {}))
            return counted
        step = step_digest(spec, capacity, self.workers.share)
        kept = kept_lanes(self.store, self.study, step)
        if kept is None:
            rates = timed_once(step, lambda: self._ask(spec))
            keep_lanes(self.store, self.study, step, fastest(rates), rates)
            kept = fastest(rates), dict(rates)
        self.say(sharing(spec.model["kind"], *kept))
        return kept[0]

    def _ask(self, spec: TrialSpec) -> Rates:
        """A worker's answer; none if workers die of the question."""
        rates: Rates = {}
        for _ in range(TRIES):
            try:
                rates = self.workers.executor.submit(lane_rates, spec, self.workers.share).result()
                break
            except ClrStudyError:
                raise
            except Exception:  # its process died, as it may in training too, where that is told
                rates = {}
        return rates


def step_digest(spec: TrialSpec, capacity: Capacity, share: float) -> str:
    """Returns what tells a step, the device and the versions in 64 characters.

    Args:
        spec: One of the runs.
        capacity: What a worker's device is.
        share: The part of its room that is a worker's.
    """
    parts = json.dumps([step_key(spec), capacity.device, dict(capacity.versions), share, MOST_LANES], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


def timed_once(step: str, ask: Callable[[], Rates]) -> Rates:
    """Returns the rates of a step, from the user's cache if any study or plan has timed it before.

    Args:
        step: As `step_digest` says.
        ask: Times it; an empty answer is not remembered.
    """
    path = cache_folder() / "lanes.json"
    known = _read(path)
    if step in known:
        return known[step]
    rates = ask()
    if rates:
        _write(path, {**_read(path), step: rates})
    return rates


def _read(path: Path) -> dict[str, Rates]:
    """What the file holds; nothing if it is missing or is not what was written."""
    try:
        return {
            str(step): {int(lanes): float(rate) for lanes, rate in rates.items()}
            for step, rates in json.loads(path.read_text()).items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(path: Path, known: Mapping[str, Rates]) -> None:
    """Writes the file whole or not at all; a folder that takes none costs another timing some day."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w") as file:
            json.dump(known, file)
        os.replace(aside, path)
