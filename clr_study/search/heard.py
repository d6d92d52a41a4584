"""Signs of life for who waits for a study: how many runs of a phase have ended, how long the rest takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from clr_study.report.words import duration
from clr_study.spec import Outcome, RunKey, Study

PAUSE = 10.0


class Heard:
    """Says a line when runs come back, if the last one is long enough ago.

    Args:
        study: The study.
        before: The runs that had ended before this call.
        say: Gets the line.
        clock: Seconds, rising.

    Examples:
        >>> from clr_study.spec import parse_study
        >>> study = parse_study('''
        ... name = "mine"
        ... train_fn = "json:dumps"
        ... train = { updates = 10 }
        ... measure = { seeds = 4 }
        ... arms.fixed.schedule = { kind = "constant", lr = 0.1 }
        ... ''')
        >>> times = iter([0.0, 12.0, 15.0])
        >>> heard = Heard(study, [], print, clock=lambda: next(times))
        >>> heard([Outcome(RunKey("mine", "fixed", "measure", 0, 1), "completed", 10)])
        measure: 1 of 4 runs, 12.0 s each, about 36.0 s left
        >>> heard([Outcome(RunKey("mine", "fixed", "measure", 0, 2), "completed", 10)])
    """

    def __init__(
        self,
        study: Study,
        before: Iterable[RunKey],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.study, self.say, self.clock = study, say, clock
        self.ended = Counter(key.phase for key in before)
        self.phase, self.came = "", 0
        self.begun = self.seen = self.last = clock()

    def __call__(self, outcomes: Sequence[Outcome]) -> None:
        """Takes what came back; all of it is of one phase."""
        now = self.clock()
        phase = outcomes[0].key.phase
        if phase != self.phase:
            self.begun, self.phase, self.came = self.seen, phase, 0
        self.seen, self.came = now, self.came + len(outcomes)
        self.ended[phase] += len(outcomes)
        if now - self.last < PAUSE:
            return
        self.last = now
        each = (now - self.begun) / self.came
        done, runs = self.ended[phase], self._runs(phase)
        self.say(f"{phase}: {done} of {runs} runs, {duration(each)} each, about {duration(each * (runs - done))} left")

    def _runs(self, phase: str) -> int:
        """How many runs the phase has in all, as long as every arm has a winner."""
        study = self.study
        searched = sum(bool(arm.space) for arm in study.arms) if study.search else 0
        if phase == "search":
            return study.trials * searched
        if phase == "confirm":
            return study.confirming * searched
        return study.measure.seeds * len(study.arms)
