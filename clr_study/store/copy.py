"""Copies a study from one storage to another, and lets go of checkpoints that nothing is to be continued from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, delete, select
from sqlalchemy.engine import Connection, Row

from clr_study.errors import StorageError
from clr_study.spec import CheckpointRef
from clr_study.store.connect import Store
from clr_study.store.rows import study_id
from clr_study.store.tables import checkpoints, metadata, owner, runs, studies
from clr_study.store.transact import write

CHUNK = 1000  # rows at a time: a study's curves need not fit into memory
KEY = ("arm", "phase", "trial", "seed")


def copy_rows(source: Store, target: Store, study: str) -> None:
    """Copies all that is stored of a study, in one transaction: it is in the target whole or not at all.

    Args:
        source: The storage that holds the study; the caller owns the study there.
        target: The storage that is to hold it too.
        study: The study's name.

    Raises:
        StorageError: The source holds no such study, or the target one of that name.
    """

    def work(there: Connection) -> None:
        if there.execute(select(studies.c.id).where(studies.c.name == study)).scalar() is not None:
            raise StorageError(f"the storage {target.masked_url} holds a study {study!r} already; give another one")
        with source.engine.begin() as here:  # tried again with the whole, never alone
            _copy(here, there, study)

    write(target.engine, work)


def _copy(here: Connection, there: Connection, study: str) -> None:
    old = study_id(here, study)
    row = here.execute(select(studies).where(studies.c.id == old)).one()
    there.execute(studies.insert(), [_without_id(row)])
    new = study_id(there, study)
    of_study = [table for table in metadata.sorted_tables if "study_id" in table.c and table is not owner]
    for table in of_study:
        for rows in _chunks(here, table, table.c.study_id == old):
            there.execute(table.insert(), [{**_without_id(row), "study_id": new} for row in rows])
    numbers = _numbers(here, there, old, new)
    of_run = [table for table in metadata.sorted_tables if "run_id" in table.c]
    for table in of_run:
        mine = table.c.run_id.in_(select(runs.c.id).where(runs.c.study_id == old))
        for rows in _chunks(here, table, mine):
            there.execute(table.insert(), [{**row._mapping, "run_id": numbers[row.run_id]} for row in rows])


def _chunks(connection: Connection, table: Table, wanted: Any) -> Iterator[list[Row[Any]]]:
    # In the order of their keys, so that what was planned first is first in the copy too.
    query = select(table).where(wanted).order_by(*table.primary_key.columns)
    found = connection.execution_options(yield_per=CHUNK).execute(query)
    yield from (list(rows) for rows in found.partitions())


def _without_id(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "id"}


def _numbers(here: Connection, there: Connection, old: int, new: int) -> dict[int, int]:
    """The ids of the runs in the copy, by those in the original."""
    query = select(runs.c.id, *(runs.c[name] for name in KEY))
    copied = {tuple(key): number for number, *key in there.execute(query.where(runs.c.study_id == new))}
    return {number: copied[tuple(key)] for number, *key in here.execute(query.where(runs.c.study_id == old))}


def drop_checkpoints(store: Store, study: str) -> tuple[list[CheckpointRef], list[CheckpointRef]]:
    """Forgets the checkpoints of a study's runs that have ended.

    Args:
        store: The storage; the caller owns the study there.
        study: The study's name.

    Returns:
        Those that are forgotten, and those that are kept.

    Raises:
        StorageError: The storage holds no such study.
    """

    def work(connection: Connection) -> tuple[list[CheckpointRef], list[CheckpointRef]]:
        table = checkpoints
        columns = (table.c.path, table.c.lane, table.c["update"], table.c.sha256)
        query = select(runs.c.outcome, *columns).join(table).where(runs.c.study_id == study_id(connection, study))
        known = [(outcome, CheckpointRef(*ref)) for outcome, *ref in connection.execute(query)]
        ended = select(runs.c.id).where(runs.c.study_id == study_id(connection, study), runs.c.outcome.is_not(None))
        connection.execute(delete(table).where(table.c.run_id.in_(ended)))
        return [ref for outcome, ref in known if outcome], [ref for outcome, ref in known if not outcome]

    return write(store.engine, work)
