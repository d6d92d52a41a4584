"""How fast a study goes, how long it still takes, and when a log hears of it."""

from __future__ import annotations

from collections import deque

from clr_study.spec import Arm, Study
from clr_study.spec.trial import PHASES, Phase
from clr_study.store import Progress

# Evaluations store their updates in lumps: a rate needs a few of them, and must still follow a change of phase.
LUMPS = 12
# After so long without updates, training itself is what takes the time.
LONG_SECONDS = 60.0
FIRST_SECONDS, LEAST_SECONDS, MOST_SECONDS, STEP = 5.0, 10.0, 300.0, 0.05


def expected_runs(study: Study, seen: Progress, arm: Arm, phase: Phase) -> int:
    """Returns how many runs an arm has in a phase when the study is done.

    Args:
        study: The study.
        seen: How far it is: trials are planned as they are asked for, the runs of every other phase all at once.
        arm: The arm.
        phase: The phase.
    """
    latest = max((PHASES.index(begun) for _, begun in seen.arms), default=-1)
    planned, place = seen.of(arm.name, phase).planned, PHASES.index(phase)
    if place < latest or (place == latest and phase != "search"):
        return planned
    if phase == "measure":
        return study.measure.seeds
    if study.search is None or not arm.space:
        return planned
    tuned = {"search": study.trials, "confirm": study.confirming}
    return max(planned, tuned.get(phase, 0))


def expected_updates(study: Study, seen: Progress) -> int:
    """Returns the updates of the whole study as far as they are known; an arm that has not begun counts from its start.

    Args:
        study: The study.
        seen: How far it is; a run that ended early owes no more.
    """
    total = sum(done.updates_planned for done in seen.arms.values())
    for arm in study.arms:
        budget = max(seen.of(arm.name, phase).budget for phase in PHASES)
        total += budget * sum(
            expected_runs(study, seen, arm, phase) - seen.of(arm.name, phase).planned for phase in PHASES
        )
    return total


class Pace:
    """The rate of updates over the last looks that saw any.

    What comes before the first updates is no part of it, unless that is long: starting and compiling are soon over.

    Examples:
        >>> pace = Pace()
        >>> for at, done in [(0.0, 0), (1.0, 100), (2.0, 100), (3.0, 300)]:
        ...     pace.see(at, done)
        >>> pace.rate, pace.left(total=700, now=3.0), pace.left(total=700, now=4.0)
        (100.0, 4.0, 3.0)
    """

    def __init__(self) -> None:
        self.begun: tuple[float, int] | None = None
        self.seen: deque[tuple[float, int]] = deque(maxlen=LUMPS)

    def see(self, at: float, done: int) -> None:
        """Takes note of how many updates are done at a time in seconds."""
        if self.begun is None:
            self.begun = at, done
        elif done > (self.seen or [self.begun])[-1][1]:
            self.seen.append((at, done))

    @property
    def rate(self) -> float | None:
        """Updates a second; None before two looks have seen any, or one after a minute."""
        if self.begun is None or not self.seen:
            return None
        (begun, before), (ended, after) = self.seen[0], self.seen[-1]
        if len(self.seen) == 1 and ended - self.begun[0] > LONG_SECONDS:
            begun, before = self.begun
        return (after - before) / (ended - begun) if ended > begun else None

    def left(self, total: int, now: float) -> float | None:
        """Returns the seconds that the rest takes at this rate; None while that is unknown."""
        if self.rate is None:
            return None
        at, done = self.seen[-1]
        return max(0.0, (total - done) / self.rate - (now - at))


class Cadence:
    """When a log gets its next line: soon at first, then at every twentieth, never twice within a few seconds.

    Args:
        begun: The time at which the study began, in seconds.
    """

    def __init__(self, begun: float) -> None:
        self.spoken, self.part, self.wait = begun, 0.0, FIRST_SECONDS

    def due(self, now: float, part: float) -> bool:
        """Returns whether it is time for a line, and counts on its being said.

        Args:
            now: Seconds.
            part: How much of the study is done, 0 to 1.
        """
        silent = now - self.spoken
        if silent < self.wait or (part - self.part < STEP and silent < MOST_SECONDS and self.wait > FIRST_SECONDS):
            return False
        self.spoken, self.part, self.wait = now, part, LEAST_SECONDS
        return True
