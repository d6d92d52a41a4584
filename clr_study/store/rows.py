"""Between values and rows: keys and ids, numbers and NULL, arrays and bytes; and inserts that all databases know."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Column, ColumnElement, Table, and_, select, tuple_
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Executable

from clr_study.errors import StorageError, did_you_mean
from clr_study.spec import COLUMNS, RunKey
from clr_study.store.tables import evaluations, runs, studies
from clr_study.store.urls import masked

MANY = 500  # keys in one statement
KEY = (runs.c.arm, runs.c.phase, runs.c.trial, runs.c.seed)

T = TypeVar("T")


def study_id(connection: Connection, name: str) -> int:
    """Returns the id of a study.

    Raises:
        StorageError: There is none of that name.
    """
    found = connection.execute(select(studies.c.id).where(studies.c.name == name)).scalar()
    if found is None:
        where = masked(connection.engine.url)
        known = connection.execute(select(studies.c.name)).scalars().all()
        hint = did_you_mean(name, known) if known else "it holds none yet"
        raise StorageError(f"the storage {where} holds no study {name!r}; {hint}")
    return int(found)


def run_ids(connection: Connection, keys: Iterable[RunKey]) -> dict[RunKey, int]:
    """Returns the ids of runs that were planned; see `run_column`."""
    return run_column(connection, keys, runs.c.id)


def run_column(connection: Connection, keys: Iterable[RunKey], column: Column[T]) -> dict[RunKey, T]:
    """Returns a column of the runs' table by key; one statement for some hundred keys of a study.

    Raises:
        StorageError: A study is not in the storage.
        ValueError: A run was never planned.
    """
    wanted = sorted(set(keys))
    found: dict[RunKey, T] = {}
    for name, part in parts_of(wanted):
        rows = connection.execute(select(column, *KEY).where(part))
        found.update({RunKey(name, *key): value for value, *key in rows})
    refuse_missing(connection, wanted, found)
    return {key: found[key] for key in wanted}


def refuse_missing(connection: Connection, wanted: Iterable[RunKey], found: Container[RunKey]) -> None:
    """Refuses runs that were not found.

    Raises:
        StorageError: Their study is not in the storage.
        ValueError: One was never planned.
    """
    for key in wanted:
        if key not in found:
            study_id(connection, key.study)
            raise ValueError(f"{key} was never planned")


def parts_of(keys: Iterable[RunKey]) -> Iterator[tuple[str, ColumnElement[bool]]]:
    """Yields conditions that pick some runs out of the runs' table, each with the study that it is for."""
    ordered = sorted(keys)
    for name in sorted({key.study for key in ordered}):
        own = [(key.arm, key.phase, key.trial, key.seed) for key in ordered if key.study == name]
        of_study = runs.c.study_id == select(studies.c.id).where(studies.c.name == name).scalar_subquery()
        for first in range(0, len(own), MANY):
            yield name, and_(of_study, tuple_(*KEY).in_(own[first : first + MANY]))


def metric_column(name: str) -> Column[float | None]:
    """Returns where a metric of a split is kept: `validation_accuracy` alone, `test_rmse` in the one for others."""
    if name in COLUMNS:
        return evaluations.c[name]
    return evaluations.c[f"{name.partition('_')[0]}_metric"]


def insert_missing(connection: Connection, table: Table) -> Executable:
    """Returns an INSERT that keeps a row which is there already."""
    if connection.dialect.name == "mysql":
        first = table.primary_key.columns[0]
        return mysql.insert(table).on_duplicate_key_update({first.name: first})
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()


def insert_or_replace(connection: Connection, table: Table, key: tuple[str, ...]) -> Executable:
    """Returns an INSERT that gives a row which is there already the new values.

    Args:
        connection: Whose dialect is spoken.
        table: The table.
        key: The columns that tell its rows apart; the others are replaced.
    """
    rest = [column.name for column in table.columns if column.name not in (*key, "id")]
    if connection.dialect.name == "mysql":
        ours = mysql.insert(table)
        return ours.on_duplicate_key_update({name: ours.inserted[name] for name in rest})
    # Both speak the same words, and SQLAlchemy has two classes for them.
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = insert(table)
    return row.on_conflict_do_update(index_elements=key, set_={name: row.excluded[name] for name in rest})


def number_or_null(value: float) -> float | None:
    """Returns a number as it is kept: None if it is not finite."""
    value = float(value)
    return value if math.isfinite(value) else None


def to_bytes(array: npt.ArrayLike, kind: str) -> bytes:
    """Returns an array's numbers as little-endian bytes of a numpy kind, as `f4`."""
    return np.ascontiguousarray(array, dtype=f"<{kind}").tobytes()


def to_json(value: Any) -> str:
    """Returns a value as JSON text; numpy's numbers and arrays become plain ones.

    Examples:
        >>> to_json({"lr": np.float64(0.1), "seeds": (1, 2), "spread": np.array([0.5])})
        '{"lr":0.1,"seeds":[1,2],"spread":[0.5]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is no JSON value")


def clean(note: str) -> str:
    """Returns a text that every database takes: no lone surrogates and no zero characters.

    Examples:
        >>> clean("a" + chr(0) + "b" + chr(0xDC80))
        'a\\\\x00b\\\\udc80'
    """
    return note.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def now() -> datetime:
    """Returns the time in UTC, to the second and without a zone."""
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None)
