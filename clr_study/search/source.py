"""Where the loop's work comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from clr_study.spec import Job, Outcome


class Source(Protocol):
    """Where jobs come from and outcomes go."""

    def step(self, outcomes: Sequence[Outcome], room: int) -> list[Job]:
        """Takes what came back, and returns the jobs that follow from it and new ones, at most `room` of both."""


class Watched:
    """A source of jobs that tells of what comes back.

    Args:
        source: The work.
        told: Gets the outcomes, once the source has taken them.
    """

    def __init__(self, source: Source, told: Callable[[Sequence[Outcome]], None]) -> None:
        self.source, self.told = source, told

    def step(self, outcomes: Sequence[Outcome], room: int) -> list[Job]:
        """Takes what came back, tells of it, and returns what the source does."""
        jobs = self.source.step(outcomes, room)
        if outcomes:
            self.told(outcomes)
        return jobs
