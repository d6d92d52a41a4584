"""What the browser tests look at on the report's page."""

import time

SHAPES = "document.querySelectorAll('.plot .trace path').length"
HIDDEN = (
    "[...document.querySelectorAll('.plot')]"
    ".flatMap(plot => plot.data.filter(trace => trace.legendgroup === 'fixed').map(trace => trace.visible))"
)
TICK = "getComputedStyle(document.querySelector('.xtick text')).fill"


def wait_until(page, script, holds):
    """Waits for a value; Playwright's own way needs eval, which the page's policy forbids."""
    deadline = time.monotonic() + 10
    while not holds(page.evaluate(script)):
        assert time.monotonic() < deadline, page.evaluate(script)
        page.wait_for_timeout(30)


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


def colours(page):
    style = "getComputedStyle"
    return page.evaluate(
        f"[{style}(document.body).backgroundColor, {style}(document.querySelector('.xtick text')).fill, "
        f"{style}(document.querySelector('.legendtext')).fill]"
    )
