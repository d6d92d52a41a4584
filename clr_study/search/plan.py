"""What a study will cost on this machine, before any of it is trained: counted, and timed by a short probe."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass

from clr_study.check import check_study
from clr_study.engine import (
    Task,
    counted_lanes,
    fastest,
    fitting_lanes,
    flat_training,
    fuse_key,
    lane_bytes,
    load_task,
)
from clr_study.errors import SpecError
from clr_study.search.kinds import at_once, planned_kinds
from clr_study.search.lanes import step_digest, timed_once
from clr_study.search.samplers import check_budget
from clr_study.search.spread import spread
from clr_study.search.workers import check_graphs, share_of
from clr_study.spec import Phase, Study, TrialSpec
from clr_study.where import Where
from clr_study.worker import capacity, device_words, lane_rates, places, take_place

# How long all probes train together, in seconds, each after a few updates in which libraries find their ways.
PROBE_SECONDS, WARM_UP, MOST_UPDATES = 2.0, 3, 500


@dataclass(frozen=True)
class PhasePlan:
    """The runs of an arm in a phase.

    Args:
        arm: The arm; the first one for a range test, which is made with its network.
        phase: `range_test`, `search`, `confirm` or `measure`.
        runs: How many runs.
        updates: Of one run.
        lanes: How many runs share a step, those of other arms among them.
        lane_bytes: The memory that a lane takes, counted: weights, optimizer state, and what a step keeps.
        seconds: Their share of the time that all devices are expected to take.
    """

    arm: str
    phase: Phase
    runs: int
    updates: int
    lanes: int
    lane_bytes: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What a study will cost.

    Args:
        phases: What is trained, in order.
        devices: The devices in words, one for each worker.
        unfusable: Why an arm's runs train one by one, by arm.
        pruned: Whether a pruner may make the search shorter.
    """

    phases: tuple[PhasePlan, ...]
    devices: tuple[str, ...]
    unfusable: dict[str, str]
    pruned: bool

    @property
    def seconds(self) -> float:
        """The expected time of the whole study."""
        return sum(phase.seconds for phase in self.phases)


def plan_study(study: Study, where: Where | None = None) -> Plan:
    """Checks a study, counts its runs, and times a few steps of each kind on the first of its devices.

    Nothing is stored. Where the network itself is searched, its time is that of the smallest ends of its holes.

    Args:
        study: The study.
        where: The devices and lanes.

    Raises:
        InputError: Something in the study or in where it is to run cannot be.
    """
    if study.train_fn:
        raise SpecError(f"what {study.train_fn} costs only it can tell: plan times the steps of our own loop")
    where = where or Where()
    report = check_study(study)
    check_budget(study)
    where = spread(where, study, report, load_task(study.task))
    workers = places(where.devices, imports=study.imports, workers=where.workers, gpus_per_worker=where.gpus_per_worker)
    check_graphs(study, workers)
    take_place(workers[0])
    task = load_task(study.task, workers[0].device)
    planned = list(planned_kinds(study, report))
    together: Counter[tuple[str, str]] = Counter()
    for _, phase, spec, runs in planned:
        together[phase, fuse_key(spec)] += at_once(study, phase, runs)
    costs: dict[tuple[str, str], tuple[int, int, float, float]] = {}
    phases = []
    for arm, phase, spec, runs in planned:
        key = phase, fuse_key(spec)
        if key not in costs:
            fair = math.ceil(together[key] / len(workers))
            lanes = min(_lanes(spec, task, where, share_of(where, workers)), fair)
            timed = _probe(spec, task, lanes, distinct=phase != "search", seconds=PROBE_SECONDS / len(together))
            costs[key] = (lanes, lane_bytes(spec, task), *timed)
        lanes, a_lane, an_update, a_look = costs[key]
        seconds = runs * (spec.updates * an_update + len(spec.evaluate_at) * a_look) / len(workers)
        phases.append(PhasePlan(arm, phase, runs, spec.updates, lanes, a_lane, seconds))
    pruned = study.search is not None and study.search.pruner.kind != "none"
    return Plan(
        tuple(phases),
        tuple(device_words(worker.device, worker.threads) for worker in workers),
        report.unfusable,
        pruned,
    )


def _lanes(spec: TrialSpec, task: Task, where: Where, share: float) -> int:
    """How many runs share a step if there are enough of them; what is timed is remembered, so a run finds the same."""
    here = capacity()
    room = int(share * here.room)
    if where.lanes:
        return fitting_lanes(spec, task, room, where.lanes)
    counted = counted_lanes(spec, task, room, str(task.device), here.threads)
    if counted is not None:
        return counted
    return fastest(timed_once(step_digest(spec, here, share), lambda: lane_rates(spec, share)))


def _probe(spec: TrialSpec, task: Task, lanes: int, distinct: bool, seconds: float) -> tuple[float, float]:
    """Returns the seconds of a run's update and of its evaluation, shared over the lanes.

    Args:
        spec: One of the runs.
        task: Its data on the device.
        lanes: How many share a step.
        distinct: Whether each has a seed of its own, and so its own samples, as measured runs have.
        seconds: How long to train.
    """

    def train(updates: int) -> tuple[float, float]:
        training = flat_training(spec, task, lanes, updates, distinct)
        begun = time.perf_counter()
        (snapshot,) = training.run()
        whole = time.perf_counter() - begun
        if not snapshot.evaluations:
            raise SpecError(f"model {dict(spec.model)} has a loss that is not finite before it has learnt anything")
        spent = snapshot.evaluations[min(snapshot.evaluations)].seconds
        return spent / updates, whole / lanes - spent

    an_update, _ = train(WARM_UP)
    return train(min(MOST_UPDATES, max(WARM_UP, int(seconds / (an_update * lanes)))))
