"""The registry of executors: each is a `concurrent.futures.Executor` with one worker for each set-up it is given."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeAlias, TypeVar

from clr_study.registry import Registry

SetUp: TypeAlias = Callable[[], None]
F = TypeVar("F", bound=Callable[..., Executor])

# Called with the set-ups first; what else it takes are options that the user may give, by name.
EXECUTORS: Registry[Callable[..., Executor]] = Registry("executor")


def elsewhere(factory: F) -> F:
    """Marks an executor whose workers may be on other machines.

    Their devices are not this machine's to count, and they share no file with it: the storage must be a server.

    Examples:
        >>> @elsewhere
        ... def on_the_moon(setups: Sequence[SetUp]) -> Executor: ...
        >>> is_elsewhere(on_the_moon), is_elsewhere(len)
        (True, False)
    """
    factory.elsewhere = True  # type: ignore[attr-defined]
    return factory


def is_elsewhere(factory: Callable[..., Any]) -> bool:
    """Returns whether an executor's workers may be on other machines."""
    return bool(getattr(factory, "elsewhere", False))
