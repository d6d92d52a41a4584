"""What the paper prints, and which arms of a study are readings of it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clr_study.errors import SpecError, did_you_mean
from clr_study.shipped import shipped_folder
from clr_study.spec.make import call

ROWS_FILE = "paper-rows.toml"


@dataclass(frozen=True, kw_only=True)
class PrintedRow:
    """An accuracy that the paper prints.

    Args:
        id: Its name in study files.
        source: Where it stands: `table 1`.
        what: What was trained, in words.
        accuracy: In per cent.
    """

    id: str
    source: str
    what: str
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class PaperRow:
    """A row of `paper` in a study file: a printed row, its readings, and when it counts as reproduced.

    Args:
        row: The id of a printed row.
        arms: The arms that are readings of it: all that the paper leaves open.
        band: How many points our mean may lie off the print, fixed before the run.
    """

    row: str
    arms: tuple[str, ...]
    band: float

    def __post_init__(self) -> None:
        if not self.arms:
            raise ValueError(f"arms must name at least one arm, but row {self.row!r} has none")
        if not 0 < self.band <= 100:
            raise ValueError(f"0 < band <= 100 must hold, in points, but got band={self.band}")


@functools.cache
def printed_rows() -> Mapping[str, PrintedRow]:
    """Returns every accuracy that the paper prints, by id, in its order.

    Examples:
        >>> printed_rows()["table1-cifar10_full-decay-25k"].accuracy
        78.5
    """
    table = tomllib.loads((shipped_folder("dashboards") / ROWS_FILE).read_text(encoding="utf-8"))
    return {row["id"]: PrintedRow(**row) for row in table["rows"]}


def parse_paper(table: Any, arms: Iterable[str]) -> tuple[PaperRow, ...]:
    """Returns the rows of a study file's `paper`.

    Args:
        table: A list of tables with row, arms and band.
        arms: The names of the study's arms.

    Raises:
        SpecError: The paper prints no such row, the study has no such arm, or something else in it cannot be.

    Examples:
        >>> parse_paper([{"row": "table1-cifar10_full-decay-25", "arms": ["decay"], "band": 1.0}], ["decay"])
        Traceback (most recent call last):
        clr_study.errors.SpecError: paper[0] row: the paper prints no 'table1-cifar10_full-decay-25'; did you mean \
'table1-cifar10_full-decay-25k'?
    """
    if not isinstance(table, list) or not all(isinstance(row, Mapping) for row in table):
        raise SpecError('paper must be a list of tables, as in [{ row = "...", arms = ["..."], band = 1.0 }]')
    known = tuple(arms)
    rows: list[PaperRow] = []
    for index, part in enumerate(table):
        row: PaperRow = call(PaperRow, part, f"paper[{index}]")
        if row.row not in printed_rows():
            hint = did_you_mean(row.row, printed_rows())
            raise SpecError(f"paper[{index}] row: the paper prints no {row.row!r}; {hint}")
        for name in row.arms:
            if name not in known:
                raise SpecError(f"paper[{index}] arms: there is no arm {name!r}; {did_you_mean(name, known)}")
        if row.row in {earlier.row for earlier in rows}:
            raise SpecError(f"paper[{index}] row: {row.row!r} is named twice")
        rows.append(row)
    return tuple(rows)
