"""A real Chromium, and reports to open in it."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
sys.path.insert(0, str(Path(__file__).parent))

from looking import PATIENCE
from made_results import make_range_test, make_results
from playwright.sync_api import sync_playwright

from clr_study.report import write_report
from clr_study.search import Where, run_study
from clr_study.spec import parse_study

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path():
    """The browser of CLR_CHROMIUM, or one on the path; without one the tests are skipped, in CI they fail."""
    found = os.environ.get("CLR_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        why = "no Chromium found: install one (apt-get install chromium) or name it in CLR_CHROMIUM"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return found


@pytest.fixture(scope="session")
def browser():
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens a file and waits for its figures; in the end nothing may have been asked for or complained of."""
    contexts, complaints, requests = [], [], []

    def opened(path, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", **options)
        context.set_default_timeout(1000 * PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"file://{path}")
        page.locator("html[data-drawn]").wait_for(state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file://", "data:", "blob:"))] == []


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    results = make_results(
        endings={("fixed", "search", 3, 0): "pruned", ("triangular2", "search", 6, 0): "failed"},
        range_tests=(make_range_test(), make_range_test("linear", found=False)),
    )
    return write_report(results, tmp_path_factory.mktemp("report") / "report.html")


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \"quoted\" 'single' =cmd|calc ../../etc "
    "[a](javascript:alert(3))"
)
SMALLER = {
    "epochs = 30, evaluations = 30": "epochs = 10, evaluations = 10",
    "trials = 16,": "trials = 4, confirm = { trials = 1 },",
    "seeds = 8": "seeds = 4",
    "does a cyclical": f"{HOSTILE} does a cyclical".replace('"', '\\"'),
}


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """The folder in which a smaller quickstart, with a hostile question, has run to its end."""
    text = (Path(__file__).parents[2] / "studies" / "quickstart.toml").read_text()
    for old, new in SMALLER.items():
        assert old in text
        text = text.replace(old, new)
    folder = tmp_path_factory.mktemp("ran")
    where = Where(storage=f"sqlite:///{folder}/clr_study.db", out=str(folder / "out"), devices="cpu")
    run_study(parse_study(text), where)
    return folder
