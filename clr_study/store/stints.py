"""Who trained what and when: a row for each call of a worker, for the timeline of a report."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.engine import Connection

from clr_study.spec import Stint
from clr_study.store import tables
from clr_study.store.rows import insert_missing, study_id, to_json


def add_stints(connection: Connection, study: str, stints: Sequence[Stint]) -> None:
    """Stores when workers have trained some runs of a study, in a transaction that is open; what is there stays.

    Raises:
        StorageError: The storage holds no such study.
    """
    number = study_id(connection, study)
    rows = [{"study_id": number, **vars(stint), "arms": to_json(stint.arms)} for stint in stints]
    connection.execute(insert_missing(connection, tables.stints), rows)


def stints_of(connection: Connection, number: int) -> tuple[Stint, ...]:
    """Returns the stints of a study by its id, the earliest first."""
    table = tables.stints
    query = select(table).where(table.c.study_id == number).order_by(table.c.started, table.c.worker)
    return tuple(
        Stint(row.worker, row.device, row.phase, json.loads(row.arms), row.started, row.ended)
        for row in connection.execute(query)
    )
