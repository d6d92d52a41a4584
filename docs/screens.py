"""Takes the screenshots of this folder again, `make pictures`: the quickstart's report and its optuna-dashboard."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
WORK = HERE.parent / "build" / "pictures"
CLR_STUDY = str(Path(sys.executable).with_name("clr-study"))
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LARGEST = 300_000  # bytes: they are part of every clone


def main() -> None:
    """Runs the quickstart where it has not run yet, and takes all pictures."""
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run([CLR_STUDY, "run", "quickstart", "--devices", "cpu", "--quiet"], cwd=WORK, check=True)
    chromium = os.environ.get("CLR_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        report = f"file://{WORK}/results/quickstart/report.html"
        for name, width, height, scheme in (
            ("report", 1280, 2300, "light"),
            ("report-dark", 1280, 2300, "dark"),
            ("report-phone", 390, 1500, "light"),
        ):
            page = opened(browser, report, width, height, scheme)
            page.locator("html[data-drawn]").wait_for(state="attached")
            page.wait_for_timeout(500)
            keep(name, page)
        dashboard(browser)
        browser.close()


def dashboard(browser: Browser) -> None:
    """Takes the picture of an arm in optuna-dashboard."""
    words = [CLR_STUDY, "dashboard", "quickstart", "--port", "0"]
    with subprocess.Popen(words, cwd=WORK, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        try:
            addresses = dict(served.stdout.readline().strip().split(": ") for _ in range(4))
            page = opened(browser, addresses["quickstart/triangular"], 1280, 2200, "light")
            page.locator('[id^="user-defined-plot:"] .main-svg').nth(3).wait_for()
            page.wait_for_timeout(2000)  # its own figures come one by one, and none of them says that it was the last
            keep("optuna-dashboard", page)
        finally:
            served.terminate()


def opened(browser: Browser, address: str, width: int, height: int, scheme: str) -> Page:
    """Opens a page in a window of its own."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(address)
    return page


def keep(name: str, page: Page) -> None:
    """Writes what the window shows."""
    path = HERE / f"{name}.png"
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # The method that keeps rare colours: those of the arms.
    image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < LARGEST, f"{path} has {path.stat().st_size} bytes"


if __name__ == "__main__":
    main()
