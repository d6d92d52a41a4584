"""How soon the runs reached the target, the misses counted."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison, measured, survival
from clr_study.analysis import TimeToTarget as Times
from clr_study.analysis.words import column as in_words
from clr_study.analysis.words import number
from clr_study.metrics import higher_is_better
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import line
from clr_study.report.numbers import TIME_COLUMNS, time_rows
from clr_study.report.table import Cell, Table
from clr_study.report.theme import Theme
from clr_study.report.words import time_to_target
from clr_study.spec import Results


@dataclass(frozen=True)
class ReachedCurve:
    """The share of an arm's runs that had reached the target.

    Args:
        arm: Which.
        updates: Where the share changes, with 0 in front and the budget at the end.
        shares: The share from there on, in [0, 1].
        time: Median, restricted mean and misses.
        rows: The same in every unit, a row each.
    """

    arm: str
    updates: tuple[float, ...]
    shares: tuple[float, ...]
    time: Times
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class ReachedInfo:
    """What the figure shows."""

    metric: str
    target: float
    curves: tuple[ReachedCurve, ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class TimeToTarget(Figure[ReachedInfo]):
    """The share of runs that had reached the target after so many updates: one minus the Kaplan-Meier curve."""

    title = "How soon the target was reached"

    def summarise(self, results: Results, comparison: Comparison) -> ReachedInfo | Absent:
        """Returns a curve for each arm of which a run ended."""
        column = comparison.target_metric
        if comparison.target is None or column is None:
            return Absent("The study names no target, so there is no time to it.")
        curves = []
        for summary in comparison.arms:
            runs = measured.ended(results, summary.arm)
            if summary.to_target is not None and runs:
                curves_NT = measured.curves(runs, column)
                found = survival.time_to_target(curves_NT, comparison.target, higher_is_better(column))
                times, left = survival.kaplan_meier(*found)
                curves.append(
                    ReachedCurve(
                        arm=summary.arm,
                        updates=(*times.tolist(), float(summary.updates)),
                        shares=(*(1 - left).tolist(), float(1 - left[-1])),
                        time=summary.to_target,
                        rows=time_rows(summary),
                    )
                )
        if not curves:
            return Absent("No measured run has ended, so nothing is known about the time to the target.")
        return ReachedInfo(column, comparison.target, tuple(curves))

    def draw(self, info: ReachedInfo, theme: Theme) -> go.Figure:
        """Returns one staircase an arm."""
        end = _all_there(info)
        traces = [
            line(
                theme,
                curve.arm,
                curve.updates,
                curve.shares,
                line={"shape": "hv", "width": 2.5},
                hovertemplate=f"<b>{curve.arm}</b><br>%{{y:.0%}} of {curve.time.n} by update %{{x}}<extra></extra>",
            )
            for curve in info.curves
        ]
        half = {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": 0.5,
            "y1": 0.5,
            "line": {"color": theme.wash, "width": 1, "dash": "dot"},
        }
        return theme.figure(
            traces,
            showlegend=True,
            shapes=[half],
            xaxis={"title": {"text": "updates"}, **({"range": [0, end]} if end else {"rangemode": "tozero"})},
            yaxis={"title": {"text": "runs that got there"}, "tickformat": ".0%", "range": [-0.03, 1.05]},
        )

    def caption(self, info: ReachedInfo) -> str:
        """Returns the medians, intervals and misses."""
        arms = ". ".join(f"{curve.arm}: {time_to_target(curve.time)}" for curve in info.curves)
        return (
            f"The share of runs that had reached a {in_words(info.metric)} of {number(info.target, info.metric)}. "
            "Further left is sooner; a line that does not come up to 100 % shows runs that never got there. It crosses "
            f"the dotted line at the median, in updates with its 95 % interval: {arms}."
            + (" The axis ends soon after the last run got there, long before the budget." if _all_there(info) else "")
        )

    def table(self, info: ReachedInfo) -> Table:
        """Returns a row an arm and unit: updates, epochs, samples, seconds."""
        return Table.of(TIME_COLUMNS, [row for curve in info.curves for row in curve.rows])


def _all_there(info: ReachedInfo) -> float | None:
    """Where the axis may end: where nothing happens in most of the budget, as every run reached the target early."""
    last = max(curve.updates[-2] for curve in info.curves)
    early = last < max(curve.updates[-1] for curve in info.curves) / 2
    return 1.25 * last if early and all(curve.shares[-1] >= 1 for curve in info.curves) else None
