"""The table behind a figure: what its "data" opens, and what its CSV holds."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Cell: TypeAlias = str | float | int | None
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Args:
        columns: Their names, with the unit where there is one.
        rows: Cells; None where there is no value.

    Raises:
        ValueError: A row is not as long as the columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row must have {len(self.columns)} cells: {', '.join(self.columns)}")

    @classmethod
    def of(cls, columns: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Table:
        """Returns a table of any iterables."""
        return cls(tuple(columns), tuple(tuple(row) for row in rows))

    def to_csv(self) -> str:
        """Returns the table as CSV text; a text that a spreadsheet would take for a formula gets an apostrophe.

        Examples:
            >>> print(Table(("arm", "note"), (("fixed", "=1+1"), ("clr", -0.5))).to_csv())
            arm,note
            fixed,'=1+1
            clr,-0.5
            <BLANKLINE>
        """
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([harmless(name) for name in self.columns])
        writer.writerows([[_csv_cell(cell) for cell in row] for row in self.rows])
        return buffer.getvalue()

    def to_json(self) -> str:
        """Returns the table as JSON text: a list of objects, a line each, null where there is no value.

        Examples:
            >>> print(Table(("arm", "lr"), (("fixed", 0.5), ("clr", float("nan")))).to_json())
            [
            {"arm": "fixed", "lr": 0.5},
            {"arm": "clr", "lr": null}
            ]
            <BLANKLINE>
        """
        rows = [
            {name: None if _missing(cell) else cell for name, cell in zip(self.columns, row, strict=True)}
            for row in self.rows
        ]
        lines = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
        return f"[\n{lines}\n]\n" if rows else "[]\n"

    def shown(self, limit: int) -> list[list[str]]:
        """Returns the first rows as a page shows them: numbers to six digits, nothing for no value."""
        return [[_shown_cell(cell) for cell in row] for row in self.rows[:limit]]


def harmless(text: str) -> str:
    """Returns a text that no spreadsheet runs: an apostrophe goes before what would start a formula.

    Examples:
        >>> harmless("@SUM(A1)"), harmless("fixed")
        ("'@SUM(A1)", 'fixed')
    """
    text = plain(text)
    return f"'{text}" if text.lstrip().startswith(DANGEROUS) else text


def plain(text: str) -> str:
    r"""Returns a text without escape sequences and control characters, which a terminal would obey.

    Examples:
        >>> plain("\x1b[31mred\x1b[0m\x07\ttab\nline")
        'red tab\nline'
    """
    text = re.sub(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]", "", text)
    text = text.replace("\t", " ").replace("\r\n", "\n")
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", text)


def _missing(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, float) and not math.isfinite(cell))


def _csv_cell(cell: Cell) -> str:
    if _missing(cell):
        return ""
    return harmless(cell) if isinstance(cell, str) else repr(cell)


def _shown_cell(cell: Cell) -> str:
    if _missing(cell):
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else plain(str(cell))
