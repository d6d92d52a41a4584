"""How figures look: two themes of the same design, and a colour, dash and symbol for each arm.

The colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any of the common kinds of
colour blindness can tell apart. Yellow and black are left out: each vanishes on one of the two papers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import plotly.graph_objects as go

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A8A")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
# The dash with which each colour begins; when the colours come round again, each goes on to its next one.
FIRST_DASH = (0, 0, 0, 0, 1, 1, 2)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon", "triangle-down", "hexagon", "star-triangle-up")
# Of a figure with a legend of up to two rows, each of some four arms, in pixels; every further row adds its own.
HEIGHT, LEGEND_ROW, LEGEND_COLUMNS, LEGEND_ROWS = 360, 20, 4, 2
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Style:
    """How an arm is drawn, on the whole page.

    Args:
        colour: As `#RRGGBB`.
        dash: Of its lines.
        symbol: Of its markers; arms of the same colour differ in both.
    """

    colour: str
    dash: str
    symbol: str

    def faded(self, opacity: float) -> str:
        """Returns the colour as `rgba(...)`.

        Examples:
            >>> Style("#0072B2", "solid", "circle").faded(0.2)
            'rgba(0,114,178,0.2)'
        """
        red, green, blue = (int(self.colour[at : at + 2], 16) for at in (1, 3, 5))
        return f"rgba({red},{green},{blue},{opacity:g})"


@dataclass(frozen=True)
class Theme:
    """The neutral colours of a page, and the arms that it shows.

    Args:
        name: `light` or `dark`.
        ink: Text and what has to stand out.
        soft: Secondary text and quiet marks.
        line: Grid and axes.
        paper: The background.
        wash: A shaded area.
        heavy: The heaviest of three neutral fills.
        middle: The one between.
        pale: The lightest.
        arms: The arms, in the study's order.
    """

    name: str
    ink: str
    soft: str
    line: str
    paper: str
    wash: str
    heavy: str
    middle: str
    pale: str
    arms: tuple[str, ...] = ()

    def of(self, arms: Sequence[str]) -> Theme:
        """Returns the theme for the arms of a study."""
        return replace(self, arms=tuple(arms))

    def style(self, arm: str) -> Style:
        """Returns how an arm is drawn; the same in both themes.

        Examples:
            >>> LIGHT.of(["fixed", "clr"]).style("clr")
            Style(colour='#D55E00', dash='solid', symbol='square')
        """
        index = self.arms.index(arm)
        again, colour = divmod(index, len(OKABE_ITO))
        return Style(
            colour=OKABE_ITO[colour],
            dash=DASHES[(FIRST_DASH[colour] + again) % len(DASHES)],
            symbol=SYMBOLS[index % len(SYMBOLS)],
        )

    def figure(self, traces: Sequence[Any], **layout: Any) -> go.Figure:
        """Returns a figure in this theme: no template, no background, quiet axes, the legend above.

        Args:
            traces: Plotly traces.
            **layout: What the figure adds to the layout, in Plotly's words.
        """
        axis = {
            "gridcolor": self.line,
            "linecolor": self.line,
            "zerolinecolor": self.line,
            "tickfont": {"color": self.soft},
            "title": {"font": {"color": self.ink, "size": 13}, "standoff": 8},
            "automargin": True,
        }
        own = {
            "template": {},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": FONT, "size": 13, "color": self.ink},
            "margin": {"l": 64, "r": 16, "t": 16, "b": 48},
            "height": HEIGHT + (self._legend_beyond() if layout.get("showlegend") else 0),
            "hoverlabel": {"font": {"family": FONT, "size": 13}, "align": "left"},
            "legend": {
                "orientation": "h",
                "yanchor": "bottom",
                "y": 1.02,
                "xanchor": "left",
                "x": 0,
                "traceorder": "normal",
                "font": {"color": self.ink},
            },
        }
        named = [name for name in layout if name.startswith(("xaxis", "yaxis"))]
        # A y axis asks for room at its left only: a number at its very top else moves the margin to and fro.
        left = {**axis, "automargin": "left"}
        axes = {name: left if name.startswith("y") else axis for name in ("xaxis", "yaxis", *named)}
        # In one go: each later change of a figure has Plotly copy and check all of it again.
        return go.Figure(data=list(traces), layout=_merged(_merged(own, layout), axes))

    def _legend_beyond(self) -> int:
        """The pixels of a legend's rows beyond those that a figure of the usual height has room for."""
        return LEGEND_ROW * max(0, -(-len(self.arms) // LEGEND_COLUMNS) - LEGEND_ROWS)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Tables within tables, of which the new ones win."""
    both = {
        key: _merged(old[key], value) if isinstance(value, Mapping) and isinstance(old.get(key), Mapping) else value
        for key, value in new.items()
    }
    return {**old, **both}


LIGHT = Theme(
    name="light",
    ink="#1B1F24",
    soft="#57606A",
    line="#DDE1E6",
    paper="#FFFFFF",
    wash="#6E7781",
    heavy="#3B434C",
    middle="#8C959F",
    pale="#C9D0D7",
)
DARK = Theme(
    name="dark",
    ink="#E8EBEE",
    soft="#A2ABB5",
    line="#30363D",
    paper="#14171B",
    wash="#8B949E",
    heavy="#D4D9DE",
    middle="#868E97",
    pale="#4A525B",
)


def recolouring(old: Theme, new: Theme) -> dict[str, str]:
    """Returns which colour of one theme becomes which of the other; a page's script applies it to a drawn figure.

    Examples:
        >>> recolouring(LIGHT, DARK)["#FFFFFF"]
        '#14171B'
    """
    names = [field.name for field in fields(Theme) if field.name not in ("name", "arms")]
    return {getattr(old, name): getattr(new, name) for name in names}
