"""Text that cannot drive a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    """Returns a text without control characters, whoever wrote it.

    Examples:
        >>> plain("red \\x1b[31m alert")
        'red [31m alert'
    """
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
