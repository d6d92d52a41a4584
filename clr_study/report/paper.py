"""The paper page: each printed row with ours and a verdict, each open question with its numbers, figures redrawn."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clr_study.analysis import compare
from clr_study.analysis.evidence import Evidence, evidence_of
from clr_study.analysis.paper import Judged, Question, Reading, answer, judge
from clr_study.report.evidence import read_evidence, strongest
from clr_study.report.figure import Figure
from clr_study.report.figures import FIGURES
from clr_study.report.files import write_whole
from clr_study.report.page import rendered
from clr_study.report.pages import Page, Section
from clr_study.report.view import SectionView, light, section_views
from clr_study.shipped import shipped_folder
from clr_study.spec import PaperRow, Results, Study, call, load_study, make, printed_rows


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure of the paper, redrawn.

    Args:
        title: Which.
        study: Whose runs it is drawn from.
        arms: Which of its arms.
        text: What the paper prints.
        figures: What is drawn.
    """

    title: str
    study: str
    arms: tuple[str, ...]
    text: str
    figures: tuple[Figure[Any], ...]


@dataclass(frozen=True, kw_only=True)
class PaperPage:
    """The page as `dashboards/paper.toml` describes it.

    Args:
        title: Its heading.
        intro: What a verdict means.
        questions: What the paper leaves open.
        drawings: Its figures.
    """

    title: str
    intro: str
    questions: tuple[Question, ...]
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True)
class Answered:
    """A question with its sentences."""

    title: str
    study: str
    sentences: tuple[str, ...]


def load_paper_page() -> PaperPage:
    """Returns the page that `dashboards/paper.toml` describes.

    Examples:
        >>> load_paper_page().drawings[0].study
        'paper-table1'
    """
    table = tomllib.loads((shipped_folder("dashboards") / "paper.toml").read_text(encoding="utf-8"))
    drawings = []
    for index, part in enumerate(table["drawings"]):
        where = f"[[drawings]] {index + 1}"
        figures = tuple(make(FIGURES, figure, f"{where} figures") for figure in part["figures"])
        drawings.append(
            call(Drawing, {k: v for k, v in part.items() if k != "figures"}, where, given={"figures": figures})
        )
    questions = tuple(
        call(Question, part, f"[[questions]] {index + 1}") for index, part in enumerate(table["questions"])
    )
    return PaperPage(title=table["title"], intro=table["intro"], questions=questions, drawings=tuple(drawings))


def shipped_readings() -> dict[str, tuple[Study, PaperRow]]:
    """Returns the shipped study and its row for every printed row that has one, by the row's id."""
    studies = [load_study(path) for path in sorted(shipped_folder("studies").glob("*.toml"))]
    return {row.row: (study, row) for study in studies for row in study.paper}


def judged_rows(evidence: Mapping[str, Evidence]) -> list[Judged]:
    """Returns the verdict on every printed row, in the paper's order.

    Args:
        evidence: By study.
    """
    readings = shipped_readings()
    judged = []
    for name, row in printed_rows().items():
        if name in readings:
            study, paper = readings[name]
            judged.append(judge(row, study.name, paper, study.measure.seeds, evidence.get(study.name)))
        else:
            judged.append(judge(row, "", None, 0, None))
    return judged


def write_paper(stored: Sequence[Results], path: str | Path) -> Path:
    """Writes the paper page: one HTML file that needs nothing but itself.

    Args:
        stored: Studies, or previews of them, as they are stored; beside them the result files of the repository count.
        path: Where to.

    Returns:
        The path.
    """
    return write_whole(path, paper_html(stored))


def paper_html(stored: Sequence[Results]) -> str:
    """Returns the text of the paper page; see `write_paper`."""
    page = load_paper_page()
    here = [evidence_of(results) for results in stored]
    evidence = strongest([*here, *read_evidence()])
    drawn = {one.study: results for one, results in zip(here, stored, strict=True) if evidence[one.study] is one}
    rows = judged_rows(evidence)
    return rendered(
        "paper.html.j2",
        page=page,
        rows=rows,
        ours={judged.row.id: [_words(reading) for reading in judged.readings] for judged in rows},
        counts={verdict: sum(one.verdict == verdict for one in rows) for verdict in ("reproduced", "not reproduced")},
        shown=sum(any(reading.reservation and reading.ended for reading in one.readings) for one in rows),
        answers=[Answered(one.title, one.study, answer(one, evidence.get(one.study))) for one in page.questions],
        drawings=list(_drawings(page.drawings, drawn, evidence)),
        evidence=[evidence[name] for name in sorted(evidence.keys() & _asked(page, rows))],
    )


def _asked(page: PaperPage, rows: Iterable[Judged]) -> set[str]:
    """The studies of which the page shows something; others that are stored beside them are no part of its record."""
    named = {question.study for question in page.questions} | {drawing.study for drawing in page.drawings}
    return named | {row.study for row in rows}


def _words(reading: Reading) -> str:
    mean = reading.mean
    if not reading.ended:
        return f"{reading.arm}: not run"
    if not mean.n:
        return f"{reading.arm}: all {reading.ended} runs were lost"
    interval = f" [{mean.low:.1f}, {mean.high:.1f}]" if mean.low == mean.low else ", no interval"
    lost = f", {reading.lost} lost" if reading.lost else ""
    counts = "; does not count" if reading.reservation else ""
    return f"{reading.arm}: {mean.value:.1f} %{interval}, n = {mean.n}{lost}{counts}"


def _drawings(
    drawings: Iterable[Drawing], stored: Mapping[str, Results], evidence: Mapping[str, Evidence]
) -> Iterator[SectionView]:
    """The redrawn figures, each a section; what has no curves here says so."""
    for index, drawing in enumerate(drawings):
        results = stored.get(drawing.study)
        name = f"drawing-{index + 1}"
        if results is None:
            yield SectionView(name, drawing.title, drawing.text, (), (_undrawn(drawing, evidence),))
            continue
        some = only_arms(results, drawing.arms)
        section = Section(title=drawing.title, text=drawing.text, figures=drawing.figures)
        views = list(section_views(Page(title="", sections=(section,)), some, compare(some), light(some)))
        reservation = evidence[drawing.study].reservation
        said = (f"These runs are {reservation}.",) if reservation else ()
        if not views:  # what it would draw has not come yet, as a range test that is still running
            yield SectionView(
                name, drawing.title, drawing.text, (), (*said, f"Not run: {drawing.study} has no such curve yet.")
            )
        for view in views:
            figures = tuple(replace(figure, id=f"{name}-{figure.id}") for figure in view.figures)
            yield replace(view, id=name, figures=figures, absent=(*said, *view.absent))


def _undrawn(drawing: Drawing, evidence: Mapping[str, Evidence]) -> str:
    if drawing.study in evidence:
        return f"The result file of {drawing.study} has no curves; run the study to draw it."
    return f"Not run: nothing is measured of {drawing.study}."


def only_arms(results: Results, arms: Sequence[str]) -> Results:
    """Returns the results of some arms alone; range tests stay.

    Args:
        results: All of a study.
        arms: The names, in the order in which they are shown.
    """
    study = replace(results.study, arms=tuple(results.study.arm(name) for name in arms))
    runs = tuple(run for run in results.runs if run.key.arm in arms or run.key.phase == "range_test")
    return replace(results, study=study, runs=runs)
