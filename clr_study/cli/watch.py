"""What a person sees of a study while it runs, read from its storage: a panel in a terminal, lines in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from clr_study.cli.pace import Cadence, Pace, expected_runs, expected_updates
from clr_study.cli.spark import ASCII, BLOCKS, CURVE, curves_of
from clr_study.cli.tables import duration, score
from clr_study.cli.text import plain
from clr_study.errors import StorageError
from clr_study.metrics import higher_is_better
from clr_study.spec import Study
from clr_study.spec.trial import PHASES, Phase
from clr_study.store import ArmProgress, Leader, Progress, Store, leaders, open_store, progress

LOOK_SECONDS = 0.5
SILENT_SECONDS = 60.0  # so long a log waits for a rate before it says that there is none yet
SHARE = 20  # a look may take one part in so many of the time
# Widths in columns: of the cells, of the gap between them, of a window that has room for the curves.
RUNS, BAR, SCORE, GAP, LEAST_NAME, WIDE = 9, 14, 8, 2, 6, 72


class Watch:
    """What the storage said last, in words and as a panel.

    Args:
        study: The study.
        clock: Seconds, rising.
    """

    def __init__(self, study: Study, clock: Callable[[], float] = time.monotonic) -> None:
        self.study, self.clock, self.begun = study, clock, clock()
        self.seen = Progress({})
        self.ahead: dict[tuple[str, Phase], Leader] = {}
        self.pace = Pace()

    def look(self, store: Store, curves: bool = True) -> None:
        """Reads how far the study is.

        Args:
            store: The storage.
            curves: Whether the leading runs are read too.
        """
        self.seen = progress(store, self.study.name)
        if curves:
            self.ahead = leaders(store, self.study.name)
        self.pace.see(self.clock(), self._done())

    def keep_looking(self, url: str, stop: threading.Event, log: Callable[[str], None] | None = None) -> None:
        """Looks again and again until told to stop.

        Args:
            url: The storage's URL.
            stop: Set when it is to end.
            log: Gets a line now and then, where there is no terminal for a panel.
        """
        store: Store | None = None
        cadence, pause = Cadence(self.begun), LOOK_SECONDS
        while not stop.wait(pause):
            begun = time.monotonic()
            try:
                store = store or open_store(url, create=False)
                self.look(store, curves=log is None)
            except StorageError:
                continue  # the owner has not made it yet, and says itself what is wrong with it
            pause = max(LOOK_SECONDS, SHARE * (time.monotonic() - begun))
            if log is not None and self._worth_a_line() and cadence.due(self.clock(), self._part()):
                log(self.line())
        if store is not None:
            store.dispose()

    @property
    def phase(self) -> Phase | None:
        """The phase that is under way, or the last one; None before anything is planned."""
        begun = {phase for _, phase in self.seen.arms}
        return next((phase for phase in reversed(PHASES) if phase in begun), None)

    def line(self) -> str:
        """One line for a log: how far the phase is, which arm leads it, how fast it goes and the time left."""
        phase = self.phase
        if phase is None:
            return "getting ready"
        return f"{self._runs(phase)}{self._leading(phase)}; {self._speed()}"

    def summary(self) -> str:
        """Where a study was stopped."""
        phase = self.phase
        if phase is None:
            return "nothing has run yet"
        return f"{self._runs(phase)}{self._leading(phase)}, {100 * self._part():.0f} % of all updates"

    def rows(self) -> Iterator[tuple[str, ArmProgress, int]]:
        """Yields the arms of the phase that is under way: name, how far it is, and how many runs it will have."""
        phase = self.phase
        if phase == "range_test":
            for (_, of), done in self.seen.arms.items():
                if of == phase:
                    yield "range test", done, done.planned
        elif phase is not None:
            for arm in self.study.arms:
                done = self.seen.of(arm.name, phase)
                runs = expected_runs(self.study, self.seen, arm, phase)
                if runs:
                    yield arm.name, done, runs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws the panel: a line on the whole, then a line for each arm, as many as the window can hold."""
        phase = self.phase
        so_far = duration(self.clock() - self.begun)
        if phase is None:
            yield Text(f"{so_far}; getting ready", style="dim")
            return
        yield Text(f"{so_far}; {self._runs(phase)}; {self._speed()}", style="bold")
        rows, room = list(self.rows()), max(1, (options.height or console.height) - 5)
        # Those that still have something to do, if not all fit.
        shown = rows if len(rows) <= room else [row for row in rows if row[1].finished < row[2]][:room] or rows[:room]
        yield self._table(shown, phase, options)
        if len(shown) < len(rows):
            yield Text(f"and {len(rows) - len(shown)} more", style="dim")

    def _table(self, rows: list[tuple[str, ArmProgress, int]], phase: Phase, options: ConsoleOptions) -> Table:
        table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim")
        columns = ["arm", "runs", "", "mean" if phase == "measure" else "best", "lr", self.study.metric]
        columns = columns[: 6 if options.max_width >= WIDE else 4]
        for column in columns:
            table.add_column(column, no_wrap=True, justify="right" if column in ("runs", "best", "mean") else "left")
        room = max(LEAST_NAME, options.max_width - sum((0, RUNS, BAR, SCORE, CURVE, CURVE)[: len(columns)]) - 6 * GAP)
        for name, done, runs in rows:
            table.add_row(*self._cells(_cut(name, room), name, done, runs, phase, options.ascii_only)[: len(columns)])
        return table

    def _cells(
        self, shown: str, name: str, done: ArmProgress, runs: int, phase: Phase, ascii_only: bool
    ) -> tuple[str | Text | ProgressBar, ...]:
        leader = self.ahead.get((name, phase))
        known = done.mean if phase == "measure" else done.best
        best = Text("" if known is None else score(known, self.study.metric))
        if known is None and leader is not None and phase == "search":
            best = Text(score(leader.scores[-1], self.study.metric), style="dim")
        part = done.updates / max(1, done.updates_planned + (runs - done.planned) * done.budget)
        return (
            shown,
            f"{done.finished}/{runs}",
            ProgressBar(total=1.0, completed=part, width=BAR, complete_style="cyan", finished_style="green"),
            best,
            *(curves_of(leader, ASCII if ascii_only else BLOCKS) if leader else ("", "")),
        )

    def _runs(self, phase: Phase) -> str:
        rows = list(self.rows())
        ended, runs = sum(done.finished for _, done, _ in rows), sum(runs for *_, runs in rows)
        return f"{phase.replace('_', ' ')} {ended}/{runs} runs"

    def _leading(self, phase: Phase) -> str:
        scores = {
            name: known
            for name, done, _ in self.rows()
            if (known := done.mean if phase == "measure" else done.best) is not None
        }
        if not scores or phase == "range_test":
            return ""
        arm = (max if higher_is_better(self.study.metric) else min)(scores, key=lambda name: scores[name])
        word = "best mean" if phase == "measure" else "best"
        return f", {word} {score(scores[arm], self.study.metric)} ({plain(arm)})"

    def _speed(self) -> str:
        rate, running = self.pace.rate, sum(done.running for done in self.seen.arms.values())
        lanes = f" in {running} {'lane' if running == 1 else 'lanes'}" if running else ""
        left = self.pace.left(expected_updates(self.study, self.seen), self.clock())
        if rate is None or left is None:
            return f"{100 * self._part():.0f} % of all updates{lanes}"
        return f"{rate:,.{0 if rate >= 10 else 1}f} updates/s{lanes}, about {duration(left)} left"

    def _worth_a_line(self) -> bool:
        return self.phase is not None and (self.pace.rate is not None or self.clock() - self.begun > SILENT_SECONDS)

    def _done(self) -> int:
        return sum(done.updates for done in self.seen.arms.values())

    def _part(self) -> float:
        return self._done() / max(1, expected_updates(self.study, self.seen))


def _cut(name: str, room: int) -> str:
    return plain(name) if len(name) <= room else f"{plain(name)[: room - 1]}~"
