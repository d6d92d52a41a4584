"""How many lanes train fastest, timed by a short probe, where a count does not tell."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import torch

from clr_study.engine.fuse import fitting_lanes
from clr_study.engine.task import Task
from clr_study.engine.train import Training
from clr_study.spec import TrialSpec

# No more lanes are begun when this long has passed; one number of lanes may take longer where a step does.
PROBE_SECONDS = 2.0
# Each number of lanes is timed in this many pieces, of which the fastest counts: a busy neighbour slows the others.
PIECES, MOST_UPDATES, PIECE_SECONDS = 3, 20, 0.02
# Lanes that win less than this over fewer ones are not worth their memory; a rate fallen this far does not rise again.
WORTH, FALLEN = 1.05, 0.8

Cost = tuple[float, int]
Rates = Mapping[int, float]


def probe(spec: TrialSpec, task: Task, room: int, clock: Callable[[], float] = time.monotonic) -> dict[int, float]:
    """Returns the updates a second of all lanes together, by how many there are: 1, 2, 4, and so on.

    It doubles the lanes for as long as time, memory and gain allow. Memory is counted on a CPU; on a GPU that of one
    and of two lanes is measured, and more are tried only if as much again for each of them leaves room.

    Args:
        spec: One of the runs.
        task: Its data, where the runs will train.
        room: Bytes that all lanes may take.
        clock: Seconds.
    """
    try:
        if task.device.type == "cuda":
            # Libraries load their kernels at the first use, which may take longer than all that follows.
            with suppress(Exception):
                _cost(spec, task, 1)
        most = fitting_lanes(spec, task, room)
        return climb(lambda lanes: _cost(spec, task, lanes), most, room, clock)
    finally:
        gc.collect()
        if task.device.type == "cuda":
            torch.cuda.empty_cache()


def climb(cost: Callable[[int], Cost], most: int, room: int, clock: Callable[[], float]) -> dict[int, float]:
    """Returns the rates that doubling the lanes came to.

    Args:
        cost: From a number of lanes to the seconds of one lane's update, and the bytes that all of them took at their
            most; 0 where they are not measured. What it raises ends the climb.
        most: How many lanes a count allows.
        room: Bytes that they may take.
        clock: Seconds.

    Examples:
        >>> climb(lambda lanes: (0.5 / min(lanes, 4), 0), most=64, room=0, clock=lambda: 0.0)
        {1: 2.0, 2: 4.0, 4: 8.0, 8: 8.0, 16: 8.0, 32: 8.0, 64: 8.0}
        >>> climb(lambda lanes: (0.5, 100 * lanes), most=64, room=450, clock=lambda: 0.0)  # five would not fit
        {1: 2.0, 2: 2.0, 4: 2.0}
    """
    rates: dict[int, float] = {}
    held: dict[int, int] = {}
    lanes, begun = 1, clock()
    while lanes <= most:
        before = clock()
        try:
            seconds, held[lanes] = cost(lanes)
        except Exception:  # no memory, or a network that no step can share; of one lane the training itself will tell
            break
        rates[lanes] = 1 / seconds
        if lanes == 2 and held[2]:
            most = min(most, 1 + (room - held[1]) // max(1, held[2] - held[1]))
        # Twice the lanes take up to twice the time.
        over = clock() + 2 * (clock() - before) > begun + PROBE_SECONDS
        if over or rates[lanes] < FALLEN * max(rates.values()):
            break
        lanes *= 2
    return rates


def fastest(rates: Rates) -> int:
    """Returns the number of lanes to train with: the least that more lanes do not beat by 5 %.

    Args:
        rates: What `probe` found; 1 if that is nothing.

    Examples:
        >>> fastest({1: 100.0, 2: 180.0, 4: 200.0, 8: 205.0}), fastest({})
        (4, 1)
    """
    return min((lanes for lanes, rate in rates.items() if WORTH * rate >= max(rates.values())), default=1)


def flat_training(spec: TrialSpec, task: Task, lanes: int, updates: int, distinct: bool = False) -> Training:
    """Returns a training to time: at so low a rate that no lane can diverge and leave the others a cheaper step.

    Its step is never compiled, which would take longer than the timing.

    Args:
        spec: One of the runs.
        task: Its data.
        lanes: How many share the step.
        updates: How long it is, with one evaluation at its end.
        distinct: Whether each lane has a seed of its own, and so its own samples, as measured runs have.
    """
    flat = {"kind": "constant", "lr": 1e-12}
    short = replace(spec, schedule=flat, updates=updates, evaluate_at=(updates,), compile=False)
    return Training([replace(short, seed=spec.seed + lane * distinct) for lane in range(lanes)], task)


def _cost(spec: TrialSpec, task: Task, lanes: int) -> Cost:
    training = flat_training(spec, task, lanes, 2 + PIECES * MOST_UPDATES)
    if task.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(task.device)

    def seconds(updates: int) -> float:
        """Of one lane's update, by the engine's own clock, which waits for the device."""
        before = float(training.lanes.seconds[0])
        for _ in training.run(training.lanes.update + updates):
            pass
        if len(training.running) < lanes:
            raise ValueError("a lane's loss is not finite before it has learnt anything")
        return (float(training.lanes.seconds[0]) - before) / updates

    first = seconds(1)  # in which libraries find their ways
    updates = max(1, min(MOST_UPDATES, int(PIECE_SECONDS / (first * lanes))))
    least = min(seconds(updates) for _ in range(PIECES))
    return least, torch.cuda.max_memory_allocated(task.device) if task.device.type == "cuda" else 0
