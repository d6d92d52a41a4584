"""Who trained what and when: a row for each call of a worker, for the timeline of a report."""

from __future__ import annotations

import json

from sqlalchemy import select
from sqlalchemy.engine import Connection

from clr_study.spec import Stint
from clr_study.store import tables
from clr_study.store.connect import Store
from clr_study.store.rows import insert_missing, study_id, to_json
from clr_study.store.transact import write


def add_stint(store: Store, study: str, stint: Stint) -> None:
    """Stores that a worker has trained some runs; one that is there already stays.

    Args:
        store: The storage.
        study: The study's name.
        stint: Who, what and when.

    Raises:
        StorageError: The storage holds no such study.
    """

    def work(connection: Connection) -> None:
        row = {"study_id": study_id(connection, study), **vars(stint), "arms": to_json(stint.arms)}
        connection.execute(insert_missing(connection, tables.stints), [row])

    write(store.engine, work)


def stints_of(connection: Connection, number: int) -> tuple[Stint, ...]:
    """Returns the stints of a study by its id, the earliest first."""
    table = tables.stints
    query = select(table).where(table.c.study_id == number).order_by(table.c.started, table.c.worker)
    return tuple(
        Stint(row.worker, row.device, row.phase, json.loads(row.arms), row.started, row.ended)
        for row in connection.execute(query)
    )
