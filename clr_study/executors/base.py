"""The registry of executors: each is a `concurrent.futures.Executor` with one worker for each set-up it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeAlias

from clr_study.registry import Registry

SetUp: TypeAlias = Callable[[], None]
EXECUTORS: Registry[Callable[[Sequence[SetUp]], Executor]] = Registry("executor")
