"""Columns that know their unit and their meaning, from which an exported table and its dictionary are made."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from clr_study.report.document import plain_json
from clr_study.report.table import Cell, Table

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column: its name, its unit, what it means, and how a row's cell is found."""

    name: str
    unit: str
    meaning: str
    cell: Callable[[Row], Any]


def tabled(columns: Iterable[Column[Row]], rows: Iterable[Row]) -> Table:
    """Returns the table of some rows."""
    columns = tuple(columns)
    return Table.of(
        (column.name for column in columns), ((_cell(column.cell(row)) for column in columns) for row in rows)
    )


def _cell(value: Any) -> Cell:
    """A value as a cell: numpy's numbers as Python's, lists and tables as JSON, nothing for NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(plain_json(value), ensure_ascii=False)
    return None if isinstance(value, float) and math.isnan(value) else value
