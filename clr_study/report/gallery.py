"""Schedules side by side, each drawn over its updates: a picture for people who choose one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from clr_study.errors import InputError
from clr_study.report.files import write_whole
from clr_study.report.theme import LIGHT, OKABE_ITO
from clr_study.schedules import SCHEDULES, Schedule

COLUMNS, POINTS = 3, 481
PANEL_HEIGHT, PANEL_WIDTH, GAP = 190, 300, 80
PICTURES = (".png", ".svg")


@dataclass(frozen=True)
class Panel:
    """One schedule of the picture.

    Args:
        kind: Its kind.
        words: The schedule as Python prints it.
        updates: Where the learning rate is drawn [T], fractions among them, so that corners stay sharp.
        lrs: The learning rate there [T].
    """

    kind: str
    words: str
    updates: tuple[float, ...]
    lrs: tuple[float, ...]


def panels(schedules: Sequence[Schedule], updates: Sequence[int]) -> tuple[Panel, ...]:
    """Returns what the picture shows.

    Args:
        schedules: What to draw.
        updates: How many updates of each.
    """
    drawn = []
    for schedule, length in zip(schedules, updates, strict=True):
        t = np.unique(np.r_[np.linspace(0, length - 1, POINTS), np.arange(length) if length <= POINTS else 0])
        kind = SCHEDULES.kind_of(type(schedule))
        drawn.append(Panel(kind, repr(schedule), tuple(t.tolist()), tuple(schedule(t).tolist())))
    return tuple(drawn)


def draw_panels(shown: Sequence[Panel]) -> go.Figure:
    """Returns a small picture for each schedule, three to a row."""
    rows = -(-len(shown) // COLUMNS)
    columns = min(COLUMNS, len(shown))
    height = rows * PANEL_HEIGHT + (rows + 1) * GAP // 2
    traces, layout = [], {}
    for place, panel in enumerate(shown):
        number = "" if place == 0 else str(place + 1)
        row, column = divmod(place, COLUMNS)
        left, top = (column + 0.14) / columns, 1 - row / rows
        x, y = [left, (column + 0.97) / columns], [top - 0.68 / rows, top - 0.12 / rows]
        traces.append(
            go.Scatter(
                x=panel.updates,
                y=panel.lrs,
                xaxis=f"x{number}",
                yaxis=f"y{number}",
                mode="lines",
                line={"color": OKABE_ITO[0], "width": 2},
                name=panel.kind,
                hovertemplate=f"{escape(panel.words)}<br>update %{{x:.4~g}}: lr %{{y:.4~g}}<extra></extra>",
            )
        )
        layout[f"xaxis{number}"] = {"domain": x, "anchor": f"y{number}", "title": {"text": "updates"}}
        layout[f"yaxis{number}"] = {"domain": y, "anchor": f"x{number}", "rangemode": "tozero"}
    figure = LIGHT.figure(traces, height=height, width=columns * PANEL_WIDTH, showlegend=False, **layout)
    figure.update_layout(paper_bgcolor=LIGHT.paper, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    for place, panel in enumerate(shown):
        row, column = divmod(place, COLUMNS)
        figure.add_annotation(
            text=f"<b>{escape(panel.kind)}</b>",
            x=(column + 0.14) / columns,
            y=1 - (row + 0.1) / rows,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
        )
    return figure


def write_schedules(schedules: Sequence[Schedule], updates: Sequence[int], path: str | Path) -> Path:
    """Writes a picture of schedules and returns its path.

    Args:
        schedules: What to draw.
        updates: How many updates of each.
        path: A page `.html` that needs no network, or a picture `.png` or `.svg`, which wants the extra `images`.

    Raises:
        InputError: Another ending, an extra that is missing, or a path that cannot be written.
    """
    path = Path(path)
    figure = draw_panels(panels(schedules, updates))
    try:
        if path.suffix == ".html":
            config = {"displaylogo": False, "showSendToCloud": False}
            return write_whole(path, figure.to_html(include_plotlyjs=True, config=config))
        if path.suffix in PICTURES:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.write_image(path, scale=2)
            return path
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    except (ImportError, ValueError, RuntimeError) as error:  # no kaleido, or no Chrome for it
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: a picture wants pip install 'clr_study[images]' and a Chrome: {reason}") from None
    raise InputError(f"{path} must end in .html, {' or '.join(PICTURES)}")
