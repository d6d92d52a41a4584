"""The report of a study that has really run, as a reader opens it: from a file."""

import csv
import io
import json

import pytest
from looking import HIDDEN, SHAPES, colours, download, rgb, wait_until

from clr_study.report import DARK, LIGHT

pytestmark = pytest.mark.browser


def test_every_figure_of_a_real_study_draws_and_its_arms_can_be_switched(visit, ran):
    page = visit(ran / "out" / "report.html")
    plots = page.locator(".plot").all()
    assert len(plots) >= 8
    for plot in plots:
        assert plot.locator(".trace path, .point path, .points path").count() > 0, plot.get_attribute("data-figure")
    before = page.evaluate(SHAPES)
    for arm in ("constant", "linear", "triangular", "triangular2"):
        switch = page.get_by_role("button", name=arm, exact=True)
        switch.click()
        assert switch.get_attribute("aria-pressed") == "false"
    wait_until(page, SHAPES, lambda count: count < before)
    page.get_by_role("button", name="constant", exact=True).click()
    assert page.evaluate(HIDDEN.replace("fixed", "constant")) != []
    assert "legendonly" not in page.evaluate(HIDDEN.replace("fixed", "constant"))


def test_every_download_is_a_table_with_the_rows_that_are_shown(visit, ran, tmp_path):
    page = visit(ran / "out" / "report.html", accept_downloads=True)
    figures = page.locator("figure").all()
    assert len(figures) >= 8
    for figure in figures:
        figure.get_by_text("data", exact=True).click()
        head = [cell.strip() for cell in figure.locator("th").all_text_contents()]
        as_csv, as_json = (download(page, link, tmp_path) for link in figure.locator(".download").all())
        rows = list(csv.DictReader(io.StringIO(as_csv.read_text())))
        assert list(rows[0]) == head[: len(rows[0])]
        assert len(rows) >= figure.locator("tbody tr").count() > 0
        assert [list(row) for row in json.loads(as_json.read_text())] == [list(row) for row in rows]


def test_a_hostile_question_is_text_and_nothing_else(visit, ran):
    page = visit(ran / "out" / "report.html")
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in page.locator("h1").text_content()
    assert page.locator("img, [onerror], a[href^=javascript]").count() == 0


def test_it_is_dark_prints_light_and_fits_a_phone(visit, ran):
    page = visit(ran / "out" / "report.html", width=375, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert colours(page)[0] == rgb(DARK.paper)
    page.emulate_media(media="print")
    wait_until(page, "getComputedStyle(document.body).backgroundColor", lambda colour: colour == rgb(LIGHT.paper))
    assert page.pdf(format="A4").startswith(b"%PDF")
