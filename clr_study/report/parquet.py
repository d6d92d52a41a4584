"""A table as a Parquet file, by pyarrow, which is an extra."""

from __future__ import annotations

import importlib
import io
from typing import Any

from clr_study.errors import InputError
from clr_study.report.table import Cell, Table


def to_parquet(table: Table) -> bytes:
    """Returns a table as the bytes of a Parquet file; a column with numbers and words holds words.

    Args:
        table: The table.

    Raises:
        InputError: pyarrow is not installed.
    """
    pyarrow, parquet = _package("pyarrow"), _package("pyarrow.parquet")
    columns = {
        name: pyarrow.array(_alike([row[place] for row in table.rows])) for place, name in enumerate(table.columns)
    }
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def _alike(cells: list[Cell]) -> list[Cell]:
    """Cells of one type: all as words where some are, all as floating numbers where some are."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if str in kinds and len(kinds) > 1:
        return [None if cell is None else str(cell) for cell in cells]
    return [float(cell) if isinstance(cell, int) else cell for cell in cells] if float in kinds else cells


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "pyarrow":
            raise
        raise InputError(
            "Parquet is written by pyarrow, which is not installed: pip install 'clr_study[frames]'"
        ) from None
