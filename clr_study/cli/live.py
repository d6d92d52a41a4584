"""Runs a study in front of a person: live progress, then the table, the verdict and where the report is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from clr_study.cli.tables import print_summary, score
from clr_study.cli.text import plain
from clr_study.errors import StorageError
from clr_study.metrics import higher_is_better
from clr_study.search import Where, run_range_test, run_study
from clr_study.spec import Study
from clr_study.store import ArmProgress, Progress, Store, open_store, progress

REFRESH_SECONDS = 0.5
PLAIN_SECONDS = 10.0


def run_live(study: Study, where: Where) -> None:
    """Runs a study to its report and prints the answer."""
    console = Console()
    begun = time.monotonic()
    with _watched(study, where, console) as say:
        results = run_study(study, where, say)
    print_summary(results, console)
    console.print(Text(f"report: {where.folder(study.name) / 'report.html'}"), soft_wrap=True)
    console.print(Text(f"done in {duration(time.monotonic() - begun)}", style="dim"))


def range_test_live(study: Study, where: Where) -> None:
    """Runs a study's range test and prints its bounds, rule by rule."""
    console = Console()
    with _watched(study, where, console) as say:
        result = run_range_test(study, where, say)
    table = Table(title=f"{study.name}: range test, {result.ramp}, {len(result.seeds)} seeds", title_justify="left")
    for column in ("rule", "base_lr", "its spread", "max_lr", "its spread", "note"):
        table.add_column(column, overflow="fold")
    for rule, found in result.bounds.items():
        marked = f"{rule} *" if rule == study.range_test.rule else rule
        cells = [_bound(found["base_lr"]), _spread(found["base_lr_spread"])]
        cells += [_bound(found["max_lr"]), _spread(found["max_lr_spread"]), plain(found["note"])]
        table.add_row(marked, *cells)
    console.print(table)
    console.print(
        Text(f"* the rule that holes go by\nreport: {where.folder(study.name) / 'report.html'}"), soft_wrap=True
    )


def _bound(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _spread(ends: Any) -> str:
    return "" if ends is None else f"{ends[0]:.3g} to {ends[1]:.3g}"


def duration(seconds: float) -> str:
    """Returns a time in words.

    Examples:
        >>> duration(7.2), duration(75), duration(7300)
        ('7 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextmanager
def _watched(study: Study, where: Where, console: Console) -> Iterator[Callable[[str], None]]:
    """Shows progress, read from the storage by a thread of its own, while the caller works."""
    watch = _Watch(study, where.url)
    stop = threading.Event()
    console.print(Text(f"{study.name}: {plain(study.question)}", style="bold"))
    if console.is_terminal:
        with Live(console=console, get_renderable=watch.table, refresh_per_second=4, transient=True):
            thread = _start(lambda: watch.look(stop))
            try:
                yield lambda sentence: console.print(Text(plain(sentence)))
            finally:
                stop.set()
                thread.join()
        return
    thread = _start(lambda: watch.look(stop, console))
    try:
        yield lambda sentence: console.print(Text(plain(sentence)), soft_wrap=True)
    finally:
        stop.set()
        thread.join()


def _start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class _Watch:
    """What the storage said last."""

    def __init__(self, study: Study, url: str) -> None:
        self.study, self.url = study, url
        self.seen: Progress | None = None
        self.begun = time.monotonic()
        self.first: tuple[float, int] | None = None

    def look(self, stop: threading.Event, lines: Console | None = None) -> None:
        """Reads the storage again and again until told to stop; prints lines where there is no terminal."""
        store: Store | None = None
        spoken = time.monotonic()
        while not stop.wait(REFRESH_SECONDS):
            try:
                store = store or open_store(self.url, create=False)
                self.seen = progress(store, self.study.name)
            except StorageError:
                continue  # the owner has not made it yet, and says itself what is wrong with it
            if lines is not None and time.monotonic() - spoken >= PLAIN_SECONDS:
                spoken = time.monotonic()
                lines.print(Text(self.line()), soft_wrap=True)
        if store is not None:
            store.dispose()

    def line(self) -> str:
        """One line for a log: how far each phase is, which arm leads it, and the time left."""
        parts = []
        arms = self.seen.arms if self.seen else {}
        for phase in dict.fromkeys(phase for _, phase in arms):
            own = {arm: done for (arm, other), done in arms.items() if other == phase}
            finished, planned = (sum(getattr(done, name) for done in own.values()) for name in ("finished", "planned"))
            parts.append(f"{phase} {finished}/{planned}{self._leader(own)}")
        return "; ".join([*parts, self.left()])

    def _leader(self, arms: Mapping[str, ArmProgress]) -> str:
        scores = {arm: done.best for arm, done in arms.items() if done.best is not None}
        if not scores:
            return ""
        pick = max if higher_is_better(self.study.metric) else min
        arm = pick(scores, key=lambda name: scores[name])
        return f", best {plain(arm)} {score(scores[arm], self.study.metric)}"

    def table(self) -> Table:
        """The live table."""
        table = Table(title=f"{duration(time.monotonic() - self.begun)} so far, {self.left()}", title_justify="left")
        for column in ("arm", "phase", "runs", "", "best so far"):
            table.add_column(column)
        for (arm, phase), done in (self.seen.arms if self.seen else {}).items():
            part = done.updates / done.updates_planned if done.updates_planned else 0.0
            bar = Text("█" * round(20 * part) + "░" * (20 - round(20 * part)), style="cyan")
            best = "" if done.best is None else score(done.best, self.study.metric)
            table.add_row(plain(arm), phase, f"{done.finished}/{done.planned}", bar, best)
        return table

    def left(self) -> str:
        """The time left, from the rate of updates so far."""
        if self.seen is None or not self.seen.arms:
            return "getting ready"
        done = sum(arm.updates for arm in self.seen.arms.values())
        total = max(self._total(), sum(arm.updates_planned for arm in self.seen.arms.values()))
        now = time.monotonic()
        if self.first is None:
            self.first = (now, done)
        rate = (done - self.first[1]) / max(now - self.first[0], 1e-9)
        if rate <= 0 or done >= total:
            return f"{100 * done / max(total, 1):.0f} % of updates"
        return f"{rate:,.0f} updates/s, about {duration((total - done) / rate)} left"

    def _total(self) -> int:
        """The updates of the whole study, as far as they are known: every arm's trials and seeds at its budget."""
        assert self.seen is not None
        search = self.study.search
        tuning = search.trials + search.confirmed * search.confirm.seeds if search else 0
        total = 0
        for arm in self.study.arms:
            known = [
                self.seen.arms[key] for key in self.seen.arms if key[0] == arm.name and self.seen.arms[key].planned
            ]
            budget = max((round(one.updates_planned / one.planned) for one in known), default=0)
            total += budget * ((tuning if arm.space else 0) + self.study.measure.seeds)
        return total
