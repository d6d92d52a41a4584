"""The LR range test: the score against a rising learning rate, with the bounds that were read off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.metrics import is_share
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import arranged, axes, log_axis
from clr_study.report.table import Table
from clr_study.report.theme import OKABE_ITO, Theme
from clr_study.report.words import scalar
from clr_study.spec import RangeTestResult, Results

COLOUR = OKABE_ITO[0]


@dataclass(frozen=True)
class Bounds:
    """What one rule read off a range test.

    Args:
        rule: Its name.
        base_lr: The lower bound; None where the rule gives none.
        base_spread: Its lowest and highest over the seeds.
        max_lr: The upper bound; likewise.
        max_spread: Likewise.
        note: A sentence of the rule.
    """

    rule: str
    base_lr: float | None
    base_spread: tuple[float, float] | None
    max_lr: float | None
    max_spread: tuple[float, float] | None
    note: str


@dataclass(frozen=True)
class Ramp:
    """One range test.

    Args:
        name: The name of its runs.
        kind: `linear` or `exponential`.
        lrs: The learning rate at each evaluation [T].
        scores: On the validation split, of each seed [S][T]; NaN after a seed diverged.
        mean: Over the seeds that were still alive [T].
        bounds: By rule, the rule of the study first.
        score: The metric.
    """

    name: str
    kind: str
    lrs: tuple[float, ...]
    scores: tuple[tuple[float, ...], ...]
    mean: tuple[float, ...]
    bounds: tuple[Bounds, ...]
    score: str = "accuracy"


@dataclass(frozen=True)
class RangeTestInfo:
    """What the figure shows."""

    ramps: tuple[Ramp, ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class RangeTest(Figure[RangeTestInfo]):
    """The validation score against the rising LR, a thin line a seed; the band between the chosen bounds is shaded."""

    title = "LR range test"

    def summarise(self, results: Results, comparison: Comparison) -> RangeTestInfo | Absent:
        """Returns the curves of every range test of the study; absent without a word where there is none."""
        return range_test_info(results.range_tests, results.study.range_test.rule) or Absent("")

    def draw(self, info: RangeTestInfo, theme: Theme) -> go.Figure:
        """Returns a panel a range test."""
        layout = arranged(len(info.ramps), columns=2, height=300)
        traces, shapes = [], []
        for index, ramp in enumerate(info.ramps):
            x, y = axes(index)
            traces += [_seed(ramp, row, theme, xaxis=x, yaxis=y) for row in range(len(ramp.scores))]
            traces.append(_mean(ramp, xaxis=x, yaxis=y))
            shapes += _shading(ramp, x, y, theme)
            ticks = log_axis() if ramp.kind == "exponential" else {"type": "linear"}
            layout[f"xaxis{x[1:]}"] |= {"title": {"text": f"learning rate, {ramp.kind} ramp"}, **ticks}
            layout[f"yaxis{y[1:]}"] |= {
                "title": {"text": "" if index else f"validation {ramp.score}"},
                "tickformat": ".0%" if is_share(ramp.score) else "",
                "rangemode": "tozero",
            }
        return theme.figure(traces, showlegend=False, shapes=shapes, **layout)

    def caption(self, info: RangeTestInfo) -> str:
        """Returns the bounds, each with its spread over the seeds."""
        said = " ".join(
            f"{ramp.kind.capitalize()} ramp, {len(ramp.scores)} seeds, {_in_words(ramp.bounds[0])}"
            for ramp in info.ramps
            if ramp.bounds
        )
        chosen = [ramp.bounds[0] for ramp in info.ramps if ramp.bounds]
        both = any(found.base_lr and found.max_lr for found in chosen)
        one = any(bool(found.base_lr) != bool(found.max_lr) for found in chosen)
        marks = ["Between the bounds that the rule chose the picture is shaded."] if both else []
        marks += ["Where it found one bound only, a dotted line stands there."] if one else []
        return " ".join(
            [
                "The learning rate rises during one short run; a thin line is one seed, the thick one their mean.",
                *marks,
                said,
            ]
        ).rstrip()

    def table(self, info: RangeTestInfo) -> Table:
        """Returns the bounds of every rule, then the mean curve."""
        rows: list[tuple[str | float | None, ...]] = []
        for ramp in info.ramps:
            for bounds in ramp.bounds:
                rows.append((ramp.kind, bounds.rule, bounds.base_lr, bounds.max_lr, None, bounds.note))
            rows += [(ramp.kind, "curve", lr, None, mean, "") for lr, mean in zip(ramp.lrs, ramp.mean, strict=True)]
        return Table.of(("ramp", "rule", "base_lr or lr", "max_lr", "mean validation score", "note"), rows)


def range_test_info(tests: Sequence[RangeTestResult], rule: str) -> RangeTestInfo | None:
    """Returns what the figure shows of some range tests; None of none.

    Args:
        tests: The range tests.
        rule: Whose bounds are shaded.
    """
    return RangeTestInfo(tuple(_ramp(test, rule) for test in tests)) if tests else None


def _ramp(test: RangeTestResult, chosen: str) -> Ramp:
    alive = np.isfinite(test.scores).any(axis=0)
    mean = np.full(len(test.lrs), np.nan)
    mean[alive] = np.nanmean(test.scores[:, alive], axis=0)
    ordered = sorted(test.bounds, key=lambda rule: rule != chosen)
    return Ramp(
        name=test.arm,
        kind=test.ramp,
        lrs=tuple(test.lrs.tolist()),
        scores=tuple(tuple(row) for row in test.scores.tolist()),
        mean=tuple(mean.tolist()),
        bounds=tuple(_bounds(rule, test.bounds[rule]) for rule in ordered),
        score=test.score,
    )


def _bounds(rule: str, found: object) -> Bounds:
    table = dict(found)  # type: ignore[call-overload]
    spreads = [tuple(table[key]) if table.get(key) else None for key in ("base_lr_spread", "max_lr_spread")]
    return Bounds(rule, table.get("base_lr"), spreads[0], table.get("max_lr"), spreads[1], str(table.get("note", "")))


def _in_words(bounds: Bounds) -> str:
    ends = (("base_lr", bounds.base_lr, bounds.base_spread), ("max_lr", bounds.max_lr, bounds.max_spread))
    said = []
    for name, value, spread in ends:
        over = f" (over the seeds {scalar(float(spread[0]))} to {scalar(float(spread[1]))})" if value and spread else ""
        said.append(f"{name} {scalar(float(value))}{over}" if value else f"no {name} found")
    note = bounds.note.removesuffix(".")
    return f"rule {bounds.rule}: {', '.join(said)}." + (f" {note[0].upper()}{note[1:]}." if note else "")


def _seed(ramp: Ramp, row: int, theme: Theme, **where: str) -> go.Scatter:
    return go.Scatter(
        x=ramp.lrs,
        y=ramp.scores[row],
        mode="lines",
        line={"color": theme.middle, "width": 1},
        hovertemplate=f"seed {row + 1}<br>lr %{{x:.4~g}}: %{{y:{_format(ramp)}}}<extra></extra>",
        **where,
    )


def _mean(ramp: Ramp, **where: str) -> go.Scatter:
    return go.Scatter(
        x=ramp.lrs,
        y=ramp.mean,
        mode="lines",
        line={"color": COLOUR, "width": 2.5},
        hovertemplate=f"<b>mean</b><br>lr %{{x:.4~g}}: %{{y:{_format(ramp)}}}<extra></extra>",
        **where,
    )


def _format(ramp: Ramp) -> str:
    return ".1%" if is_share(ramp.score) else ".4~g"


def _shading(ramp: Ramp, x: str, y: str, theme: Theme) -> list[dict[str, object]]:
    """A shaded band between the bounds of the chosen rule, or a dotted line at the only one it found."""
    if not ramp.bounds:
        return []
    found = ramp.bounds[0]
    place = {"xref": x, "yref": f"{y} domain", "y0": 0, "y1": 1, "layer": "below"}
    if found.base_lr and found.max_lr:
        return [
            {
                "type": "rect",
                "x0": found.base_lr,
                "x1": found.max_lr,
                "fillcolor": theme.wash,
                "opacity": 0.18,
                "line": {"width": 0},
                **place,
            }
        ]
    only = found.base_lr or found.max_lr
    if not only:
        return []
    return [{"type": "line", "x0": only, "x1": only, "line": {"color": theme.wash, "width": 2, "dash": "dot"}, **place}]
