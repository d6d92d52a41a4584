"""The page over several studies: where which arm leads, how sure that is, and how often each is nearly the fastest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clr_study.analysis import Comparison, across, compare
from clr_study.analysis.words import column, listed, p_value
from clr_study.report.files import write_whole
from clr_study.report.joint import JOINT_FIGURES
from clr_study.report.page import rendered
from clr_study.report.pages import load_page
from clr_study.report.progress import missing
from clr_study.report.table import plain
from clr_study.report.theme import LIGHT, Theme
from clr_study.report.view import sections_of
from clr_study.report.words import NOTHING, time_to_target, with_interval
from clr_study.spec import Results


@dataclass(frozen=True)
class StudyView:
    """A study in the table: its cells by column, the colour of its best arm, and its own verdict."""

    name: str
    colour: str
    cells: Mapping[str, str]
    verdict: str
    limits: tuple[str, ...]


def write_studies_report(studies: Sequence[Results], path: str | Path, page: str | Path = "compare") -> Path:
    """Writes the report over several studies: one HTML file, offline, with everything that it shows inside.

    Args:
        studies: What each has measured so far; at least one, each with a name of its own.
        path: Where the file goes, whole or not at all; missing folders are made.
        page: The name of a shipped page, or the path of a page's TOML file.

    Returns:
        The path.

    Raises:
        SpecError: There is no such page, or something in it cannot be.
        UnknownKindError: The page names a figure that there is not.
    """
    return write_whole(path, studies_html(studies, page))


def studies_html(studies: Sequence[Results], page: str | Path = "compare") -> str:
    """Returns the text of the report; see `write_studies_report`."""
    described = load_page(page, JOINT_FIGURES)
    comparisons = {results.study.name: compare(results) for results in studies}
    found = across(comparisons)
    theme = LIGHT.of(found.arms)
    name = listed(list(comparisons))
    sections = sections_of(
        described, lambda figure: figure.summarise(comparisons), JOINT_FIGURES, theme, "-".join(comparisons)
    )
    verdict, _, verdict_more = found.verdict.partition(". ")
    return rendered(
        "studies.html.j2",
        page=described,
        name=name,
        verdict=f"{verdict}." if verdict_more else verdict,
        verdict_more=verdict_more,
        missing=[f"{results.study.name}: {each}" for results in studies for each in missing(results)],
        arms=[{"name": arm, "colour": theme.style(arm).colour} for arm in found.arms],
        studies=[_view(results, comparisons[results.study.name], theme) for results in studies],
        limits=found.limits,
        sections=list(sections),
    )


def _view(results: Results, comparison: Comparison, theme: Theme) -> StudyView:
    best = None if comparison.best is None else comparison.arm(comparison.best)
    family = comparison.target_to_best if comparison.by == "target" else comparison.to_best
    cells = {
        "study": plain(results.study.name),
        "question": plain(results.study.question) or NOTHING,
        "best arm": plain(best.arm) if best else NOTHING,
        "its value": f"{column(comparison.metric)} {with_interval(best.final, comparison.metric)}" if best else NOTHING,
        "its updates to target": time_to_target(best.to_target) if best else NOTHING,
        "against the others": ", ".join(f"{plain(each.reference)} {p_value(each.p_adjusted)}" for each in family)
        or NOTHING,
        "n": f"{best.final.n}" if best else "0",
    }
    colour = theme.style(best.arm).colour if best else ""
    return StudyView(results.study.name, colour, cells, comparison.verdict, comparison.limits)
