"""Where in the plane of step_size and bound ratio a cyclical schedule does well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.analysis.words import column, listed, number
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.figures.search import score_of
from clr_study.report.marks import arranged, axes, hover_form, panel_name
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.thin import fewer, fewer_words
from clr_study.spec import Results, RunResult

NEEDED = ("step_size", "base_lr", "max_lr")
# Bright is good in both themes; a reader with any of the common kinds of colour blindness sees the same order.
COLOURS = "Cividis"
SHARED_BOTTOM = 0.2


@dataclass(frozen=True)
class MapPoint:
    """One trial of a cyclical arm.

    Args:
        trial: Its number.
        step_size: In updates, as it was trained.
        ratio: base_lr over max_lr.
        max_lr: The upper bound.
        score: Its score; None where it has none.
        ending: How it ended.
        winner: Whether it won its arm.
    """

    trial: int
    step_size: float
    ratio: float
    max_lr: float
    score: float | None
    ending: str
    winner: bool


@dataclass(frozen=True)
class MapInfo:
    """What the figure shows.

    Args:
        metric: The column of the scores.
        higher_is_better: Whether more of it is better.
        worst: Scores at or beyond this share the dullest colour, so that the good ones can be told apart; None
            where no trial has a score, as for `best`.
        best: The best score.
        arms: The trials of each cyclical arm.
    """

    metric: str
    higher_is_better: bool
    worst: float | None
    best: float | None
    arms: tuple[tuple[str, tuple[MapPoint, ...]], ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class StepSizeMap(Figure[MapInfo]):
    """The score of every trial of the cyclical arms over step_size and base_lr / max_lr, the winner marked."""

    title = "Step size and bound ratio"

    def summarise(self, results: Results, comparison: Comparison) -> MapInfo | Absent:
        """Returns the trials of the arms in which step_size or the ratio was searched."""
        metric = f"validation_{results.study.metric}"
        arms = []
        for arm in results.study.arms:
            runs = [run for run in results.of(arm.name, "search") if run.ending is not None and _is_cyclical(run)]
            winning = results.winning(arm.name)
            points = tuple(_point(run, metric, run.key.trial in winning) for run in runs)
            if len({(point.step_size, point.ratio) for point in points}) > 1:
                arms.append((arm.name, points))
        if not arms:
            return Absent("")
        scores = [point.score for _, points in arms for point in points if point.score is not None]
        higher = comparison.higher_is_better
        worst, best = None, None
        if scores:
            worst = float(np.quantile(scores, SHARED_BOTTOM if higher else 1 - SHARED_BOTTOM))
            best = max(scores) if higher else min(scores)
        return MapInfo(metric, higher, worst, best, tuple(arms))

    def draw(self, info: MapInfo, theme: Theme) -> go.Figure:
        """Returns a panel an arm, all with one scale of colours."""
        layout = arranged(len(info.arms), columns=2, height=320)
        traces, names = [], []
        for index, (arm, points) in enumerate(info.arms):
            x, y = axes(index)
            shown = fewer(points, lambda point: point.step_size, lambda point: point.score)
            traces += [
                _dead([point for point in shown if point.score is None], arm, theme, xaxis=x, yaxis=y),
                _scored([point for point in shown if point.score is not None], arm, info, theme, xaxis=x, yaxis=y),
            ]
            layout[f"xaxis{x[1:]}"] |= {"title": {"text": "step_size, updates"}, "rangemode": "tozero"}
            layout[f"yaxis{y[1:]}"] |= {"title": {"text": "base_lr / max_lr"}, "rangemode": "tozero"}
            if index:
                layout[f"xaxis{x[1:]}"] |= {"matches": "x"}
                layout[f"yaxis{y[1:]}"] |= {"matches": "y", "title": {"text": ""}}
            names.append(panel_name(arm, x, y, theme))
        return theme.figure(
            traces,
            showlegend=False,
            coloraxis=_colours(info, theme),
            annotations=names,
            margin={"l": 64, "r": 16, "t": 36, "b": 48},
            **layout,
        )

    def caption(self, info: MapInfo) -> str:
        """Returns how to read the colours, and the winners."""
        counts = listed([f"{len(points)} of {arm}" for arm, points in info.arms])
        if info.worst is None:
            return f"A cross is one trial, {counts}; none of them completed."
        places = [
            _where(arm, winners)
            for arm, points in info.arms
            if (winners := [point for point in points if point.winner])
        ]
        side = "below" if info.higher_is_better else "above"
        won = f" {'; '.join(places)}." if places else ""
        return (
            f"A dot is one trial, {counts}; the brighter, the better its {column(info.metric)} (all {side} "
            f"{number(info.worst, info.metric)} look the same). A ringed dot won, crosses did not complete. "
            f"Neighbours may differ in max_lr, which was drawn too: hover shows it.{won}"
            + fewer_words(len(points) for _, points in info.arms)
        )

    def table(self, info: MapInfo) -> Table:
        """Returns a row a trial."""
        return Table.of(
            ("arm", "trial", "step_size, updates", "base_lr / max_lr", "max_lr", info.metric, "ending"),
            [
                (arm, point.trial, point.step_size, point.ratio, point.max_lr, point.score, point.ending)
                for arm, points in info.arms
                for point in points
            ],
        )


def _colours(info: MapInfo, theme: Theme) -> dict[str, object]:
    """One scale for all panels, bright for good; none where no trial has a score."""
    if info.worst is None or info.best is None:
        return {"showscale": False}
    low, high = sorted((info.worst, info.best))
    return {
        "colorscale": COLOURS,
        "reversescale": not info.higher_is_better,
        "cmin": low,
        # Equal ends would leave the scale without a width.
        "cmax": high if high > low else low + 1e-6,
        "colorbar": {
            "tickformat": hover_form(info.metric).replace(".2%", ".1%"),
            "thickness": 12,
            "len": 0.8,
            "outlinewidth": 0,
            "tickfont": {"color": theme.soft},
        },
    }


def _is_cyclical(run: RunResult) -> bool:
    return (
        all(isinstance(run.spec.schedule.get(key), (int, float)) for key in NEEDED) and run.spec.schedule["max_lr"] > 0
    )


def _where(arm: str, winners: Sequence[MapPoint]) -> str:
    """Where an arm's winner lies, or between what those of its searches do."""
    steps, ratios = [point.step_size for point in winners], [point.ratio for point in winners]
    if len(winners) == 1:
        return f"{arm} won at step_size {steps[0]:.4g} and ratio {ratios[0]:.2f}"
    return (
        f"{arm}'s {len(winners)} winners, one a search, have step_size {min(steps):.4g} to {max(steps):.4g} and ratio "
        f"{min(ratios):.2f} to {max(ratios):.2f}"
    )


def _point(run: RunResult, metric: str, winner: bool) -> MapPoint:
    schedule = run.spec.schedule
    return MapPoint(
        trial=run.key.trial,
        step_size=float(schedule["step_size"]),
        ratio=schedule["base_lr"] / schedule["max_lr"],
        max_lr=float(schedule["max_lr"]),
        score=score_of(run, metric),
        ending=str(run.ending),
        winner=winner,
    )


def _scored(points: list[MapPoint], arm: str, info: MapInfo, theme: Theme, **where: str) -> go.Scatter:
    form = hover_form(info.metric)
    return go.Scatter(
        x=[point.step_size for point in points],
        y=[point.ratio for point in points],
        mode="markers",
        legendgroup=arm,
        name=arm,
        marker={
            "color": [point.score for point in points],
            "coloraxis": "coloraxis",
            "opacity": 1,
            "size": [19 if point.winner else 13 for point in points],
            "line": {
                "color": [theme.ink if point.winner else theme.soft for point in points],
                "width": [3 if point.winner else 1 for point in points],
            },
        },
        customdata=[(point.trial, point.max_lr) for point in points],
        hovertemplate=f"<b>{arm}</b>, trial %{{customdata[0]}}<br>step_size %{{x:.4~g}}, ratio %{{y:.2f}}, max_lr "
        f"%{{customdata[1]:.4~g}}<br>%{{marker.color:{form}}}<extra></extra>",
        **where,
    )


def _dead(points: list[MapPoint], arm: str, theme: Theme, **where: str) -> go.Scatter:
    return go.Scatter(
        x=[point.step_size for point in points],
        y=[point.ratio for point in points],
        mode="markers",
        legendgroup=arm,
        name=arm,
        marker={"symbol": "x-thin", "size": 9, "line": {"color": theme.soft, "width": 1.5}},
        customdata=[(point.trial, point.max_lr, point.ending) for point in points],
        hovertemplate=f"<b>{arm}</b>, trial %{{customdata[0]}}<br>step_size %{{x:.4~g}}, ratio %{{y:.2f}}, max_lr "
        "%{customdata[1]:.4~g}<br>%{customdata[2]}<extra></extra>",
        **where,
    )
