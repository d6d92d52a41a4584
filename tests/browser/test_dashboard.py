"""optuna-dashboard on the storage of a study that has really run: our command, and theirs."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from looking import PATIENCE, wait_until
from playwright.sync_api import expect

pytest.importorskip("optuna_dashboard")
pytestmark = pytest.mark.browser

ARMS = ("constant", "linear", "triangular", "triangular2")
CONFIGURATION = Path(__file__).parents[2] / "dashboards" / "optuna-dashboard.toml"
DRAWN = "[...document.querySelectorAll('[id^=\"user-defined-plot:\"]')].map(plot => [plot.id.split(':')[1], "
DRAWN += "plot.querySelector('.gtitle')?.textContent, plot.querySelectorAll('.trace path, .point').length])"


@pytest.fixture(scope="module")
def server(ran):
    """The addresses that `clr-study dashboard` says, by name."""
    words = ["-c", "from clr_study.cli import main; main()", "dashboard", "quickstart", "--port", "0"]
    environment = {key: value for key, value in os.environ.items() if key != "CLR_STORAGE"}
    served = subprocess.Popen([sys.executable, *words], cwd=ran, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        said = [served.stdout.readline() for _ in range(len(ARMS) + 1)]
        yield dict(line.strip().split(": ") for line in said)
    finally:
        served.terminate()
        served.stdout.close()
        served.wait()


@pytest.fixture
def opened(browser, server):
    """Opens an address of the server; nothing may be asked for elsewhere, and nothing may go wrong."""
    place = server["report"].partition("/report/")[0]
    context, complaints, elsewhere = browser.new_context(viewport={"width": 1280, "height": 900}), [], []
    context.set_default_timeout(1000 * PATIENCE)

    def open_page(address):
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: elsewhere.append(request.url))
        page.goto(address)
        return page

    yield open_page
    context.close()
    assert complaints == []
    assert [url for url in elsewhere if not url.startswith((place, "data:", "blob:"))] == []


def test_it_lists_the_arms_with_their_direction(opened, server):
    page = opened(server["quickstart/triangular"].partition("/studies/")[0])
    for arm in ARMS:
        page.get_by_text(f"quickstart/{arm}", exact=False).first.wait_for()
    expect(page.get_by_text("Direction: MAXIMIZE")).to_have_count(len(ARMS), timeout=1000 * PATIENCE)


def test_an_arm_shows_its_trials_and_the_pushed_figures_drawn(opened, server):
    page = opened(server["quickstart/triangular"])
    page.locator('[id^="user-defined-plot:"] .main-svg').first.wait_for()
    wait_until(page, DRAWN, lambda plots: sum(shapes > 0 for *_, shapes in plots) >= 4)
    assert {name: title for name, title, _ in page.evaluate(DRAWN)} == {
        "final": "Where every run ended",
        "learning": "Learning curves: test accuracy",
        "effort": "How many trials it takes",
        "step-size-map": "Step size and bound ratio",
    }
    page.get_by_text("validation accuracy").first.wait_for()


def test_the_note_says_the_verdict_and_leads_to_the_report(opened, server):
    page = opened(f"{server['quickstart/linear']}/note")
    page.get_by_role("heading", name="quickstart: the search of linear").wait_for()
    quoted = page.locator("blockquote").text_content()
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in quoted
    assert "[a](javascript:alert(3))" in quoted
    assert page.locator("[onerror], a[href^=javascript]").count() == 0
    expect(page.locator("table tbody tr")).to_have_count(len(ARMS), timeout=1000 * PATIENCE)
    page.get_by_text("4 fresh seeds of each winner", exact=False).wait_for()
    page.get_by_role("link", name="The report").click()
    page.locator("html[data-drawn]").wait_for(state="attached")
    assert page.url == server["report"]


def test_optuna_dashboard_itself_serves_the_same_with_our_configuration(ran):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["-m", "optuna_dashboard._cli", "--from-config", str(CONFIGURATION), "--port", str(port)]
    served = subprocess.Popen([sys.executable, *words], cwd=ran, stderr=subprocess.PIPE, text=True)
    try:
        assert served.stderr.readline() == f"Listening on http://127.0.0.1:{port}/\n"
        studies = ask(f"http://127.0.0.1:{port}/api/studies")["study_summaries"]
        assert [study["study_name"] for study in studies] == [f"quickstart/{arm}" for arm in ARMS]
        detail = ask(f"http://127.0.0.1:{port}/api/studies/{studies[0]['study_id']}?after=0")
        assert detail["directions"] == ["maximize"]
        assert detail["objective_names"] == ["validation accuracy"]
        assert detail["note"]["body"].startswith("## quickstart: the search of constant")
        assert len(detail["plotly_graph_objects"]) == 4
    finally:
        served.kill()
        served.stderr.close()
        served.wait()


def ask(address):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.URLError:  # it speaks before it listens
            assert time.monotonic() < deadline
            time.sleep(0.1)
