"""The figures of a page as PNG files, by kaleido and a Chrome: an extra, and never in the way of the report."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from clr_study.analysis import Comparison, compare
from clr_study.errors import InputError
from clr_study.report.figure import Absent
from clr_study.report.figures import FIGURES
from clr_study.report.files import write_whole
from clr_study.report.pages import load_page
from clr_study.report.table import plain
from clr_study.report.theme import Theme
from clr_study.report.view import light, own_id
from clr_study.report.words import inert
from clr_study.spec import Results

WIDTH, SCALE, HEADING = 1000, 2, 44


def write_images(
    results: Results, folder: str | Path, page: str | Path = "comparison", comparison: Comparison | None = None
) -> tuple[Path, ...]:
    """Writes each figure of a page as a PNG file of 2,000 pixels' width, light, with its heading.

    Args:
        results: What the study has measured so far.
        folder: Where to; made if it is not there.
        page: The name of a shipped page, or the path of a page's TOML file.
        comparison: What `compare` says about the results, if that is known already.

    Returns:
        The paths, in the page's order.

    Raises:
        InputError: kaleido is not installed, or it finds no Chrome.
        SpecError: There is no such page, or something in it cannot be.
        UnknownKindError: The page names a figure that there is not.
    """
    known, theme = comparison or compare(results), light(results)
    numbers: dict[str, int] = {}
    drawings: dict[str, go.Figure] = {}
    for section in load_page(page).sections:
        for figure in section.figures:
            info = figure.summarise(results, known)
            if not isinstance(info, Absent):
                drawing = figure.draw(info, theme)
                drawings[own_id(FIGURES, figure, numbers)] = _headed(drawing, figure.heading(info), theme)
    pictures = _pictures(list(drawings.values()))
    return tuple(
        write_whole(Path(folder) / f"{name}.png", picture) for name, picture in zip(drawings, pictures, strict=True)
    )


def _headed(drawing: go.Figure, heading: str, theme: Theme) -> go.Figure:
    """A drawing that stands alone: with a background and its heading, and the room that it takes."""
    layout = drawing.layout
    drawing.update_layout(
        paper_bgcolor=theme.paper,
        plot_bgcolor=theme.paper,
        title={
            "text": f"<b>{inert(plain(heading))}</b>",
            "x": 0.01,
            "y": 0.99,
            "yanchor": "top",
            "pad": {"t": 8},
            "font": {"size": 16},
        },
        margin={"t": (layout.margin.t or 0) + HEADING},
        height=layout.height + HEADING,
        width=WIDTH,
    )
    return drawing


def _pictures(drawings: Sequence[go.Figure]) -> list[bytes]:
    kaleido = _package()
    from choreographer.errors import ChromeNotFoundError  # comes with kaleido

    async def drawn() -> list[bytes]:
        # Without MathJax, which would be asked for over the network.
        async with kaleido.Kaleido(mathjax=False) as browser:
            return [
                await browser.calc_fig(drawing, opts={"format": "png", "scale": SCALE, "width": WIDTH})
                for drawing in drawings
            ]

    try:
        with ThreadPoolExecutor(max_workers=1) as own_loop:  # a notebook's thread has a loop already
            return own_loop.submit(lambda: asyncio.run(drawn())).result()
    except ChromeNotFoundError:
        raise InputError(
            "--png: pictures are drawn by a Chrome, and none was found; install Chrome or Chromium, or name one in the "
            "variable BROWSER_PATH"
        ) from None


def _package() -> Any:
    try:
        return importlib.import_module("kaleido")
    except ModuleNotFoundError as error:
        if error.name != "kaleido":
            raise
        raise InputError(
            "--png: pictures are drawn by kaleido, which is not installed: pip install 'clr_study[images]'"
        ) from None
