"""How far apart the arms are: paired differences with intervals, against the reference and against the best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison, Difference, Estimate
from clr_study.analysis.words import column, in_percent, p_value
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import arranged, axes, dots, panel_name
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.words import NOTHING, count
from clr_study.report.words import difference as in_value
from clr_study.spec import Results

UPDATES = "updates to target"
# Longer names of arms would reach from one panel into the one at its left; then the panels stand one below the other.
LONGEST_BESIDE = 18


@dataclass(frozen=True)
class ForestFamily:
    """The differences to one arm.

    Args:
        against: The arm that all others are held against.
        role: What that arm is: `reference`, `best`, or the best of a study.
        metric: What is compared; `updates to target` where budgets differ and the time decides.
        right_is_better: Whether more of it is better.
        rows: Each other arm against this one.
    """

    against: str
    role: str
    metric: str
    right_is_better: bool
    rows: tuple[Difference, ...]


@dataclass(frozen=True)
class ForestInfo:
    """What the figure shows.

    Args:
        families: Against the reference, then against the best where that is another arm or compares something else.
    """

    families: tuple[ForestFamily, ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Forest(Figure[ForestInfo]):
    """The paired difference of each arm to the reference and to the best one, with its 95 % interval and adjusted p."""

    title = "How far apart the arms are"

    def summarise(self, results: Results, comparison: Comparison) -> ForestInfo | Absent:
        """Returns the differences of the comparison, each as the other arm minus the one it is held against."""
        if len(comparison.arms) < 2:
            return Absent("The study has one arm, so there is nothing to hold it against.")
        reference, best = comparison.arms[0].arm, comparison.best
        metric, right = comparison.metric, comparison.higher_is_better
        families = [ForestFamily(reference, "reference", metric, right, comparison.to_reference)]
        if best is not None and (best != reference or comparison.by == "target"):
            families.append(against_best(comparison, "best"))
        shown = tuple(family for family in families if any(math.isfinite(row.estimate.value) for row in family.rows))
        if not shown:
            return Absent("No two arms have completed a run from the same seed, so there is no difference to show.")
        return ForestInfo(shown)

    def draw(self, info: ForestInfo, theme: Theme) -> go.Figure:
        """Returns a panel a family, with the line of no difference in it."""
        tallest = max(len(family.rows) for family in info.families)
        longest = max(len(row.arm) for family in info.families for row in family.rows)
        columns = 2 if longest <= LONGEST_BESIDE else 1
        layout = arranged(len(info.families), columns=columns, height=110 + 48 * tallest, gap=0.17)
        traces, shapes, names = [], [], []
        for index, family in enumerate(info.families):
            x, y = axes(index)
            places = range(len(family.rows))
            traces += [
                _mark(row, place, family, theme, xaxis=x, yaxis=y)
                for place, row in zip(places, family.rows, strict=True)
            ]
            shapes.append(_no_difference(x, y, theme))
            names.append(panel_name(f"against {family.against}, the {family.role}", x, y, theme))
            layout[f"xaxis{x[1:]}"] |= {
                "title": {"text": _axis_title(family)},
                "range": _range(family),
                "zeroline": False,
            }
            layout[f"yaxis{y[1:]}"] |= {
                "tickvals": list(places),
                "ticktext": [f"{row.arm}<br>{p_value(row.p_adjusted)}" for row in family.rows],
                "range": [len(family.rows) - 0.4, -0.6],
                "showgrid": False,
                "zeroline": False,
            }
        return theme.figure(
            traces,
            showlegend=False,
            shapes=shapes,
            annotations=names,
            margin={"l": 64, "r": 16, "t": 36, "b": 48},
            **layout,
        )

    def caption(self, info: ForestInfo) -> str:
        """Returns every difference with its interval, p and number of pairs."""
        said = ". ".join(
            f"Against {family.against}, the {family.role}: {'; '.join(_in_words(row, family) for row in family.rows)}"
            for family in info.families
        )
        return (
            "A dot is the mean difference over runs from the same seed, its bar the 95 % interval. A bar that crosses "
            f"the dashed line shows no difference at this number of seeds; the verdict goes by the adjusted p. {said}."
        )

    def table(self, info: ForestInfo) -> Table:
        """Returns a row a difference."""
        columns = ("arm", "minus", "in", "mean difference", "low", "high", "pairs", "p", "p, adjusted")
        return Table.of(
            (*columns, "probability of improvement", "effect size", "none larger shown than"),
            [
                (
                    row.arm,
                    family.against,
                    family.metric,
                    row.estimate.value,
                    row.estimate.low,
                    row.estimate.high,
                    row.estimate.n,
                    row.p,
                    row.p_adjusted,
                    row.improvement,
                    row.effect_size,
                    row.within,
                )
                for family in info.families
                for row in family.rows
            ],
        )


def against_best(comparison: Comparison, role: str) -> ForestFamily:
    """Returns how every other arm differs from the best one, in what decides.

    Args:
        comparison: One with a best arm.
        role: What the best arm is called.
    """
    by_target = comparison.by == "target"
    found = comparison.target_to_best if by_target else comparison.to_best
    metric = UPDATES if by_target else comparison.metric
    right = comparison.higher_is_better and not by_target
    return ForestFamily(str(comparison.best), role, metric, right, tuple(each.turned for each in found))


def _in_words(row: Difference, family: ForestFamily) -> str:
    return f"{row.arm} {_size(row.estimate, family.metric)}, {p_value(row.p_adjusted)}, n = {row.estimate.n}"


def _size(estimate: Estimate, metric: str) -> str:
    if metric != UPDATES:
        return in_value(estimate, metric)
    if math.isnan(estimate.value):
        return NOTHING
    signs = [f"{'+' if number > 0 else ''}{count(round(number))}" for number in _known(estimate)]
    return f"{signs[0]} updates" + (f" [{signs[1]}, {signs[2]}]" if len(signs) == 3 else "")


def _known(estimate: Estimate) -> tuple[float, ...]:
    ends = (estimate.low, estimate.high) if math.isfinite(estimate.low) and math.isfinite(estimate.high) else ()
    return (estimate.value, *ends)


def _axis_title(family: ForestFamily) -> str:
    unit = ", points" if in_percent(family.metric) else ""
    return f"{column(family.metric)}{unit}; {'right' if family.right_is_better else 'left'} is better"


def _range(family: ForestFamily) -> list[float]:
    """The span of all intervals and of no difference, with some air at both ends."""
    ends = [0.0, *(number for row in family.rows for number in _known(row.estimate) if math.isfinite(number))]
    scale = 100 if in_percent(family.metric) else 1
    low, high = scale * min(ends), scale * max(ends)
    air = 0.06 * (high - low) or 1.0
    return [low - air, high + air]


def _mark(row: Difference, place: int, family: ForestFamily, theme: Theme, **where: str) -> go.Scatter:
    scale = 100 if in_percent(family.metric) else 1
    value, *ends = (scale * number for number in _known(row.estimate))
    low, high = ends or (value, value)
    return dots(
        theme,
        row.arm,
        [value if math.isfinite(value) else None],
        [place],
        marker={"size": 11, "line": {"color": theme.ink, "width": 1.5}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value if ends else 0],
            "arrayminus": [value - low if ends else 0],
            "color": theme.ink,
            "thickness": 1.5,
            "width": 5,
        },
        text=[_hover(row, family)],
        hovertemplate="%{text}<extra></extra>",
        **where,
    )


def _hover(row: Difference, family: ForestFamily) -> str:
    better = f"better in {row.improvement:.0%} of pairs"
    return f"<b>{row.arm}</b> minus {family.against}<br>{_in_words(row, family)[len(row.arm) + 1 :]}<br>{better}"


def _no_difference(x: str, y: str, theme: Theme) -> dict[str, object]:
    stroke = {"color": theme.wash, "width": 1, "dash": "dash"}
    return {"type": "line", "xref": x, "yref": f"{y} domain", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "line": stroke}
