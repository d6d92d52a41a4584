"""Everything in the owner's own process: the least that can go wrong, and right for one device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from clr_study.errors import InputError
from clr_study.executors.base import EXECUTORS, SetUp


class InlineExecutor(Executor):
    """Runs what it is given at once, in the caller's thread.

    Examples:
        >>> InlineExecutor().submit(sum, [1, 2]).result()
        3
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Runs the call and returns its future, done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@EXECUTORS.add
def inline(setups: Sequence[SetUp]) -> Executor:
    """Trains in the process that owns the study.

    Args:
        setups: One set-up, which is called now.

    Raises:
        InputError: More than one worker is asked for.

    Examples:
        >>> inline([lambda: None]).submit(max, 1, 2).result()
        2
    """
    if len(setups) != 1:
        raise InputError(f"--executor inline works on one device, but got {len(setups)}; use --executor processes")
    setups[0]()
    return InlineExecutor()
