"""A process a device. A process that dies costs its batch, not the pool: this is why it is pebble's."""

from __future__ import annotations

import multiprocessing
import os
import threading
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
        self.setups, self.over = setups, False
        self.pools = [_pool(setup) for setup in setups]
        self.waiting: list[list[Future[Any]]] = [[] for _ in setups]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Gives the call to the process with the least to do."""
        if self.over:
            raise RuntimeError("the executor was shut down")
        self.waiting = [[future for future in line if not future.done()] for line in self.waiting]
        shortest = min(range(len(self.pools)), key=lambda number: len(self.waiting[number]))
        try:
            future: Future[Any] = self.pools[shortest].schedule(fn, args=args, kwargs=kwargs)
        except RuntimeError:  # a pool survives a process that dies at work, but not one that dies before or after it
            self.pools[shortest].stop()
            self.pools[shortest].join()
            self.pools[shortest] = _pool(self.setups[shortest])
            future = self.pools[shortest].schedule(fn, args=args, kwargs=kwargs)
        self.waiting[shortest].append(future)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the processes, at once if futures are to be cancelled."""
        self.over = True
        for pool in self.pools:
            if cancel_futures:
                pool.stop()
            else:
                pool.close()
        if wait:
            for pool in self.pools:
                pool.join()


def _pool(setup: SetUp) -> ProcessPool:
    # Forking a process that has started CUDA or threads breaks both.
    context = multiprocessing.get_context("spawn")
    return ProcessPool(max_workers=1, initializer=_begin, initargs=(setup,), context=context)


def _begin(setup: SetUp) -> None:
    """What a process does first. It must not outlive its owner, whose successor would do the same work."""
    threading.Thread(target=_end_with_owner, daemon=True).start()
    setup()


def _end_with_owner() -> None:
    owner = multiprocessing.parent_process()
    assert owner is not None
    owner.join()
    os._exit(1)


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
