"""What the commands print."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clr_study.cli.text import plain
from clr_study.metrics import is_share
from clr_study.spec import Results, Study, user_modules

if TYPE_CHECKING:
    from clr_study.check import CheckReport


def score(value: float, metric: str) -> str:
    """Returns a score as people read it.

    Examples:
        >>> score(0.9731, "accuracy"), score(0.25, "loss")
        ('97.31 %', '0.25')
    """
    return f"{100 * value:.2f} %" if is_share(metric) else f"{value:.4g}"


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


def print_summary(results: Results, console: Console | None = None) -> None:
    """Prints the table, the verdict with its limits, and the winning schedule as code."""
    from clr_study.analysis import compare
    from clr_study.report import snippet, summary_rows

    console = console or Console()
    comparison = compare(results)
    rows = summary_rows(comparison)
    table = Table(title=f"{results.study.name}: {plain(comparison.metric).replace('_', ' ')}", title_justify="left")
    for column in rows[0] if rows else ():
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_in_lines(plain(cell))) for cell in row.values()), end_section=True)
    console.print(table)
    console.print(Text(plain(comparison.verdict), style="bold"), soft_wrap=not console.is_terminal)
    for limit in comparison.limits:
        console.print(Text(f"- {plain(limit)}", style="dim"), soft_wrap=not console.is_terminal)
    best = [summary for summary in comparison.arms if summary.arm == comparison.best]
    if best:
        console.print(Text(f"\nthe schedule of {best[0].arm}:\n\n{snippet(best[0])}"), soft_wrap=True)


def _in_lines(cell: str) -> str:
    """Breaks a cell where its parts meet, which a narrow terminal would not.

    Examples:
        >>> print(_in_lines("97.2 % [96.6, 97.8]"))
        97.2 %
        [96.6, 97.8]
    """
    outside_brackets = r"(?:, |; | (?=\[))(?![^\[]*\])"
    return re.sub(outside_brackets, "\n", cell).replace(": ", ":\n")


NO_TEST = (
    "there is no test split: settings are selected and measured on the same validation split, which flatters them all; "
    "better give the data a test split"
)


def print_check(study: Study, report: CheckReport) -> None:
    """Prints what a check found to be in order."""
    from clr_study.analysis.words import one_by_one

    if report.samples is None:
        lines = [
            f"{study.name}: {len(study.arms)} arms, {report.corners} schedules built",
            f"training loop: {study.train_fn}, found and not called",
        ]
    else:
        train, validation, test = report.samples
        lines = [
            f"{study.name}: {len(study.arms)} arms, {report.corners} corners built, each took a step",
            f"data: {train} samples to train on, {validation} to select on, {test or 'none'} to measure on",
            *([] if test else [NO_TEST]),
            f"inputs: {report.scaling}",
            *report.doubts,
        ]
    for arm in study.arms:
        budget = report.budgets[arm.name]
        runs = f"{study.measure.seeds} seeds"
        if study.search and arm.space:
            count, confirm = study.search.confirmed, study.search.confirm
            again = f"the best {count} again on {confirm.seeds} seeds, " if count else ""
            runs = f"{study.search.trials} trials, {again}then {runs}"
            if study.searches > 1:
                runs = f"{study.searches} searches, each with {study.search.trials} trials, {again}then a seed"
        lines.append(f"{arm.name}: {budget.updates} updates a run, {budget.per_epoch} an epoch; {runs}")
    lines += one_by_one(report.unfusable)
    for module in user_modules(study):
        file = getattr(sys.modules.get(module), "__file__", None)
        lines.append(f"code of yours that this study runs, with your rights: {module}" + (f" ({file})" if file else ""))
    console = Console()
    console.print(Text("\n".join(plain(line) for line in lines)), soft_wrap=not console.is_terminal)
