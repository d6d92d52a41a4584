"""The report in a real browser."""

import json
import re
from dataclasses import replace

import pytest
from looking import HIDDEN, SHAPES, TICK, colours, download, rgb, wait_until
from made_results import edge_cases, make_range_test, make_results, make_study

from clr_study.report import DARK, JOINT_FIGURES, LIGHT, write_report, write_studies_report

pytestmark = pytest.mark.browser

FIGURES = 10


def test_every_figure_draws_from_a_file_without_a_request_or_a_complaint(visit, report):
    page = visit(report)
    for plot in page.locator(".plot").all():
        box = plot.locator(".main-svg").first.bounding_box()
        assert box["width"] > 500
        assert box["height"] > 250
        assert plot.locator(".trace path, .point path").count() > 0
    assert page.locator(".plot").count() == FIGURES


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_the_search_draws_its_own(visit, tmp_path, scheme):
    results = make_results(range_tests=(make_range_test(),))
    page = visit(write_report(results, tmp_path / "search.html", "search"), color_scheme=scheme)
    for name in ("effort", "sensitivity", "divergence", "learning-over-lr"):
        plot = page.locator(f'.plot[data-figure="{name}-drawing"]')
        assert plot.locator(".trace path, .point path").count() > 0, name
    through = page.locator('.plot[data-figure="learning-over-lr-drawing"] .subplot')
    assert through.count() == 4  # each panel, and the lines through it where a cycle ends
    before = page.evaluate(SHAPES)
    page.get_by_role("button", name="triangular", exact=True).click()
    wait_until(page, SHAPES, lambda count: count < before)


def test_the_policy_is_in_force(visit, report, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"file://{report}")
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    page.evaluate("fetch('https://example.org/').catch(() => {})")
    assert page.evaluate("window.ran") is None
    wait_until(page, "0", lambda _: sum("Content Security Policy" in text for text in refused) >= 2)
    context.close()


def test_a_switch_takes_its_arm_out_of_every_figure_and_brings_it_back(visit, report):
    page = visit(report)
    before = page.evaluate(SHAPES)
    switch = page.get_by_role("button", name="fixed", exact=True)
    assert switch.get_attribute("aria-pressed") == "true"
    switch.click()
    wait_until(page, SHAPES, lambda count: count < before)
    assert switch.get_attribute("aria-pressed") == "false"
    assert set(page.evaluate(HIDDEN)) == {"legendonly"}
    switch.focus()
    page.keyboard.press("Space")
    wait_until(page, SHAPES, lambda count: count == before)
    assert "legendonly" not in page.evaluate(HIDDEN)


def test_a_click_on_a_legend_does_the_same(visit, report):
    page = visit(report)
    before = page.evaluate(SHAPES)
    page.locator(".plot .legendtoggle").first.click()
    wait_until(page, SHAPES, lambda count: count < before)
    assert set(page.evaluate(HIDDEN)) == {"legendonly"}
    assert page.get_by_role("button", name="fixed", exact=True).get_attribute("aria-pressed") == "false"


def test_hover_says_the_numbers(visit, report):
    page = visit(report)
    plot = page.locator('.plot[data-figure="final-drawing"]')
    plot.scroll_into_view_if_needed()
    plot.locator(".points path").nth(3).hover(force=True)
    text = page.locator(".hoverlayer .hovertext").first.text_content()
    assert re.search(r"fixed, seed \d.*\d\d\.\d\d%", text)


def test_data_opens_and_its_download_has_the_right_bytes(visit, report, tmp_path):
    page = visit(report, accept_downloads=True)
    figure = page.locator("figure", has=page.locator("#final"))
    table = figure.get_by_role("table")
    assert not table.is_visible()
    figure.get_by_text("data", exact=True).click()
    assert table.is_visible()
    link, as_json = figure.locator(".download").all()
    found = download(page, link, tmp_path)
    assert found.name == "made-final.csv"
    rows = found.read_text().splitlines()
    assert rows[0] == "arm,seed,test_accuracy"
    shown = table.locator("tbody tr").first.locator("td").all_text_contents()
    assert rows[1].split(",")[:2] == shown[:2]
    assert float(rows[1].split(",")[2]) == pytest.approx(float(shown[2]), rel=1e-5)
    found = download(page, as_json, tmp_path)
    assert found.name == "made-final.json"
    records = json.loads(found.read_text())
    assert [",".join(map(str, record.values())) for record in records] == rows[1:]


def test_it_is_dark_in_the_dark_and_follows_when_that_changes(visit, report):
    page = visit(report, color_scheme="dark")
    assert colours(page) == [rgb(DARK.paper), rgb(DARK.soft), rgb(DARK.ink)]
    page.emulate_media(color_scheme="light")
    wait_until(page, TICK, lambda fill: fill == rgb(LIGHT.soft))
    assert colours(page) == [rgb(LIGHT.paper), rgb(LIGHT.soft), rgb(LIGHT.ink)]


def test_it_prints_light_whole_and_without_the_contents(visit, report):
    page = visit(report, color_scheme="dark")
    page.emulate_media(media="print")
    wait_until(page, TICK, lambda fill: fill == rgb(LIGHT.soft))
    assert colours(page)[0] == rgb(LIGHT.paper)
    assert not page.locator("nav").is_visible()
    assert page.evaluate("Math.max(...[...document.querySelectorAll('.main-svg')].map(s => s.clientWidth))") <= 660
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_phone_needs_no_sideways_scrolling_and_stacks_the_panels(visit, report):
    page = visit(report, width=375)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    for box in [plot.bounding_box() for plot in page.locator(".plot .main-svg").all()]:
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 375
    panels = "[...document.querySelectorAll('[data-figure=search-drawing] .subplot')]"
    assert len(set(page.evaluate(f"{panels}.map(panel => panel.getBoundingClientRect().top)"))) == 3
    assert all(row.is_visible() for row in page.locator(".arms tbody tr").all())


def test_hostile_words_do_nothing(visit, tmp_path):
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m=cmd|calc"
    results = make_results(
        make_study(question=hostile), diverge=("fixed",), note="=cmd|' /C calc'!A0\x1b[2J<svg onload=alert(3)>"
    )
    page = visit(write_report(results, tmp_path / "report.html"))
    assert page.locator("h1").text_content() == "<script>alert(1)</script><img src=x onerror=alert(2)>=cmd|calc"
    assert page.locator("img, svg[onload], [onerror]").count() == 0
    page.get_by_text("Runs that diverged or failed").click()
    assert page.locator("td.free").first.text_content() == "=cmd|' /C calc'!A0<svg onload=alert(3)>"


@pytest.mark.parametrize(
    "name", ["nothing has run", "every search diverged", "words are drawn", "loss decides", "one seed"]
)
def test_states_at_the_edge_draw_without_a_complaint(visit, tmp_path, name):
    page = visit(write_report(edge_cases()[name], tmp_path / "report.html"))
    assert page.locator("h1").is_visible()
    for plot in page.locator(".plot").all():
        assert plot.locator(".main-svg").count() > 0


@pytest.mark.parametrize("width", [390, 700, 1000, 1280])
def test_several_studies_with_long_names_stand_side_by_side_without_scrolling(visit, tmp_path, width):
    made = [make_results(make_study(seeds=seeds)) for seeds in (6, 5, 4)]
    names = [f"claims-label-noise-{share}" for share in (0, 20, 40)]
    studies = [replace(each, study=replace(each.study, name=name)) for each, name in zip(made, names, strict=True)]
    page = visit(write_studies_report(studies, tmp_path / "studies.html"), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator(".plot .main-svg").count() >= len(JOINT_FIGURES)
