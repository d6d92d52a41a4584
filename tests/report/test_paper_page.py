"""The paper page: every printed row with a verdict, nothing filled in, and previews that never count."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from made_results import make_results

from clr_study.analysis import compare
from clr_study.analysis.evidence import Evidence, evidence_of
from clr_study.errors import InputError
from clr_study.report import LIGHT, load_paper_page, paper_html, read_evidence, write_evidence
from clr_study.report import evidence as files
from clr_study.report.figures.printed import Printed, PrintedInfo
from clr_study.report.paper import judged_rows, only_arms, shipped_readings
from clr_study.shipped import shipped_folder
from clr_study.spec import parse_study, printed_rows, scaled
from clr_study.spec.make import make


def windows(prefix="", seeds=10):
    text = (shipped_folder("studies") / "paper-sigmoid-bn.toml").read_text()
    return parse_study(prefix + text.replace("seeds = 10", f"seeds = {seeds}"))


@pytest.fixture(scope="module")
def measured():
    """Every arm of a shipped study with made curves, all of its seeds."""
    return make_results(windows(), phases=("measure",))


def test_without_any_run_every_row_is_not_run():
    rows = judged_rows({})
    assert [row.row.id for row in rows] == list(printed_rows())
    assert {row.verdict for row in rows} == {"not run"}
    page = paper_html([])
    assert "Of 56 printed accuracies 0 are reproduced, 0 are not, and 56 have not been run." in page
    assert page.count("not run</li>") >= 56
    assert "Not run: nothing is measured of paper-table1." in page


def test_full_runs_are_judged_and_previews_of_the_same_numbers_are_not(measured):
    found = evidence_of(measured)
    verdicts = {row.row.id: row for row in judged_rows({"paper-sigmoid-bn": found})}
    assert verdicts["text-sigmoid_bn-fixed"].verdict == "not reproduced"  # the made curves end far above the print
    exact = {**found.arms, "fixed": replace(found.arms["fixed"], finals=dict.fromkeys(range(10), 0.608))}
    rows = {row.row.id: row for row in judged_rows({"paper-sigmoid-bn": replace(found, arms=exact)})}
    assert rows["text-sigmoid_bn-fixed"].verdict == "reproduced"
    preview = replace(found, arms=exact, source=scaled(windows(), 0.5).source)
    rows = {row.row.id: row for row in judged_rows({"paper-sigmoid-bn": preview})}
    assert rows["text-sigmoid_bn-fixed"].verdict == "not run"
    assert "a preview at 0.5" in rows["text-sigmoid_bn-fixed"].note


def test_a_preview_is_drawn_and_said_to_be_one():
    preview = make_results(scaled(windows(seeds=2), 0.01), phases=("measure",))
    page = paper_html([preview]).replace("\u00a0", " ")
    assert "These runs are a preview at 0.01 of its length." in page
    assert "n = 2; does not count</li>" in page
    assert "Beside 2 of them stands something that does not count" in page
    assert 'id="drawing-5-printed-drawing"' in page
    assert "0 are reproduced, 0 are not" in page


def test_a_figure_that_has_nothing_to_draw_yet_keeps_its_place():
    begun = make_results(parse_study((shipped_folder("studies") / "paper-range-test.toml").read_text()), phases=())
    page = paper_html([begun])
    assert "Figure 3: the range test</h2>" in page
    assert "Not run: paper-range-test has no such curve yet." in page


def test_the_report_of_a_preview_says_first_that_it_is_one(measured):
    limits = compare(make_results(scaled(windows(seeds=2), 0.01), phases=("measure",)), resamples=50).limits
    assert limits[0].startswith("This is not paper-sigmoid-bn as it stands but a preview at 0.01 of its length:")
    assert not [sentence for sentence in compare(measured, resamples=50).limits if "preview" in sentence]


def test_the_stronger_evidence_wins(measured):
    full = evidence_of(measured)
    preview = evidence_of(make_results(scaled(windows(), 0.01), phases=("measure",)))
    for order in ([full, preview], [preview, full]):
        assert files.strongest(order) == {"paper-sigmoid-bn": full}


def test_a_result_file_comes_back_and_damaged_ones_are_named(measured, tmp_path, monkeypatch):
    path = write_evidence(measured, tmp_path / "results")
    assert path.name == "paper-sigmoid-bn.json"
    table = json.loads(path.read_text())
    assert table["arms"]["fixed"]["n"] == 10
    assert table["arms"]["fixed"]["low"] < table["arms"]["fixed"]["mean"] < table["arms"]["fixed"]["high"]
    assert table["versions"]["torch"] == ["2.15.0"]
    assert table["reservation"] == ""
    assert Evidence.from_dict(table).arms == evidence_of(measured).arms
    (tmp_path / "paper-sigmoid-bn.toml").write_text("")
    monkeypatch.setattr(files, "shipped_folder", lambda _: tmp_path)
    assert [one.study for one in read_evidence()] == ["paper-sigmoid-bn"]
    path.write_text("{}")
    with pytest.raises(InputError, match="is no result file"):
        read_evidence()


def test_nothing_is_written_of_a_study_without_runs(tmp_path):
    with pytest.raises(InputError, match="no measured run has ended"):
        write_evidence(make_results(windows(), phases=()), tmp_path)


def test_the_printed_accuracies_are_stars_where_the_runs_end(measured):
    some = only_arms(measured, ["fixed", "triangular"])
    figure = make({"printed": Printed}, {"kind": "printed"}, "[figure]")
    info = figure.summarise(some, compare(some, resamples=200))
    assert isinstance(info, PrintedInfo)
    last = int(measured.of("fixed", "measure")[0].updates[-1])
    assert info.marks == (("fixed", last, 0.608), ("triangular", last, 0.722))
    assert info.view[0] <= 0.608
    stars = [
        trace for trace in figure.draw(info, LIGHT.of(["fixed", "triangular"])).data if trace.marker.symbol == "star"
    ]
    assert [float(np.array(trace.y)[0]) for trace in stars] == [0.608, 0.722]
    assert LIGHT.ink not in {trace.marker.color for trace in stars}


def test_the_star_of_several_readings_has_the_colour_of_none(measured):
    arms = ["fixed", "triangular", "exp_range"]
    some, figure = only_arms(measured, arms), Printed()
    theme = LIGHT.of(arms)
    drawn = figure.draw(figure.summarise(some, compare(some, resamples=200)), theme)
    colours = {trace.name: trace.marker.color for trace in drawn.data if trace.marker.symbol == "star"}
    assert "one in no arm's colour" in figure.caption(figure.summarise(some, compare(some, resamples=200)))
    assert colours == {"fixed": theme.style("fixed").colour, "triangular": theme.ink, "exp_range": theme.ink}


def test_stars_that_nearly_share_a_place_look_out_from_under_one_another():
    """Figure 5: the paper prints 82.1 and 81.4 after 70,000 updates, 81.3 and 79.8 after 25,000."""
    table3 = parse_study((shipped_folder("studies") / "paper-table3.toml").read_text())
    arms = ["nesterov_fixed", "nesterov_triangular", "adam_fixed", "adam_triangular"]
    some = only_arms(make_results(table3, measured=1), arms)
    info = Printed().summarise(some, compare(some, resamples=200))
    sizes = replace(info, view=(0.1, 0.85)).sizes
    marks = {round(value, 3): size for (_, _, value), size in zip(info.marks, sizes, strict=True)}
    assert marks[0.821] > marks[0.814]
    assert marks[0.813] > marks[0.798]
    assert set(replace(info, view=(0.78, 0.83)).sizes) == {15}, "far enough apart"


def test_the_record_names_only_what_the_page_shows():
    study = parse_study((shipped_folder("studies") / "claims-bad-start.toml").read_text())
    html = paper_html([make_results(study, measured=1)])
    assert "No study of the paper has been run yet" in html
    assert "claims-bad-start" not in html


def test_the_page_asks_what_shipped_studies_can_answer():
    page = load_paper_page()
    studies = {path.stem: parse_study(path.read_text()) for path in shipped_folder("studies").glob("*.toml")}
    asked = {question.study for question in page.questions}
    assert asked == {name for name in studies if name.startswith("paper-")}, "each study of the paper decides something"
    for part in (*page.questions, *page.drawings):
        arms = {arm.name for arm in studies[part.study].arms}
        named = part.arms if hasattr(part, "arms") else (*part.spread, *(name for pair in part.pairs for name in pair))
        assert set(named) <= arms, part.title
    assert set(shipped_readings()) == set(printed_rows())
