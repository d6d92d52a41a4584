"""What the search tried and what came of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.analysis.words import column, listed
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import arranged, axes, dots, hover_form, key, log_axis, metric_axis
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.thin import fewer, fewer_words
from clr_study.report.words import inert, scalar
from clr_study.spec import Choices, FromRangeTest, Hole, Range, Ratio, Results, RunResult

PEAKS = ("max_lr", "lr")
PEAK = "max_lr, or lr"
DECADES_APART = 30


@dataclass(frozen=True)
class Point:
    """One trial as it stands in a panel.

    Args:
        arm: Whose.
        trial: Its number.
        x: What was drawn.
        score: The deciding metric on the validation split at its end; the last one seen of a pruned run; None where
            there is none.
        ending: How it ended.
        winner: Whether it won its arm.
    """

    arm: str
    trial: int
    x: float | str
    score: float | None
    ending: str
    winner: bool


@dataclass(frozen=True)
class Panel:
    """All trials against one drawn value.

    Args:
        name: What was drawn, with its unit.
        log: Whether it is drawn on a log scale.
        points: One a trial.
    """

    name: str
    log: bool
    points: tuple[Point, ...]


@dataclass(frozen=True)
class SearchInfo:
    """What the figure shows.

    Args:
        metric: The column of the scores.
        higher_is_better: Whether more of it is better.
        trials: How many trials of each arm have ended, and how many of these did not complete.
        panels: The peak LR first.
    """

    metric: str
    higher_is_better: bool
    trials: tuple[tuple[str, int, int], ...]
    panels: tuple[Panel, ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Search(Figure[SearchInfo]):
    """The score of every trial against each value that was drawn for it."""

    title = "What the search tried"

    def summarise(self, results: Results, comparison: Comparison) -> SearchInfo | Absent:
        """Returns a panel for each drawn value."""
        metric = f"validation_{results.study.metric}"
        panels: dict[str, tuple[bool, list[Point]]] = {}
        trials = []
        for arm in results.study.arms:
            runs = [run for run in results.of(arm.name, "search") if run.ending is not None]
            winning = results.winning(arm.name)
            if runs:
                trials.append((arm.name, len(runs), sum(run.ending != "completed" for run in runs)))
            for run in runs:
                for drawn, value in run.values.items():
                    name, log = _axis_of(drawn, arm.space.get(drawn))
                    point = _point(run, value, metric, run.key.trial in winning)
                    panels.setdefault(name, (log, []))[1].append(point)
        if not any(arm.space for arm in results.study.arms):
            return Absent("Nothing was searched: every arm ran as it stands in the study file.")
        if not panels:
            return Absent("No trial has ended yet.")
        ordered = sorted(panels, key=lambda name: name != PEAK)
        made = tuple(Panel(name, panels[name][0], tuple(panels[name][1])) for name in ordered)
        return SearchInfo(metric, comparison.higher_is_better, tuple(trials), made)

    def draw(self, info: SearchInfo, theme: Theme) -> go.Figure:
        """Returns a panel for each drawn value; pruned trials are hollow, those without a score lie at the bad edge."""
        layout = arranged(len(info.panels), columns=3, height=300)
        scale, edge = _score_axis(info)
        traces = [key(theme, arm) for arm, *_ in info.trials]
        for index, panel in enumerate(info.panels):
            x, y = axes(index)
            for arm, *_ in info.trials:
                points = fewer([each for each in panel.points if each.arm == arm], _place, _height)
                if points:
                    traces.append(_trials(points, theme, edge, info.metric, xaxis=x, yaxis=y))
            layout[f"xaxis{x[1:]}"] |= {"title": {"text": panel.name}, **_scale(panel)}
            layout[f"yaxis{y[1:]}"] |= {**metric_axis(info.metric), **scale}
            if index:
                layout[f"yaxis{y[1:]}"] |= {"title": {"text": ""}, "matches": "y"}
        return theme.figure(traces, showlegend=True, **layout)

    def caption(self, info: SearchInfo) -> str:
        """Returns what a dot is, and how many there are."""
        counts = listed(
            [f"{arm} {ended}" + (f" ({lost} not completed)" if lost else "") for arm, ended, lost in info.trials]
        )
        won = "The outlined dot won"
        if max(Counter(point.arm for point in info.panels[0].points if point.winner).values(), default=0) > 1:
            won = "Outlined dots won, one in each search of an arm"
        return (
            f"A dot is one trial: its {column(info.metric)} at the end, against what was drawn for it. A wide plateau "
            f"means that the setting matters little. {won}; hollow dots were pruned, crosses at the "
            f"edge diverged or failed. Trials: {counts}." + fewer_words(ended for _, ended, _ in info.trials)
        )

    def table(self, info: SearchInfo) -> Table:
        """Returns a row a trial."""
        drawn: dict[tuple[str, int], dict[str, float | str]] = {}
        first: dict[tuple[str, int], Point] = {}
        for panel in info.panels:
            for point in panel.points:
                drawn.setdefault((point.arm, point.trial), {})[panel.name] = point.x
                first.setdefault((point.arm, point.trial), point)
        names = [panel.name for panel in info.panels]
        return Table.of(
            ("arm", "trial", *names, info.metric, "ending"),
            [
                (point.arm, point.trial, *(drawn[trial].get(name) for name in names), point.score, point.ending)
                for trial, point in first.items()
            ],
        )


def score_of(run: RunResult, metric: str) -> float | None:
    """Returns a trial's score: its final value, or the last one seen if it was pruned; None where there is none."""
    scores = run.metrics.get(metric)
    if run.ending not in ("completed", "pruned") or scores is None or not len(scores):
        return None
    return float(scores[-1]) if math.isfinite(scores[-1]) else None


def drawn_axis(drawn: str, hole: Hole | None) -> tuple[str, bool]:
    """Returns what an axis for a drawn value is called, and whether it is logarithmic.

    Args:
        drawn: The name under which the hole is drawn.
        hole: The hole, if it is still in the study.

    Examples:
        >>> drawn_axis("step_size", Range(low=2, high=10, unit="epochs"))
        ('step_size, epochs', False)
    """
    log = isinstance(hole, (Range, Ratio, FromRangeTest)) and hole.log
    unit = hole.unit if isinstance(hole, Range) else None
    return (f"{drawn}, {unit}" if unit else drawn), log and not isinstance(hole, Choices)


def _axis_of(drawn: str, hole: Hole | None) -> tuple[str, bool]:
    name, log = drawn_axis(drawn, hole)
    return PEAK if drawn in PEAKS else name, log


def _point(run: RunResult, value: object, metric: str, winner: bool) -> Point:
    x = value if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
    return Point(run.key.arm, run.key.trial, x, score_of(run, metric), str(run.ending), winner)


def _place(point: Point) -> float | str:
    return point.x


def _height(point: Point) -> float | None:
    return point.score


def _score_axis(info: SearchInfo) -> tuple[dict[str, object], float]:
    """The axis of the scores, logarithmic for losses decades apart, and where trials without a score lie on it."""
    scores = [point.score for panel in info.panels for point in panel.points if point.score is not None] or [0.0, 1.0]
    log = not info.higher_is_better and min(scores) > 0 and max(scores) > DECADES_APART * min(scores)
    low, high = (math.log10(end) if log else end for end in (min(scores), max(scores)))
    span = high - low or 1.0
    edge = low - 0.08 * span if info.higher_is_better else high + 0.08 * span
    around = [min(low, edge) - 0.04 * span, max(high, edge) + 0.05 * span]
    return ({"type": "log", "range": around}, 10**edge) if log else ({"range": around}, edge)


def _scale(panel: Panel) -> dict[str, object]:
    if any(isinstance(point.x, str) for point in panel.points):
        return {"type": "category"}
    return log_axis() if panel.log else {"type": "linear"}


def _trials(points: list[Point], theme: Theme, edge: float, metric: str, **more: object) -> go.Scatter:
    style = theme.style(points[0].arm)
    hollow, cross = f"{style.symbol}-open", "x-thin"
    arm = points[0].arm
    return dots(
        theme,
        arm,
        [inert(point.x) if isinstance(point.x, str) else point.x for point in points],
        [edge if point.score is None else point.score for point in points],
        marker={
            "symbol": [
                cross if point.score is None else hollow if point.ending == "pruned" else style.symbol
                for point in points
            ],
            "size": [13 if point.winner else 8 for point in points],
            "line": {
                "color": [theme.ink if point.winner else style.colour for point in points],
                "width": [
                    2.5 if point.winner else 1.5 if point.score is None or point.ending == "pruned" else 0
                    for point in points
                ],
            },
        },
        text=[_hover(point, metric) for point in points],
        hovertemplate="%{text}<extra></extra>",
        **more,
    )


def _hover(point: Point, metric: str) -> str:
    said = format(point.score, hover_form(metric).replace("~", "")) if point.score is not None else point.ending
    tail = ", won" if point.winner else f", {point.ending}" if point.ending == "pruned" else ""
    return f"<b>{point.arm}</b>, trial {point.trial}{tail}<br>{inert(scalar(point.x))}: {said}"
