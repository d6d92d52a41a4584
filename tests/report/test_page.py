"""The page as text: whole, offline, inert, and there for every state of a study."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest
from made_results import edge_cases, make_results, make_study

from clr_study.report import report_html, write_report
from clr_study.report.page import content_policy

HOSTILE = "<script>alert(1)</script>\"'<img src=x onerror=alert(2)>\x1b[31m{{ 7*7 }}"


class Reader(HTMLParser):
    """Collects elements and their texts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def text(results, comparison):
    return report_html(results, comparison=comparison)


@pytest.fixture(scope="module")
def page(text):
    return Reader(text)


def test_it_is_small_and_lies_alone(results, tmp_path):
    path = write_report(results, tmp_path / "deep" / "report.html")
    assert path.stat().st_size < 6e6
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_it_names_no_address(text, page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "poster"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, value)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL).group(1)
    assert "url(" not in style
    assert "@import" not in style


def test_its_policy_lets_exactly_its_own_scripts_run(text, page):
    policy = next(meta["content"] for meta in page.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert policy == content_policy(scripts)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-eval" not in policy
    assert "connect-src" not in policy


def test_plotly_is_in_it_once_and_its_way_to_a_server_is_shut(text, page):
    assert text.count("plotly.js v") == 1
    settings = json.loads(re.search(r'id="settings">(.*?)</script>', text, re.DOTALL).group(1))
    assert settings["config"]["showSendToCloud"] is False
    assert settings["config"]["displaylogo"] is False


def test_the_verdict_comes_before_the_table_and_the_table_before_the_figures(text, comparison):
    order = [text.index(mark) for mark in ('class="verdict"', 'class="arms"', 'class="code"', "<figure")]
    assert order == sorted(order)
    said = html.unescape(re.sub(r"<[^>]*>", "", text[order[0] : order[1]])).replace("\u00a0", " ")
    assert comparison.verdict.partition(". ")[0] in said
    assert comparison.verdict.partition(". ")[2] in said


def test_every_arm_has_a_row_with_all_that_the_issue_asks(page, text):
    table = text[text.index('<table class="arms">') : text.index("</table>")]
    for column in ("arm", "n", "accuracy", "updates to target", "difference to fixed", "winning values"):
        assert f">{column}</th>" in table
    assert table.count("<tr") == 5
    assert "7 of 8" in table
    assert "8 of 8 missed" in table


def test_every_figure_has_a_heading_a_summary_a_caption_its_data_and_a_download(page):
    figures = page.of("figure")
    assert len(figures) == 10
    plots = [each for each in page.of("div") if each.get("class") == "plot"]
    downloads = [each for each in page.of("a") if each.get("class") == "download"]
    assert len(plots) == 10
    assert len(downloads) == 2 * (10 + 3)  # and the three tables of every number
    assert all(plot["role"] == "img" and len(plot["aria-label"]) > 40 for plot in plots)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {figure["aria-labelledby"] for figure in figures} <= set(ids)
    assert len({each["download"] for each in downloads}) == 26
    assert {each["download"].rpartition(".")[2] for each in downloads} == {"csv", "json"}


def test_contents_lead_to_every_section(page):
    targets = {attributes["href"][1:] for attributes in page.of("a") if attributes["href"].startswith("#")}
    headings = {attributes["id"] for attributes in page.of("h2") if "id" in attributes}
    assert targets == headings


def test_the_drawings_are_json_that_cannot_end_their_element(text):
    drawings = re.findall(r'<script type="application/json" id="[a-z0-9-]+-drawing">(.*?)</script>', text, re.DOTALL)
    assert len(drawings) == 10
    for drawing in drawings:
        assert set(json.loads(drawing)) == {"data", "layout"}
        assert "<" not in drawing


def test_an_arm_has_the_same_colour_in_the_table_and_in_every_figure(text, page):
    swatches = dict(re.findall(r'data-arm="(\w+)"[^>]*><span class="swatch" style="background: (#\w+)"', text))
    assert len(set(swatches.values())) == 4
    drawings = re.findall(r'id="[a-z0-9-]+-drawing">(.*?)</script>', text, re.DOTALL)
    lines = [
        (trace["legendgroup"], trace["line"]["color"])
        for drawing in drawings
        for trace in json.loads(drawing)["data"]
        if trace.get("legendgroup") and trace.get("mode") == "lines" and trace["line"].get("color")
    ]
    assert len(lines) > 12
    assert all(swatches[arm] == colour for arm, colour in lines)


def test_the_csv_holds_what_the_table_shows(text, page):
    final = next(each for each in page.of("a") if each.get("download") == "made-final.csv")
    kind, _, content = final["href"].partition(",")
    assert kind == "data:text/csv;charset=utf-8;base64"
    rows = base64.b64decode(content).decode().splitlines()
    assert rows[0] == "arm,seed,test_accuracy"
    assert len(rows) == 1 + 31


def test_the_record_holds_the_file_the_specs_the_versions_and_the_endings(text, results):
    plain = html.unescape(text)
    assert results.study.source in plain
    assert '"evaluate_at"' in plain
    assert "torch 2.15.0" in plain
    assert "CPU, 2 cores" in plain
    assert "the loss became inf after update 110" in plain


def test_free_text_is_inert_wherever_it_stands():
    results = make_results(make_study(question=HOSTILE), diverge=("fixed",), note=HOSTILE)
    text = report_html(results)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count("{{ 7*7 }}") > 2


def test_an_unfinished_study_says_so_on_top(results, comparison):
    text = report_html(make_results(measured=3))
    assert text.index("Not everything that was planned has been measured") < text.index('id="verdict"')
    assert "fixed: 3 of 8 measured runs have ended." in text
    assert 'class="unfinished"' not in report_html(results, comparison=comparison)


@pytest.mark.parametrize("name", edge_cases())
def test_every_state_of_a_study_gets_a_page(name):
    results = edge_cases()[name]
    text = report_html(results)
    assert "</html>" in text
    for word in (">nan<", ">None<", " nan ", "nan %"):
        assert word not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL), word


def test_a_page_that_cannot_be_written_leaves_the_old_one(results, comparison, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_report(results, path, comparison=comparison)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_search_makes_no_longer_a_page_than_a_shorter_one():
    def made(trials):
        text = report_html(make_results(make_study(trials=trials, seeds=2)), "search")
        return len(text), sum(map(len, re.findall(r'-drawing">(.*?)</script>', text, re.DOTALL))), text

    (small, few, _), (large, many, text) = made(400), made(800)
    assert large < 1.1 * small
    assert many < 1.2 * few
    assert "The first 200 of 3,200 rows; the files have the first 1,000, and `clr-study export`" in html.unescape(text)
