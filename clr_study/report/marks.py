"""Traces and axes that more than one figure is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from clr_study.analysis.words import column, in_percent
from clr_study.report.theme import Theme


def line(theme: Theme, arm: str, x: Sequence[float | None], y: Sequence[float | None], **more: Any) -> go.Scatter:
    """Returns a line of an arm; it answers to the arm's switch on the page."""
    style = theme.style(arm)
    stroke = {"color": style.colour, "dash": style.dash, "width": 2, **more.pop("line", {})}
    return go.Scatter(
        **{"x": x, "y": y, "mode": "lines", "name": arm, "legendgroup": arm, "connectgaps": False, **more},
        line=stroke,
    )


def dots(theme: Theme, arm: str, x: Sequence[Any], y: Sequence[float | None], **more: Any) -> go.Scatter:
    """Returns dots of an arm; they answer to the arm's switch on the page."""
    style = theme.style(arm)
    marker = {"color": style.colour, "symbol": style.symbol, "size": 8, "opacity": 1, **more.pop("marker", {})}
    return go.Scatter(
        **{"x": x, "y": y, "mode": "markers", "name": arm, "legendgroup": arm, "showlegend": False, **more},
        marker=marker,
    )


def key(theme: Theme, arm: str) -> go.Scatter:
    """Returns an entry of the legend for an arm whose dots do not all look the same."""
    return dots(theme, arm, [None], [None], showlegend=True)


def band(theme: Theme, arm: str, x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> go.Scatter:
    """Returns the shaded area between two curves of an arm; points at which one of them is NaN are left out."""
    ends = [(at, bottom, top) for at, bottom, top in zip(x, low, high, strict=True) if bottom == bottom and top == top]
    return go.Scatter(
        x=[at for at, _, _ in ends] + [at for at, _, _ in reversed(ends)],
        y=[top for _, _, top in ends] + [bottom for _, bottom, _ in reversed(ends)],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=theme.style(arm).faded(0.16),
        hoverinfo="skip",
        name=arm,
        legendgroup=arm,
        showlegend=False,
    )


def metric_axis(metric: str) -> dict[str, Any]:
    """Returns an axis for a metric: its name, in per cent where it is a share."""
    axis: dict[str, Any] = {"title": {"text": column(metric)}}
    return {**axis, "tickformat": ".4~%"} if in_percent(metric) else axis


def hover_form(metric: str) -> str:
    """Returns how a hover label writes a value of a metric, in D3's words."""
    return ".2%" if in_percent(metric) else ".4~g"


def log_axis() -> dict[str, Any]:
    """Returns a logarithmic axis with its numbers in full, a label a decade."""
    return {"type": "log", "dtick": 1, "exponentformat": "none"}


def arranged(count: int, columns: int, height: int, gap: float = 0.09) -> dict[str, Any]:
    """Returns the layout of some panels: side by side, and one below the other for a narrow page.

    Both stand in `meta`, as a page's script applies them; the wide one is in force from the start.

    Args:
        count: How many panels; panel 3 is drawn on the axes `x3` and `y3`.
        columns: How many stand side by side on a wide page.
        height: Of one row of panels, in pixels.
        gap: The part of the width between two panels: 0.09 holds a scale's numbers, names of arms want more.
    """
    wide, narrow = _domains(count, columns, height, gap), _domains(count, 1, height, gap)
    layout: dict[str, Any] = {"height": wide["height"], "meta": {"wide": wide, "narrow": narrow}}
    for index in range(count):
        x, y = axes(index)
        layout[_long(x)] = {"domain": wide[f"{_long(x)}.domain"], "anchor": y}
        layout[_long(y)] = {"domain": wide[f"{_long(y)}.domain"], "anchor": x}
    return layout


def axes(index: int) -> tuple[str, str]:
    """Returns the names of a panel's axes, panels counted from 0.

    Examples:
        >>> axes(0), axes(2)
        (('x', 'y'), ('x3', 'y3'))
    """
    return ("x", "y") if index == 0 else (f"x{index + 1}", f"y{index + 1}")


def panel_name(text: str, x: str, y: str, theme: Theme) -> dict[str, Any]:
    """Returns the annotation that names a panel, above its upper left corner.

    Args:
        text: The name.
        x: The panel's x axis.
        y: Its y axis.
        theme: Gives the ink.
    """
    return {
        "text": f"<b>{text}</b>",
        "xref": f"{x} domain",
        "yref": f"{y} domain",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": theme.ink, "size": 13},
    }


def _long(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"


def _domains(count: int, columns: int, height: int, gap: float) -> dict[str, Any]:
    columns = max(1, min(columns, count))
    rows = max(1, -(-count // columns))
    total = rows * height + 40
    # 90 pixels between rows hold an axis title and a panel's name.
    gap_x, gap_y = gap if columns > 1 else 0.0, 90 / total if rows > 1 else 0.0
    width, tall = (1 - gap_x * (columns - 1)) / columns, (1 - gap_y * (rows - 1)) / rows
    flat: dict[str, Any] = {"height": total}
    for index in range(count):
        column, row = index % columns, index // columns
        left, top = column * (width + gap_x), 1 - row * (tall + gap_y)
        x, y = axes(index)
        flat[f"{_long(x)}.domain"] = [round(left, 4), round(min(1.0, left + width), 4)]
        flat[f"{_long(y)}.domain"] = [round(max(0.0, top - tall), 4), round(top, 4)]
    return flat
