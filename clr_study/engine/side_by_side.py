"""Lanes shared out among threads, each with cores of its own: no core waits for the others at every layer.

Measured on two cores, which other programs used too, updates/s of 64 lanes of the mlp on digits: 14,300 with all in one
step, 31,100 in two threads; of small_cnn: 2,100 and 3,300. A lane's numbers do not depend on who shares its thread.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache, partial
from typing import TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

T = TypeVar("T")
Over: TypeAlias = threading.Event

# Threads that train side by side, at most: Python runs one of them at a time, and its part of a small step is a fifth.
# Of more cores than that each thread uses several for its own step.
MOST_SHARES = 4
# To copy even the mlp takes 1 ms, and there are two stretches of steps and samples from each evaluation to the next.
_COPIES: WeakKeyDictionary[nn.Module, list[nn.Module]] = WeakKeyDictionary()


class Abandoned(Exception):  # noqa: N818 (nothing has gone wrong)
    """Ends work whose outcome nobody waits for any more."""


def shared_out(lanes: int, device: torch.device, apart: bool = False) -> list[list[int]]:
    """Returns which lanes go together: on a CPU a share for each thread that torch would use, on a GPU all of them.

    A share has at least two lanes if they share a step: one alone would be rounded otherwise than in company.

    Args:
        lanes: How many there are.
        device: Where they are.
        apart: Whether each lane takes a step of its own.

    Examples:
        >>> before = torch.get_num_threads()
        >>> torch.set_num_threads(2)
        >>> shared_out(5, torch.device("cpu")), shared_out(3, torch.device("cpu"))
        ([[0, 1, 2], [3, 4]], [[0, 1, 2]])
        >>> shared_out(2, torch.device("cpu")), shared_out(2, torch.device("cpu"), apart=True)
        ([[0, 1]], [[0], [1]])
        >>> torch.set_num_threads(before)
    """
    threads = most_shares(torch.get_num_threads()) if device.type == "cpu" else 1
    shares = max(1, min(threads, lanes if apart else lanes // 2))
    return [share.tolist() for share in np.array_split(np.arange(lanes), shares)]


def structures(model: nn.Module, shares: int) -> list[nn.Module]:
    """Returns the network for each share: itself for a single one, else a copy, since a pass puts tensors into it.

    The copies are made once, and are in training mode or not as the network is.
    """
    if shares == 1:
        return [model]
    copies = _COPIES.setdefault(model, [])
    copies += [copy.deepcopy(model) for _ in range(shares - len(copies))]
    for one in copies[:shares]:
        one.train(model.training)
    return copies[:shares]


def most_shares(threads: int) -> int:
    """Returns in how many shares a worker trains at most that has so many threads."""
    return min(threads, MOST_SHARES)


def side_by_side(calls: Sequence[Callable[[Over], T]], even_part: bool = False) -> list[T]:
    """Returns what some functions return, each called in a thread of its own with its part of the cores.

    Args:
        calls: Functions of an event that is set when nobody waits for them any more: another one failed, or Ctrl-C.
        even_part: Whether each has the part that it would have if all threads were busy, also where they are not: some
            sums are rounded by how many cores make them.
    """
    over = threading.Event()
    with _cores_shared_out(most_shares(torch.get_num_threads()) if even_part else len(calls)) as own:
        if len(calls) == 1:
            return [calls[0](over)]
        pool = _pool(len(calls), own)
        waiting = [pool.submit(call, over) for call in calls]
        try:
            wait(waiting, return_when=FIRST_EXCEPTION)
        finally:
            over.set()
            wait(waiting)  # nothing is to go on behind the caller's back
    for failure in filter(None, (future.exception() for future in waiting)):
        if not isinstance(failure, Abandoned):
            raise failure
    return [future.result() for future in waiting]


@contextmanager
def _cores_shared_out(shares: int) -> Iterator[int]:
    """Yields how many cores a call has, of as many parts."""
    before = torch.get_num_threads()
    own = max(1, before // shares)
    torch.set_num_threads(own)
    try:
        yield own
    finally:
        torch.set_num_threads(before)


@cache
def _pool(shares: int, threads: int) -> ThreadPoolExecutor:
    # Some libraries ask each thread anew.
    return ThreadPoolExecutor(shares, "clr-study-lanes", initializer=partial(torch.set_num_threads, threads))
