"""A worker for each core of a CPU, where runs train one by one and long enough for it."""

from __future__ import annotations

import os
from dataclasses import replace

from clr_study.check import CheckReport
from clr_study.engine import Task, counted_lanes, lane_bytes, room_for_lanes
from clr_study.search.kinds import planned_kinds
from clr_study.spec import Gp, Study, Tpe
from clr_study.where import Where
from clr_study.worker import places

# More processes would each load the libraries and the data for little.
MOST_WORKERS = 8
# What all steps together take, each by count, where starting workers is worth its seconds: about a minute of training.
LONG = 10**11


def spread(where: Where, study: Study, report: CheckReport, task: Task | None) -> Where:
    """Returns where a study runs: with several workers, if it says that it may be spread and that pays.

    Two cores train two networks with a thread each faster than one with two. One worker does so by itself with networks
    that can share a step; others have to be taken apart. It is decided by count alone, so that a
    study which is killed and started again is spread as before; and not for a sampler that learns, whose draws would
    depend on which worker is done first.

    Args:
        where: What the user said; a flag about workers, devices or lanes stands.
        study: The study.
        report: What its check found.
        task: Its data; None for a user's own loop.
    """
    cores = min(os.cpu_count() or 1, MOST_WORKERS)
    if task is None or cores < 2 or not _free(where) or _learns(study):
        return where
    room = room_for_lanes("cpu")
    work = 0
    for _, _, spec, runs in planned_kinds(study, report):
        if where.lanes != 1 and counted_lanes(spec, task, room, "cpu", cores) != 1:
            return where
        work += runs * spec.updates * lane_bytes(spec, task)
    return replace(where, workers=cores) if work >= LONG else where


def _free(where: Where) -> bool:
    """Whether the user has left it to us, and there is one CPU to be shared."""
    said = where.executor or where.workers or where.gpus_per_worker or where.cpus_per_worker or where.lanes > 1
    return where.may_spread and not said and [place.device for place in places(where.devices)] == ["cpu"]


def _learns(study: Study) -> bool:
    return study.search is not None and isinstance(study.search.sampler, (Tpe, Gp))
