"""Where a line of the page may not break."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

LONGEST_KEPT = 40


def kept_together(cell: str) -> Markup:
    """Returns a cell in which an interval, a p and a setting do not break over two lines.

    Examples:
        >>> str(kept_together("97.2 % [96.9, 97.5], p = 0.02"))
        '<span class="keep">97.2 %</span> <span class="keep">[96.9, 97.5],</span> <span class="keep">p = 0.02</span>'
    """
    parts = re.split(r"(?<=[;,:]) (?![^\[]*\])| (?=\[)", cell)
    shown = [
        Markup('<span class="keep">{}</span>').format(part) if len(part) <= LONGEST_KEPT else escape(part)
        for part in parts
    ]
    return Markup(" ").join(shown)


def unbroken(text: str) -> str:
    """Returns a sentence in which a number stays with its unit, and p and n with theirs.

    Examples:
        >>> unbroken("by 0.5 points [0.1, 0.9], p = 0.02, n = 8").split(" ")
        ['by', '0.5\\xa0points', '[0.1,\\xa00.9],', 'p\\xa0=\\xa00.02,', 'n\\xa0=\\xa08']
    """
    text = re.sub(r"\b([pn]) ([=<]) (?=\d)", "\\1\u00a0\\2\u00a0", text)
    text = re.sub(r"(?<=\d) (?=(?:%|points|updates|epochs|seconds|s)\b|%)", "\u00a0", text)
    return re.sub(r"\[[^\]]{1,30}\]", lambda found: found[0].replace(" ", "\u00a0"), text)
