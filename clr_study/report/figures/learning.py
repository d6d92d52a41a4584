"""Learning curves: the mean over seeds with its interval, the ends of cycles marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from clr_study.analysis import Comparison, measured
from clr_study.analysis.anytime import Band, band
from clr_study.analysis.words import column as in_words
from clr_study.analysis.words import listed
from clr_study.curves import Array
from clr_study.metrics import higher_is_better
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import band as shade
from clr_study.report.marks import dots, hover_form, line, metric_axis
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.thin import extremes
from clr_study.spec import Results, RunResult

# The steep beginning would press what tells arms apart into a corner: this share of the axis may leave the view.
BEGINNING = 0.2
# So many times the median: a loss above it belongs to a run about to diverge, and would flatten all others.
RUNAWAY = 10
# More cycles than this stand too close for a mark at the end of each one; the learning rates show them.
MOST_CYCLES = 30


@dataclass(frozen=True)
class LearningCurve:
    """The measured runs of one arm.

    Args:
        arm: Which.
        n: How many runs.
        updates: The axis [T].
        mean: Over the runs that were still alive [T].
        low: The lower end of its pointwise 95 % interval [T]; NaN where fewer than two runs have a value.
        high: The upper end [T].
        alive: How many runs have a value there [T].
        cycle_ends: Update and mean where a cycle is complete; none for a schedule without cycles.
        interpolated: Whether some of them lie between two evaluations, so that nothing was measured there.
    """

    arm: str
    n: int
    updates: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    alive: tuple[int, ...]
    cycle_ends: tuple[tuple[float, float], ...]
    interpolated: bool

    @property
    def marks(self) -> tuple[tuple[float, float], ...]:
        """The ends of cycles that are drawn: all of them, or none where they would stand too close."""
        return self.cycle_ends if len(self.cycle_ends) <= MOST_CYCLES else ()


@dataclass(frozen=True)
class LearningInfo:
    """What the figure shows.

    Args:
        column: What was measured.
        curves: One an arm.
        view: The lowest and highest value in view at first.
        cut: Whether something lies outside the view.
    """

    column: str
    curves: tuple[LearningCurve, ...]
    view: tuple[float, float]
    cut: bool

    @property
    def lines(self) -> str:
        """What the lines are: means with intervals, or single runs, which have none."""
        if all(curve.n < 2 for curve in self.curves):
            return f"{in_words(self.column)} of one run an arm, which has no interval"
        return f"mean {in_words(self.column)} over seeds, with its pointwise 95 % interval"


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Learning(Figure[LearningInfo]):
    """A measured column over the updates: for each arm the mean over its seeds with its 95 % interval.

    Args:
        column: Which column; `deciding` is the metric on which the arms are compared.
    """

    title = "Learning curves"

    column: Literal[
        "deciding", "train_loss", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy"
    ] = "deciding"

    def summarise(self, results: Results, comparison: Comparison) -> LearningInfo | Absent:
        """Returns a curve for each arm of which a measured run has that column."""
        column = comparison.metric if self.column == "deciding" else self.column
        curves = []
        for summary in comparison.arms:
            runs = measured.ended(results, summary.arm)
            if any(np.isfinite(run.metrics[column]).any() for run in runs if column in run.metrics):
                made = band(measured.curves(runs, column), seed=comparison.seed)
                curves.append(_curve(summary.arm, len(runs), made, _shared_ends(runs)))
        if not curves:
            return Absent(f"No measured run has a {in_words(column)} yet.")
        view, cut = _view(curves, column)
        return LearningInfo(column, tuple(curves), view, cut)

    def heading(self, info: LearningInfo) -> str:
        """Returns the heading with the column's name."""
        return f"{self.title}: {in_words(info.column)}"

    def draw(self, info: LearningInfo, theme: Theme) -> go.Figure:
        """Returns the bands, the lines over them, and a dot at each end of a cycle."""
        form = hover_form(info.column)
        traces = [shade(theme, curve.arm, curve.updates, curve.low, curve.high) for curve in info.curves]
        for curve in info.curves:
            interval = list(zip(curve.low, curve.high, curve.alive, strict=True))
            traces.append(
                line(
                    theme,
                    curve.arm,
                    curve.updates,
                    curve.mean,
                    customdata=interval,
                    hovertemplate=f"<b>{curve.arm}</b>, update %{{x}}<br>%{{y:{form}}} [%{{customdata[0]:{form}}}, "
                    f"%{{customdata[1]:{form}}}]<br>n = %{{customdata[2]}}<extra></extra>",
                )
            )
            traces.append(
                dots(
                    theme,
                    curve.arm,
                    [at for at, _ in curve.marks],
                    [value for _, value in curve.marks],
                    marker={"size": 9, "line": {"color": theme.paper, "width": 1}},
                    hovertemplate=f"<b>{curve.arm}</b>, a cycle ends at update %{{x}}<br>%{{y:{form}}}<extra></extra>",
                )
            )
        low, high = info.view
        margin = 0.04 * (high - low)
        axis = {**metric_axis(info.column), "range": [low - margin, high + margin]}
        return theme.figure(traces, showlegend=True, xaxis={"title": {"text": "updates"}}, yaxis=axis)

    def caption(self, info: LearningInfo) -> str:
        """Returns what the lines, bands and dots are."""
        counts = ", ".join(f"{curve.arm} {curve.n}" for curve in info.curves)
        marked = any(curve.marks for curve in info.curves)
        marks = (
            " A dot marks the end of a cycle, where the learning rate is at its minimum: judge a cyclical arm there."
            if marked
            else ""
        )
        if any(curve.marks and curve.interpolated for curve in info.curves):
            marks += " Between two evaluations it stands on the line that joins them; nothing was measured there."
        many = [curve.arm for curve in info.curves if curve.cycle_ends and not curve.marks]
        marks += f" The cycles of {listed(many)} are too many for a dot each." if many else ""
        cut = " The steepest parts lie outside the view; a double click shows all." if info.cut else ""
        return f"The {info.lines}. Runs: {counts}.{marks}{cut}"

    def table(self, info: LearningInfo) -> Table:
        """Returns a row an arm and evaluation."""
        return Table.of(
            ("arm", "update", f"mean {info.column}", "low", "high", "n"),
            [
                (curve.arm, int(at), mean, low, high, alive)
                for curve in info.curves
                for at, mean, low, high, alive in zip(
                    curve.updates, curve.mean, curve.low, curve.high, curve.alive, strict=True
                )
            ],
        )


def _shared_ends(runs: Sequence[RunResult]) -> Array:
    """The updates at which all runs end a cycle; where each seed was tuned anew they may differ in others."""
    schedules = {(run.spec.lr_schedule, run.spec.updates) for run in runs}
    return np.array(sorted(set.intersection(*(set(schedule.cycle_ends(end)) for schedule, end in schedules))))


def _curve(arm: str, n: int, made: Band, ends: Array) -> LearningCurve:
    kept = extremes([made.mean, made.low, made.high])
    known = np.isfinite(made.mean)
    inside = ends[(ends >= made.updates[known][0]) & (ends <= made.updates[known][-1])]
    at_ends = np.interp(inside, made.updates[known], made.mean[known])
    updates, mean, low, high = (tuple(part[kept].tolist()) for part in (made.updates, made.mean, made.low, made.high))
    return LearningCurve(
        arm,
        n,
        updates,
        mean,
        low,
        high,
        alive=tuple(made.n[kept].tolist()),
        cycle_ends=tuple(zip(inside.tolist(), at_ends.tolist(), strict=True)),
        interpolated=not np.isin(inside, made.updates[known]).all(),
    )


def _view(curves: list[LearningCurve], column: str) -> tuple[tuple[float, float], bool]:
    """The span of the bands; without the beginning, or a runaway loss, where that spares more than half of it."""
    points = np.array(
        [
            (at, value)
            for curve in curves
            for ends in (curve.mean, curve.low, curve.high)
            for at, value in zip(curve.updates, ends, strict=True)
            if np.isfinite(value)
        ]
    )
    whole = points[:, 1]
    late = whole[points[:, 0] > BEGINNING * points[:, 0].max()]
    if not higher_is_better(column):
        late = late[late <= RUNAWAY * np.median(late)]
    if len(late) and np.ptp(late) < 0.5 * np.ptp(whole) and np.ptp(late) > 0:
        return (float(late.min()), float(late.max())), True
    low, high = float(whole.min()), float(whole.max())
    return ((low, high) if high > low else (low - 0.05, high + 0.05)), False
