"""What a figure of the report is: a pair, `summarise(results, comparison) -> Info` and `draw(info, theme)`.

`summarise` is pure and holds every number that is shown, so it is what tests look at; `draw` only turns it into
Plotly's words. A new figure is one file in `figures/`: a frozen info, and a class under `@FIGURES.add` whose fields
are the options that a page of `dashboards/` may give.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.registry import Registry
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.spec import Results

Info = TypeVar("Info")


@dataclass(frozen=True)
class Absent:
    """Stands for an info where there is nothing to draw.

    Args:
        why: A sentence for the page; empty if the page should not mention the figure.
    """

    why: str


@dataclass(frozen=True, kw_only=True)
class Drawn(ABC, Generic[Info]):
    """What is done with an info, wherever it comes from. The fields are options, as they stand in a page's TOML."""

    title: ClassVar[str]

    @abstractmethod
    def draw(self, info: Info, theme: Theme) -> go.Figure:
        """Returns the drawing of an info."""

    def heading(self, info: Info) -> str:
        """Returns the figure's heading."""
        return self.title

    @abstractmethod
    def caption(self, info: Info) -> str:
        """Returns what to see, and on how many runs it rests; also the text for who cannot see the figure."""

    @abstractmethod
    def table(self, info: Info) -> Table:
        """Returns the numbers behind the figure."""


@dataclass(frozen=True, kw_only=True)
class Figure(Drawn[Info]):
    """The base of all figures of one study."""

    @abstractmethod
    def summarise(self, results: Results, comparison: Comparison) -> Info | Absent:
        """Returns every number that the figure shows, or why there is nothing to show."""


@dataclass(frozen=True, kw_only=True)
class JointFigure(Drawn[Info]):
    """The base of all figures over several studies."""

    @abstractmethod
    def summarise(self, comparisons: Mapping[str, Comparison]) -> Info | Absent:
        """Returns every number that the figure shows, or why there is nothing to show.

        Args:
            comparisons: By the study's name, in the order in which they were named.
        """


FIGURES: Registry[type[Figure[Any]]] = Registry("figure")
JOINT_FIGURES: Registry[type[JointFigure[Any]]] = Registry("figure over several studies")
add = FIGURES.add
