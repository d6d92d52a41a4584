"""How much searching a setting is worth: the expected best against the number of trials."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison, leaders
from clr_study.analysis import Effort as Curve
from clr_study.analysis import effort as effort_of
from clr_study.analysis.words import column, listed
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import band, dots, hover_form, line, metric_axis
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.spec import Results

# With more trials than this, a dot at each of them would hide the line.
DOTTED = 40


@dataclass(frozen=True)
class EffortCurve:
    """The search of one arm.

    Args:
        arm: Which.
        trials: Numbers of trials, from 1 to N [K].
        expected: The expected best of so many [K].
        low: The lower end of its 95 % interval [K].
        high: The upper end [K].
        incomplete: How many of the N trials did not complete.
    """

    arm: str
    trials: tuple[int, ...]
    expected: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    incomplete: int


@dataclass(frozen=True)
class EffortInfo:
    """What the figure shows.

    Args:
        metric: The column of the scores.
        curves: One for each arm that allows it.
        leaders: First and last number of trials, and the arm that is expected to be ahead there.
        refused: A sentence for each arm that has no curve.
    """

    metric: str
    curves: tuple[EffortCurve, ...]
    leaders: tuple[tuple[int, int, str], ...]
    refused: tuple[str, ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Effort(Figure[EffortInfo]):
    """The expected best score of a search against its number of trials, with its 95 % interval; random search only."""

    title = "How many trials it takes"

    def summarise(self, results: Results, comparison: Comparison) -> EffortInfo | Absent:
        """Returns the curve of each arm that was searched at random, and why the others have none."""
        if not any(arm.space for arm in results.study.arms):
            return Absent("Nothing was searched: every arm ran as it stands in the study file.")
        found: dict[str, Curve] = {}
        refused = []
        for arm in results.study.arms:
            curve, reason = effort_of(results, arm.name, seed=comparison.seed)
            if curve is None:
                refused.append(reason)
            else:
                found[arm.name] = curve
        refused = list(dict.fromkeys(refused))
        if not found:
            return Absent(" ".join(refused))
        return EffortInfo(
            f"validation_{results.study.metric}",
            tuple(_curve(arm, curve) for arm, curve in found.items()),
            leaders(found, comparison.higher_is_better),
            tuple(refused),
        )

    def draw(self, info: EffortInfo, theme: Theme) -> go.Figure:
        """Returns the bands, and the lines over them."""
        form = hover_form(info.metric)
        traces = [band(theme, curve.arm, curve.trials, curve.low, curve.high) for curve in info.curves]
        for curve in info.curves:
            hover = (
                f"<b>{curve.arm}</b>, best of %{{x}}<br>%{{y:{form}}} [%{{customdata[0]:{form}}}, "
                f"%{{customdata[1]:{form}}}]<extra></extra>"
            )
            ends = list(zip(curve.low, curve.high, strict=True))
            traces.append(line(theme, curve.arm, curve.trials, curve.expected, customdata=ends, hovertemplate=hover))
            if len(curve.trials) <= DOTTED:
                traces.append(
                    dots(theme, curve.arm, curve.trials, curve.expected, marker={"size": 6}, hoverinfo="skip")
                )
        return theme.figure(
            traces,
            showlegend=True,
            xaxis={"title": {"text": "trials of the search"}, "rangemode": "tozero", "tickformat": "d"},
            yaxis={**metric_axis(info.metric), "title": {"text": f"expected best {column(info.metric)}"}},
        )

    def caption(self, info: EffortInfo) -> str:
        """Returns what the lines are, who leads where, and on how many trials they rest."""
        counts = listed(
            [
                f"{curve.arm} {curve.trials[-1]:,}"
                + (f" ({curve.incomplete} not completed)" if curve.incomplete else "")
                for curve in info.curves
            ]
        )
        lead = f" {_lead(info)}" if len(info.curves) > 1 else ""
        refused = f" Not shown: {' '.join(info.refused)}" if info.refused else ""
        return (
            f"The {column(info.metric)} that the best of so many random trials is expected to have, with its 95 % "
            "interval over trials. A curve that is flat from the left needs little tuning. Trials that did not "
            "complete count as the worst score of the search; no end knows a setting better than the best one "
            f"seen.{lead} Trials: {counts}.{refused}"
        )

    def table(self, info: EffortInfo) -> Table:
        """Returns a row an arm and number of trials."""
        return Table.of(
            ("arm", "trials", f"expected best {info.metric}", "low", "high"),
            [
                (curve.arm, *row)
                for curve in info.curves
                for row in zip(curve.trials, curve.expected, curve.low, curve.high, strict=True)
            ],
        )


def _curve(arm: str, found: Curve) -> EffortCurve:
    expected, low, high = (tuple(part.tolist()) for part in (found.expected, found.low, found.high))
    return EffortCurve(arm, tuple(found.trials.tolist()), expected, low, high, found.incomplete)


def _lead(info: EffortInfo) -> str:
    """Which arm is ahead with how many trials, as a sentence."""
    if len(info.leaders) == 1:
        return f"{info.leaders[0][2]} is ahead throughout; where bands overlap, that may be luck."
    spans = [f"{arm} with {first}" + ("" if first == last else f" to {last}") for first, last, arm in info.leaders]
    return f"Ahead is {listed(spans)} trials; where bands overlap, that may be luck."
