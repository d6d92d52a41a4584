"""A process a device. A process that dies costs its batch, not the pool: this is why it is pebble's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from pebble import ProcessPool

from clr_study.executors.base import EXECUTORS, SetUp


class ProcessesExecutor(Executor):
    """Pools of one process each, so that a process stays with its device.

    Args:
        setups: What each process calls first.

    Examples:
        >>> with ProcessesExecutor([int]) as executor:
        ...     executor.submit(sum, [1, 2]).result()
        3
    """

    def __init__(self, setups: Sequence[SetUp]) -> None:
        # Forking a process that has started CUDA or threads breaks both.
        context = multiprocessing.get_context("spawn")
        self.pools = [ProcessPool(max_workers=1, initializer=setup, context=context) for setup in setups]
        self.waiting: list[list[Future[Any]]] = [[] for _ in setups]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Gives the call to the process with the least to do."""
        self.waiting = [[future for future in line if not future.done()] for line in self.waiting]
        shortest = min(range(len(self.pools)), key=lambda number: len(self.waiting[number]))
        future: Future[Any] = self.pools[shortest].schedule(fn, args=args, kwargs=kwargs)
        self.waiting[shortest].append(future)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the processes, at once if futures are to be cancelled."""
        for pool in self.pools:
            if cancel_futures:
                pool.stop()
            else:
                pool.close()
        if wait:
            for pool in self.pools:
                pool.join()


@EXECUTORS.add
def processes(setups: Sequence[SetUp]) -> Executor:
    """Trains in one process a device on this machine.

    Args:
        setups: One for each process.

    Examples:
        >>> with processes([int, int]) as executor:
        ...     executor.submit(max, 1, 2).result()
        2
    """
    return ProcessesExecutor(setups)
