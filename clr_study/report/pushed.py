"""Figures for optuna-dashboard, which draws them with a plotly.js of its own and on paper of its own colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.report.figure import Absent
from clr_study.report.figures import FIGURES
from clr_study.report.pages import load_page
from clr_study.report.theme import LIGHT, Theme
from clr_study.spec import Results

# optuna-dashboard keeps a figure in pieces of 2 kB and sends it again at every look.
LARGEST = 50_000
KNOWN = frozenset({"scatter", "heatmap"})
HEIGHT = 450  # of the card in which it stands, in pixels
DIGITS = 5


def pushed_figures(results: Results, comparison: Comparison, page: str | Path = "pushed") -> dict[str, go.Figure]:
    """Returns the figures of a page as optuna-dashboard can show them, by a name that stays the same.

    One that has nothing to show yet, that its plotly.js does not know or that is too large for it, is left out.

    Args:
        results: What the study has measured so far.
        comparison: What `compare` says about it.
        page: The name of a shipped page, or the path of a page's TOML file.
    """
    theme = LIGHT.of([arm.name for arm in results.study.arms])
    found: dict[str, go.Figure] = {}
    for figure in (figure for section in load_page(page).sections for figure in section.figures):
        info = figure.summarise(results, comparison)
        if isinstance(info, Absent):
            continue
        drawn = _on_paper(figure.draw(info, theme), figure.heading(info), theme)
        name = FIGURES.kind_of(type(figure)).replace("_", "-")
        if {trace.type for trace in drawn.data} <= KNOWN and len(drawn.to_json()) < LARGEST:
            again = sum(one.startswith(name) for one in found)
            found[f"{name}-{again + 1}" if again else name] = drawn
    return found


def _on_paper(drawn: go.Figure, heading: str, theme: Theme) -> go.Figure:
    """A drawing that needs no page around it: its own heading, opaque, at the card's height, numbers rounded."""
    figure = go.Figure(_rounded(drawn.to_plotly_json()), skip_invalid=True)
    figure.update_layout(
        title={"text": heading, "x": 0.01, "y": 0.98, "yanchor": "top", "font": {"size": 16, "color": theme.ink}},
        paper_bgcolor=theme.paper,
        plot_bgcolor=theme.paper,
        height=HEIGHT,
        autosize=True,
        meta=None,
    )
    figure.update_layout(margin={**drawn.layout.margin.to_plotly_json(), "t": 80})
    return figure


def _rounded(value: Any) -> Any:
    """Numbers as a screen can show them: half of the bytes."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, (list, tuple)) else value
