"""Runs a study in front of a person: progress while it goes, then the table, the verdict and where the report is.

What is on the way goes to the standard error stream, the answer to standard output: `clr-study run mine.toml > answer`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from clr_study.cli.tables import duration, print_summary
from clr_study.cli.text import plain
from clr_study.cli.watch import Watch
from clr_study.search import run_range_test, run_study
from clr_study.spec import RangeTestResult, Study
from clr_study.where import Where

Say = Callable[[str], None]


def run_live(study: Study, where: Where, quiet: bool = False) -> None:
    """Runs a study to its report and prints the answer; only the report's path if it is to be quiet."""
    begun = time.monotonic()
    with _watched(study, where, quiet) as say:
        results = run_study(study, where, say)
    console = Console()
    if not quiet:
        print_summary(results, console)
    _print_place(study, where, console, quiet)
    if not quiet:
        Console(stderr=True).print(Text(f"done in {duration(time.monotonic() - begun)}", style="dim"))


def range_test_live(study: Study, where: Where, quiet: bool = False) -> None:
    """Runs a study's range test and prints its bounds, rule by rule; only the report's path if it is to be quiet."""
    with _watched(study, where, quiet) as say:
        result = run_range_test(study, where, say)
    console = Console()
    if not quiet:
        console.print(_bounds(study, result))
        console.print(Text("* the rule that holes go by"), soft_wrap=True)
    _print_place(study, where, console, quiet)


def _print_place(study: Study, where: Where, console: Console, quiet: bool) -> None:
    path = where.folder(study.name) / "report.html"
    console.print(Text(plain(str(path) if quiet else f"report: {path}")), soft_wrap=True)


def _bounds(study: Study, result: RangeTestResult) -> Table:
    table = Table(title=f"{study.name}: range test, {result.ramp}, {len(result.seeds)} seeds", title_justify="left")
    for column in ("rule", "base_lr", "its spread", "max_lr", "its spread", "note"):
        table.add_column(column, overflow="fold")
    for rule, found in result.bounds.items():
        marked = f"{rule} *" if rule == study.range_test.rule else rule
        cells = [_bound(found["base_lr"]), _spread(found["base_lr_spread"])]
        cells += [_bound(found["max_lr"]), _spread(found["max_lr_spread"]), plain(found["note"])]
        table.add_row(marked, *cells)
    return table


def _bound(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _spread(ends: Any) -> str:
    return "" if ends is None else f"{ends[0]:.3g} to {ends[1]:.3g}"


@contextmanager
def _watched(study: Study, where: Where, quiet: bool) -> Iterator[Say]:
    """Shows how far the study is while the caller works; if it is stopped, the last that was seen stays."""
    if quiet:
        yield lambda sentence: None
        return
    console = Console(stderr=True)
    watch, stop = Watch(study), threading.Event()
    title = f"{study.name}: {plain(study.question)}" if study.question else study.name
    console.print(Text(title, style="bold"), soft_wrap=not console.is_terminal)

    def say(sentence: str) -> None:
        console.print(Text(plain(sentence)), soft_wrap=not console.is_terminal)

    drawn = console.is_terminal and not console.is_dumb_terminal
    looking = threading.Thread(
        target=watch.keep_looking, args=(where.url, stop, None if drawn else say), daemon=True, name="progress"
    )
    looking.start()
    try:
        if drawn:
            with Live(console=console, get_renderable=lambda: watch, refresh_per_second=4, transient=True):
                yield say
        else:
            yield say
    except BaseException:
        say(f"so far: {watch.summary()}")
        raise
    finally:
        stop.set()
        looking.join()
