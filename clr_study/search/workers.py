"""The workers of a study: their executor, their places, and each one's share of a device."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

from clr_study.engine import recorder
from clr_study.errors import InputError, StorageError
from clr_study.executors import EXECUTORS, is_elsewhere
from clr_study.spec import Study, make, user_modules
from clr_study.where import Where
from clr_study.worker import Capacity, Place, capacity, places, places_elsewhere, take_place


class Workers:
    """The workers of a study: their executor and their places.

    Args:
        study: The study.
        where: Where it runs.

    Raises:
        InputError: The executor is unknown or not installed, an option of it is wrong, or there is less than is asked
            for; nothing was written.
        StorageError: Workers on other machines could not reach the storage.
    """

    def __init__(self, study: Study, where: Where) -> None:
        self.where = where
        folder = where.checkpoint_folder(study.name)
        self.places = _places(where, str(folder or ""), study.imports)
        check_graphs(study, self.places)
        self.kind = where.executor or ("inline" if len(self.places) == 1 else "processes")
        if self.kind != "inline":
            _check_importable(study)
        given = {
            "setups": [partial(take_place, place) for place in self.places],
            "gpus_per_worker": where.gpus_per_worker,
            "cpus_per_worker": where.cpus_per_worker or 1,
            "modules": user_modules(study),
        }
        self.executor: Executor = make(EXECUTORS, {"kind": self.kind, **where.options}, "--executor", **given)
        self._capacity: Capacity | None = None

    @property
    def capacity(self) -> Capacity:
        """What a worker's device has; where it is another machine's, a worker is asked."""
        if self._capacity is None:
            found = self._ask() if is_elsewhere(EXECUTORS[self.kind]) else capacity(self.places[0])
            self._capacity = found
        return self._capacity

    @property
    def share(self) -> float:
        """The part of a device's room for lanes that is a worker's."""
        return share_of(self.where, self.places)

    def room(self) -> int:
        """Bytes that a batch of one worker may take."""
        return int(self.share * self.capacity.room)

    def _ask(self) -> Capacity:
        try:
            found: Capacity = self.executor.submit(capacity).result()
        except BaseException:  # Ctrl-C while no worker can be placed
            self.executor.shutdown(wait=False, cancel_futures=True)
            raise
        return found


def check_graphs(study: Study, workers: Sequence[Place]) -> None:
    """Refuses CUDA graphs where a worker has no GPU.

    Args:
        study: The study.
        workers: The places of its workers.

    Raises:
        SpecError: The study asks for them, and a place is a CPU.
    """
    if any(arm.train.cuda_graphs for arm in study.arms) and not study.train_fn:
        for device in {place.device for place in workers}:
            recorder(device)


def _check_importable(study: Study) -> None:
    """Refuses what a notebook or a prompt defines itself: a worker is another process, and has none of it."""
    if "__main__" in user_modules(study) and not hasattr(sys.modules["__main__"], "__file__"):
        raise InputError(
            "worker processes cannot import '__main__:...', which this session defines: put it into a file, "
            "my_module.py, and write 'my_module:...'; or let it train on one device, in this process"
        )


def share_of(where: Where, workers: Sequence[Place]) -> float:
    """Returns the part of a device's room for lanes that is a worker's; the whole leaves room for two workers.

    Args:
        where: Where a study runs.
        workers: The places of its workers.

    Examples:
        >>> share_of(Where(), [Place("cpu")] * 4), share_of(Where(gpus_per_worker=0.25), [Place("cuda:0")])
        (0.5, 0.5)
    """
    own = where.gpus_per_worker
    if not own:
        here = not (where.executor and is_elsewhere(EXECUTORS[where.executor]))
        own = 1 / sum(place.device == workers[0].device for place in workers) if here else 1.0
    return min(1.0, 2 * own)


def _places(where: Where, checkpoints: str, imports: tuple[str, ...]) -> tuple[Place, ...]:
    kind = where.executor
    if not (kind and is_elsewhere(EXECUTORS[kind])):
        return places(
            where.devices,
            checkpoints,
            imports,
            workers=where.workers,
            gpus_per_worker=where.gpus_per_worker,
            threads=where.cpus_per_worker,
        )
    if where.devices != "auto":
        raise InputError(
            f"--devices {where.devices} names devices of this machine, but --executor {kind} works on others; "
            "say --workers and --gpus-per-worker"
        )
    if where.url.startswith("sqlite"):
        raise StorageError(
            f"--executor {kind} works on other machines, which cannot share a SQLite file; give a server that all of "
            "them reach, as in --storage postgresql+psycopg://user:password@host/database"
        )
    return places_elsewhere(where.workers or 1, where.gpus_per_worker, where.cpus_per_worker or 1, checkpoints, imports)
