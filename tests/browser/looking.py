"""What the browser tests look at on the report's page, and how they take its downloads."""

import base64
import time

SHAPES = "document.querySelectorAll('.plot .trace path').length"
HIDDEN = (
    "[...document.querySelectorAll('.plot')]"
    ".flatMap(plot => plot.data.filter(trace => trace.legendgroup === 'fixed').map(trace => trace.visible))"
)
TICK = "getComputedStyle(document.querySelector('.xtick text')).fill"
PATIENCE = 60  # seconds, for a machine with other work; reached only by what never comes
PACE = 110  # milliseconds; Chromium drops, without a word, a page's eleventh download within one second


def wait_until(page, script, holds):
    """Waits for a value; Playwright's own way needs eval, which the page's policy forbids."""
    deadline = time.monotonic() + PATIENCE
    while not holds(page.evaluate(script)):
        assert time.monotonic() < deadline, page.evaluate(script)
        page.wait_for_timeout(30)


def download(page, link, folder):
    """The file that a click on the link brings, which is whole: the very bytes that the link carries."""
    page.wait_for_timeout(PACE)
    with page.expect_download() as caught:
        link.click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    assert path.read_bytes() == base64.b64decode(link.get_attribute("href").partition(",")[2])
    return path


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


def colours(page):
    style = "getComputedStyle"
    return page.evaluate(
        f"[{style}(document.body).backgroundColor, {style}(document.querySelector('.xtick text')).fill, "
        f"{style}(document.querySelector('.legendtext')).fill]"
    )
