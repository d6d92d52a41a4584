"""`clr-study schedules`: schedules drawn in the terminal, or as a picture."""

from __future__ import annotations

import ast
import doctest
import inspect
import tomllib
from collections.abc import Iterable

import numpy as np
from rich.console import Console
from rich.text import Text

import clr_study.schedules
from clr_study.cli.find import make_importable
from clr_study.cli.text import plain
from clr_study.curves import Array
from clr_study.errors import InputError
from clr_study.schedules import SCHEDULES, Schedule
from clr_study.spec import build_schedule

ROWS, COLUMNS, INDENT = 4, 64, 4
EIGHTHS = " ▁▂▃▄▅▆▇█"
# Of a whole table that has neither a length of its own nor cycles.
UPDATES, CYCLES = 1000, 3


def print_schedules(tables: Iterable[str], updates: int | None, out: str) -> None:
    """Draws schedules in the terminal, or writes a picture of them.

    Args:
        tables: Kinds, or whole tables as in a study file; nothing draws all kinds that have an example.
        updates: How many updates to draw; None goes by the schedule.
        out: The file of the picture; empty draws in the terminal.

    Raises:
        InputError: A table makes no schedule, a kind shows no example, or the file cannot be written.
    """
    make_importable()
    drawn = [asked_for(table, updates) for table in tables] or [asked_for(kind, updates) for kind in SCHEDULES]
    if not out:
        console = Console(highlight=False)
        for schedule, length in drawn:
            console.print(Text(plain(repr(schedule)), style="bold"))
            console.print(Text("\n".join(" " * INDENT + row for row in sketch(_lrs(schedule, length)))), no_wrap=True)
            console.print(Text(f"{' ' * INDENT}{_span(schedule, length)}\n", style="dim"))
        return
    from clr_study.report import write_schedules

    print(write_schedules([schedule for schedule, _ in drawn], [length for _, length in drawn], out))  # noqa: T201


def asked_for(given: str, updates: int | None = None) -> tuple[Schedule, int]:
    """Returns the schedule that is meant, and how many updates of it to draw.

    Args:
        given: A kind, which stands for the example of its documentation, or a whole table.
        updates: How many are wanted; None if nobody says.

    Raises:
        InputError: It makes no schedule.

    Examples:
        >>> asked_for("linear")
        (Linear(lr=8.0, end_lr=0.0, updates=4), 5)
        >>> asked_for("{ kind = 'triangular', base_lr = 1, max_lr = 5, step_size = 20 }")[1]
        120
    """
    if not given.lstrip().startswith("{"):
        schedule, length = example(given)
        return schedule, updates or length
    try:
        table = tomllib.loads(f"schedule = {given}")["schedule"]
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{given!r} is not valid TOML: {error}") from None
    schedule = build_schedule(table, updates or table.get("updates", UPDATES), "SCHEDULE")
    natural = table.get("updates", UPDATES) if schedule.cycle is None else round(CYCLES * schedule.cycle)
    return schedule, updates or natural


def example(kind: str) -> tuple[Schedule, int]:
    """Returns the first schedule that a kind's documentation shows, and the length of the table that it shows of it.

    Args:
        kind: A registered kind, or one by path.

    Raises:
        InputError: No such kind, or its documentation builds none.
    """
    thing = SCHEDULES[kind]
    names = {**vars(clr_study.schedules), thing.__name__: thing}
    shown = doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")
    calls = [node for one in shown for node in ast.walk(ast.parse(one.source)) if isinstance(node, ast.Call)]
    built = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == thing.__name__]
    if not built:
        raise InputError(
            f"the documentation of {kind} shows no example; give a whole table, as {{ kind = '{kind}', ... }}"
        )
    schedule: Schedule = eval(ast.unparse(built[0]), names)  # noqa: S307 - the code of a class that is imported already
    lengths = [
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "table" and isinstance(call.args[0], ast.Constant)
    ]
    return schedule, int(lengths[0]) if lengths else UPDATES  # type: ignore[arg-type]


def sketch(heights: Array, rows: int = ROWS) -> list[str]:
    """Returns a curve as rows of blocks, the highest first; the lowest block is 0, the highest the curve's maximum.

    Args:
        heights: One for each column, none below 0.
        rows: How many.

    Examples:
        >>> sketch(np.array([0.0, 0.25, 0.5, 1.0]), rows=2)
        ['   █', ' ▄██']
    """
    eighths = np.rint(8 * rows * heights / max(float(heights.max()), np.finfo(float).tiny)).astype(int)
    return ["".join(EIGHTHS[np.clip(column - 8 * row, 0, 8)] for column in eighths) for row in reversed(range(rows))]


def _lrs(schedule: Schedule, length: int) -> Array:
    return schedule(np.linspace(0, length - 1, COLUMNS))


def _span(schedule: Schedule, length: int) -> str:
    lrs = schedule.table(length)
    return f"update 0 to {length - 1}, lr {lrs.min():.4g} to {lrs.max():.4g}"
