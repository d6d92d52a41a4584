"""Forgets what a run has measured, for one that has to begin again."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.engine import Connection

from clr_study.spec import RunKey
from clr_study.store.connect import Store
from clr_study.store.rows import run_ids
from clr_study.store.tables import evaluations, losses
from clr_study.store.transact import write


def forget(store: Store, key: RunKey) -> None:
    """Removes the evaluations of a run, which has not ended.

    Args:
        store: The storage.
        key: Which run.

    Raises:
        ValueError: It was never planned.
    """

    def work(connection: Connection) -> None:
        number = run_ids(connection, [key])[key]
        for table in (losses, evaluations):
            connection.execute(delete(table).where(table.c.run_id == number))

    write(store.engine, work)
