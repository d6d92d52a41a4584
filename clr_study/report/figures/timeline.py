"""When which worker trained what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.analysis.words import listed
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.figures.cost import FILLS
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.words import duration, inert
from clr_study.spec import Results, Stint

# A pause of all workers longer than this part of the time they worked is cut out: a study may go on next week.
LONGEST_PAUSE = 0.2
# Stints closer together than this part of the whole are drawn as one bar.
CLOSE = 0.002


@dataclass(frozen=True)
class TimelineBar:
    """A stretch of work of one worker in one phase.

    Args:
        worker: Its number, counted from 0 in the order in which workers came.
        device: What it trained on.
        phase: Which.
        start: Seconds since the first stint, without the pauses that are cut out.
        seconds: How long it took.
        stints: How many calls of the worker it is made of.
        runs: How many runs of each arm were trained in it, by name.
    """

    worker: int
    device: str
    phase: str
    start: float
    seconds: float
    stints: int
    runs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class TimelineInfo:
    """What the figure shows.

    Args:
        bars: In the order of their start.
        workers: How many there were.
        span: Seconds from the first start to the last end, without the pauses.
        pauses: Where a pause was cut out, and how long it was.
    """

    bars: tuple[TimelineBar, ...]
    workers: int
    span: float
    pauses: tuple[tuple[float, float], ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Timeline(Figure[TimelineInfo]):
    """When each worker trained, in which phase, and how many runs of which arms beside each other."""

    title = "When each worker trained"

    def summarise(self, results: Results, comparison: Comparison) -> TimelineInfo | Absent:
        """Returns the stretches of work, long pauses of everybody cut out."""
        if not results.stints:
            return Absent("When which worker trained was not recorded.")
        pauses = _pauses(results.stints)
        names = list(dict.fromkeys(stint.worker for stint in results.stints))
        first = results.stints[0].started

        def at(moment: float) -> float:
            return moment - first - sum(length for start, length in pauses if start < moment)

        span = at(max(stint.ended for stint in results.stints))
        bars = [
            bar
            for number, name in enumerate(names)
            for group in _close_together([each for each in results.stints if each.worker == name], CLOSE * span)
            for bar in [_bar(number, group, at(group[0].started), at(group[-1].ended))]
        ]
        ordered = tuple(sorted(bars, key=lambda bar: (bar.start, bar.worker)))
        return TimelineInfo(ordered, len(names), span, tuple((at(start), length) for start, length in pauses))

    def draw(self, info: TimelineInfo, theme: Theme) -> go.Figure:
        """Returns a row a worker, a shade a phase, and a dotted line where a pause was cut out."""
        traces = []
        for phase, fill in FILLS.items():
            found = [bar for bar in info.bars if bar.phase == phase]
            if found:
                traces.append(_trace(found, phase.replace("_", " "), getattr(theme, fill), theme))
        stroke = {"color": theme.ink, "width": 1.5, "dash": "dot"}
        lines = [
            {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": stroke}
            for at, _ in info.pauses
        ]
        devices = dict(reversed([(bar.worker, bar.device) for bar in info.bars]))
        return theme.figure(
            traces,
            barmode="overlay",
            bargap=0.3,
            showlegend=True,
            shapes=lines,
            height=140 + 34 * info.workers,
            xaxis={"title": {"text": "seconds since the first run started"}, "rangemode": "tozero"},
            yaxis={
                "tickvals": list(range(info.workers)),
                "ticktext": [f"{number + 1}: {inert(devices[number])[:24]}" for number in range(info.workers)],
                "range": [info.workers - 0.4, -0.6],
                "showgrid": False,
                "zeroline": False,
            },
        )

    def caption(self, info: TimelineInfo) -> str:
        """Returns how many workers there were and how much of the time they trained."""
        busy = sum(bar.seconds for bar in info.bars)
        cut = listed([duration(length) for _, length in info.pauses])
        paused = f" A dotted line stands for a pause in which nobody worked, which is cut out: {cut}." if cut else ""
        return (
            f"A bar is a stretch in which a worker trained runs, evaluation and set-up included; the hover says which. "
            f"{info.workers} worker{'s' if info.workers != 1 else ''} over {duration(info.span)}, at work for "
            f"{100 * busy / max(info.span * info.workers, 1e-9):.0f} % of it.{paused} A worker that was killed on its "
            "way leaves no bar for that stretch."
        )

    def table(self, info: TimelineInfo) -> Table:
        """Returns a row a stretch."""
        return Table.of(
            ("worker", "device", "phase", "start, seconds", "seconds", "calls", "runs"),
            [
                (bar.worker + 1, bar.device, bar.phase, bar.start, bar.seconds, bar.stints, _runs(bar.runs))
                for bar in info.bars
            ],
        )


def _pauses(stints: Sequence[Stint]) -> list[tuple[float, float]]:
    """Returns the start and the length of each long stretch in which no worker worked."""
    gaps: list[tuple[float, float]] = []
    worked, start, end = 0.0, stints[0].started, stints[0].ended
    for stint in stints[1:]:
        if stint.started > end:
            gaps.append((end, stint.started - end))
            worked += end - start
            start = stint.started
        end = max(end, stint.ended)
    worked += end - start
    return [(at, length) for at, length in gaps if length > LONGEST_PAUSE * worked]


def _close_together(stints: Iterable[Stint], gap: float) -> list[list[Stint]]:
    """Returns a worker's stints in groups of one phase that follow each other within a gap."""
    groups: list[list[Stint]] = []
    for stint in stints:
        last = groups[-1][-1] if groups else None
        if last is not None and last.phase == stint.phase and stint.started - last.ended <= gap:
            groups[-1].append(stint)
        else:
            groups.append([stint])
    return groups


def _bar(worker: int, group: Sequence[Stint], start: float, end: float) -> TimelineBar:
    runs: Counter[str] = Counter()
    for stint in group:
        runs.update(stint.arms)
    return TimelineBar(
        worker, group[0].device, group[0].phase, start, end - start, len(group), tuple(sorted(runs.items()))
    )


def _runs(runs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{arm} {count}" for arm, count in runs)


def _trace(bars: Sequence[TimelineBar], name: str, colour: str, theme: Theme) -> go.Bar:
    return go.Bar(
        base=[bar.start for bar in bars],
        x=[bar.seconds for bar in bars],
        y=[bar.worker for bar in bars],
        orientation="h",
        name=name,
        marker={"color": colour, "line": {"color": theme.paper, "width": 1}},
        text=[
            f"<b>worker {bar.worker + 1}</b>, {name}<br>{inert(_runs(bar.runs))}<br>{duration(bar.seconds)} from "
            f"{duration(bar.start)} on"
            for bar in bars
        ],
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
    )
