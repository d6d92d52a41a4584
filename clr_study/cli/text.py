"""Text that cannot drive a terminal, and numbers in words."""

from __future__ import annotations


def plain(text: str) -> str:
    """Returns a text without control characters, whoever wrote it.

    Examples:
        >>> plain("red \\x1b[31m alert")
        'red [31m alert'
    """
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def in_bytes(size: int) -> str:
    """Returns a number of bytes as people read it.

    Examples:
        >>> in_bytes(800), in_bytes(250_000), in_bytes(3 * 2**20), in_bytes(3 * 2**29)
        ('0.8 KiB', '244 KiB', '3.0 MiB', '1.5 GiB')
    """
    number, unit = size / 2**10, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if number < 1000:
            break
        number, unit = number / 2**10, larger
    return f"{number:.1f} {unit}" if number < 100 else f"{number:.0f} {unit}"
