"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from clr_study.analysis import Comparison, compare
from clr_study.analysis.cost import ENDINGS
from clr_study.report.breaks import kept_together, unbroken
from clr_study.report.document import versions, write_results
from clr_study.report.files import write_whole
from clr_study.report.pages import load_page
from clr_study.report.progress import lost, missing
from clr_study.report.table import plain
from clr_study.report.theme import DARK, LIGHT, Theme, recolouring
from clr_study.report.view import (
    SHOWN_LOST,
    arm_views,
    endings_rows,
    light,
    lost_runs,
    numbers_view,
    script_json,
    section_views,
)
from clr_study.spec import Results
from clr_study.version import __version__

CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}


def write_report(
    results: Results, path: str | Path, page: str | Path = "comparison", comparison: Comparison | None = None
) -> Path:
    """Writes the report of a study: one HTML file, offline, with everything that it shows inside.

    An unfinished study gets a report of what there is, and says so on top.

    Args:
        results: What the study has measured so far.
        path: Where the file goes, whole or not at all; missing folders are made.
        page: The name of a shipped page, or the path of a page's TOML file.
        comparison: What `compare` says about the results, if that is known already.

    Returns:
        The path.

    Raises:
        SpecError: There is no such page, or something in it cannot be.
        UnknownKindError: The page names a figure that there is not.
    """
    return write_whole(path, report_html(results, page, comparison))


def write_everything(results: Results, folder: Path, page: str = "comparison") -> Path:
    """Writes `report.html` and `results.json` into a folder, and returns the report's path.

    Args:
        results: What was measured so far.
        folder: Made if it is not there.
        page: A shipped page's name, or the path of a page file.
    """
    comparison = compare(results)
    write_results(results, folder / "results.json", comparison)
    return write_report(results, folder / "report.html", page, comparison)


def report_html(results: Results, page: str | Path = "comparison", comparison: Comparison | None = None) -> str:
    """Returns the text of the report; see `write_report`."""
    described, known = load_page(page), comparison or compare(results)
    theme = light(results)
    verdict, _, verdict_more = known.verdict.partition(". ")
    return rendered(
        "page.html.j2",
        page=described,
        name=results.study.name,
        study=results.study,
        comparison=known,
        verdict=f"{verdict}." if verdict_more else verdict,
        verdict_more=verdict_more,
        missing=missing(results),
        arms=arm_views(results, known, theme),
        numbers=numbers_view(results, known),
        sections=list(section_views(described, results, known, theme)),
        endings=endings_rows(results),
        ending_names=ENDINGS,
        lost=lost_runs(results),
        lost_more=max(0, len(lost(results)) - SHOWN_LOST),
        versions=versions(results),
        devices=sorted({run.device for run in results.runs if run.device}),
    )


def rendered(template: str, **values: object) -> str:
    """Returns the text of a page: a template with what it shows, and with what every page has.

    Args:
        template: Its file.
        values: What it shows; every free text of them is escaped.
    """
    scripts = [Markup(get_plotlyjs()), _part("page.js")]  # noqa: S704  Plotly's own text, made to stand in a page
    return _template(template).render(
        **values,
        clr_study=__version__,
        policy=content_policy(scripts),
        style=_part("page.css"),
        colours=_variables(LIGHT),
        dark_colours=_variables(DARK),
        scripts=scripts,
        settings=script_json(json.dumps({"dark": recolouring(LIGHT, DARK), "config": CONFIG})),
    )


def content_policy(scripts: Iterable[str]) -> str:
    """Returns the page's content security policy: these scripts and no others, and nothing from any address.

    Args:
        scripts: The text of each script element, exactly.

    Examples:
        >>> content_policy(["1"]).split("; ")[1]
        "script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"
    """
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("clr_study.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"kept_together": kept_together, "unbroken": unbroken}
    return environment.get_template(name)


def _plain(value: object) -> object:
    """What the template does to everything it shows: free text loses its control characters before it is escaped."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _variables(theme: Theme) -> Markup:
    names = [field.name for field in fields(Theme) if field.name not in ("name", "arms")]
    return Markup("; ").join(Markup("--{}: {}").format(name, getattr(theme, name)) for name in names)


def _part(name: str) -> Markup:
    return Markup(files("clr_study.report").joinpath("templates", name).read_text(encoding="utf-8"))  # noqa: S704
