"""How many runs share a step, where that was timed: kept with the study, since another timing might say otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.engine import Connection

from clr_study.store import tables
from clr_study.store.connect import Store
from clr_study.store.rows import insert_missing, now, study_id, to_json
from clr_study.store.transact import read, write


def keep_lanes(store: Store, study: str, step: str, lanes: int, rates: Mapping[int, float]) -> None:
    """Stores how many runs share a step; what is there already stays.

    Args:
        store: The storage.
        study: The study's name.
        step: What tells the step, the device and the versions, in at most 64 characters.
        lanes: How many.
        rates: Updates a second of all lanes together, by the numbers of lanes that were timed.

    Raises:
        StorageError: The storage holds no such study.
    """

    def work(connection: Connection) -> None:
        row = {"study_id": study_id(connection, study), "step": step, "lanes": lanes, "rates": to_json(rates)}
        connection.execute(insert_missing(connection, tables.lanes), [{**row, "created": now()}])

    write(store.engine, work)


def kept_lanes(store: Store, study: str, step: str) -> tuple[int, dict[int, float]] | None:
    """Returns how many runs of a study share a step, and the rates that said so; None if that is not known yet.

    Args:
        store: The storage.
        study: The study's name.
        step: As it was kept.

    Raises:
        StorageError: The storage holds no such study.
    """

    def work(connection: Connection) -> tuple[int, dict[int, float]] | None:
        table = tables.lanes
        own = table.c.study_id == study_id(connection, study)
        row = connection.execute(select(table.c.lanes, table.c.rates).where(own, table.c.step == step)).one_or_none()
        return (row.lanes, {int(one): rate for one, rate in json.loads(row.rates).items()}) if row else None

    return read(store.engine, work)
