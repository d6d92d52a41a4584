"""What the page's template is given: plain values, every free text of them still to be escaped by the template."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from clr_study.analysis import Comparison, variance_split
from clr_study.analysis.cost import Cost, ledger
from clr_study.registry import Registry
from clr_study.report.figure import Absent, Drawn
from clr_study.report.figures import FIGURES
from clr_study.report.numbers import TIME_COLUMNS, arm_table, difference_table, time_rows
from clr_study.report.pages import Page
from clr_study.report.progress import lost
from clr_study.report.table import Table, plain
from clr_study.report.terminal import snippet, summary_rows
from clr_study.report.theme import LIGHT, Theme
from clr_study.report.words import duration
from clr_study.spec import Results

SHOWN_ROWS = 200
KEPT_ROWS = 1_000
SHOWN_LOST = 50


@dataclass(frozen=True)
class FigureView:
    """A figure as the template shows it.

    Args:
        id: Unique on the page.
        title: Its heading.
        caption: What to see, and on how many runs it rests.
        height: In pixels, so that the page does not jump while it is drawn.
        json: The drawing, fit to stand in a script element.
        columns: Of the table behind it.
        rows: Its first rows.
        said: Which rows stand here, and which in the downloads, where not all do.
        filename: Of the downloads, without its ending.
        csv: The address of a download, which holds its content.
        records: The same rows as JSON.
    """

    id: str
    title: str
    caption: str
    height: int
    json: Markup
    columns: tuple[str, ...]
    rows: list[list[str]]
    said: str
    filename: str
    csv: str
    records: str


@dataclass(frozen=True)
class TableView:
    """A table without a figure, with its downloads as those of a figure."""

    title: str
    columns: tuple[str, ...]
    rows: list[list[str]]
    filename: str
    csv: str
    records: str


@dataclass(frozen=True)
class SectionView:
    """A section: figures, and a sentence for each one that cannot be drawn."""

    id: str
    title: str
    text: str
    figures: tuple[FigureView, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class ArmView:
    """An arm in the table: its cells by column, its colour, and what was used to get there."""

    name: str
    colour: str
    best: bool
    cells: Mapping[str, str]
    snippet: str
    spec: str


@dataclass(frozen=True)
class EndingsRow:
    """How many runs of an arm in a phase ended in which way, and the seconds that they took."""

    arm: str
    phase: str
    counts: Mapping[str, int]
    seconds: str


@dataclass(frozen=True)
class LostRun:
    """A run that diverged or failed."""

    arm: str
    phase: str
    trial: int
    seed: int
    ending: str
    note: str


def section_views(page: Page, results: Results, comparison: Comparison, theme: Theme) -> Iterator[SectionView]:
    """Yields the sections of a page about one study; see `sections_of`."""
    return sections_of(page, lambda figure: figure.summarise(results, comparison), FIGURES, theme, results.study.name)


def sections_of(
    page: Page, summarise: Callable[[Any], Any], kinds: Registry[Any], theme: Theme, name: str
) -> Iterator[SectionView]:
    """Yields the page's sections; one of which nothing is shown or said is left out.

    Args:
        page: The page.
        summarise: Gives a figure what it is drawn from.
        kinds: The registry of the page's figures.
        theme: How they look.
        name: What their downloads are called after.
    """
    numbers: dict[str, int] = {}
    for index, section in enumerate(page.sections):
        figures, absent = [], []
        for figure in section.figures:
            info = summarise(figure)
            if not isinstance(info, Absent):
                figures.append(_figure(figure, info, theme, name, own_id(kinds, figure, numbers)))
            elif info.why:
                absent.append(f"{figure.title}: {info.why}")
        if figures or absent:
            yield SectionView(f"section-{index + 1}", section.title, section.text, tuple(figures), tuple(absent))


def own_id(kinds: Registry[Any], figure: Drawn[Any], numbers: dict[str, int]) -> str:
    """Returns a figure's kind, with a number from the second of its kind on.

    Args:
        kinds: The registry of the figure.
        figure: The figure.
        numbers: How many of each kind there were; this one is counted in.
    """
    kind = kinds.kind_of(type(figure))
    numbers[kind] = numbers.get(kind, 0) + 1
    return kind if numbers[kind] == 1 else f"{kind}-{numbers[kind]}"


def _figure(figure: Drawn[Any], info: Any, theme: Theme, study: str, name: str) -> FigureView:
    drawing, table = figure.draw(info, theme), figure.table(info)
    kept = Table(table.columns, table.rows[:KEPT_ROWS])
    return FigureView(
        id=name.replace("_", "-"),
        title=figure.heading(info),
        caption=figure.caption(info),
        height=int(drawing.layout.height),
        json=script_json(drawing.to_json()),
        columns=table.columns,
        rows=table.shown(SHOWN_ROWS),
        said=_rows_said(len(table.rows)),
        filename=f"{study}-{name}",
        csv=_address("text/csv", kept.to_csv()),
        records=_address("application/json", kept.to_json()),
    )


def _rows_said(rows: int) -> str:
    if rows <= SHOWN_ROWS:
        return ""
    if rows <= KEPT_ROWS:
        return f"The first {SHOWN_ROWS} of {rows:,} rows; the files have them all."
    return (
        f"The first {SHOWN_ROWS} of {rows:,} rows; the files have the first {KEPT_ROWS:,}, and `clr-study export` "
        "writes every run and evaluation."
    )


def _address(kind: str, text: str) -> str:
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def arm_views(results: Results, comparison: Comparison, theme: Theme) -> list[ArmView]:
    """Returns the rows of the page's table."""
    views = []
    for summary, cells in zip(comparison.arms, summary_rows(comparison), strict=True):
        runs = results.of(summary.arm, "measure")
        spec = json.dumps(asdict(runs[0].spec), indent=2, default=str) if runs else ""
        views.append(
            ArmView(
                name=summary.arm,
                colour=theme.style(summary.arm).colour,
                best=summary.arm == comparison.best,
                cells=cells,
                snippet=snippet(summary),
                spec=spec,
            )
        )
    return views


def numbers_view(results: Results, comparison: Comparison) -> list[TableView]:
    """Returns every number of the comparison: of the arms, of the pairs, and of the times to target in every unit."""
    splits = {arm.name: variance_split(results, arm.name) for arm in results.study.arms}
    times = Table(TIME_COLUMNS, tuple(row for summary in comparison.arms for row in time_rows(summary)))
    tables = {
        "Each arm": arm_table(comparison, splits),
        "Each pair": difference_table(comparison),
        "Time to target": times,
    }
    return [
        TableView(title, table.columns, table.shown(SHOWN_ROWS), *_downloads(table, results.study.name, title))
        for title, table in tables.items()
        if table.rows
    ]


def _downloads(table: Table, study: str, title: str) -> tuple[str, str, str]:
    name = f"{study}-{title.lower().replace(' ', '-')}"
    return name, _address("text/csv", table.to_csv()), _address("application/json", table.to_json())


def endings_rows(results: Results) -> list[EndingsRow]:
    """Returns the ledger of runs, a row an arm and phase."""
    groups: dict[tuple[str, str], list[Cost]] = {}
    for entry in ledger(results):
        groups.setdefault((entry.arm, entry.phase), []).append(entry)
    return [
        EndingsRow(
            arm, phase, {entry.ending: entry.runs for entry in group}, duration(sum(entry.seconds for entry in group))
        )
        for (arm, phase), group in groups.items()
    ]


def lost_runs(results: Results) -> list[LostRun]:
    """Returns the first of the runs that diverged or failed."""
    return [
        LostRun(run.key.arm, run.key.phase, run.key.trial, run.key.seed, str(run.ending), plain(run.note))
        for run in lost(results)[:SHOWN_LOST]
    ]


def script_json(text: str) -> Markup:
    """Returns JSON that cannot end the script element in which it stands.

    Examples:
        >>> script_json('{"a": "</script>&"}')
        Markup('{"a": "\\\\u003c/script\\\\u003e\\\\u0026"}')
    """
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  the three signs that HTML knows are gone


def light(results: Results) -> Theme:
    """Returns the theme in which the page is drawn; its script recolours it for the dark."""
    return LIGHT.of([arm.name for arm in results.study.arms])
