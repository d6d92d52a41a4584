"""What runs have scored on the way: all that a pruner needs to know of them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.engine import Connection

from clr_study.spec.trial import RunKey
from clr_study.store.connect import Store
from clr_study.store.rows import FEW, metric_column, run_ids
from clr_study.store.tables import evaluations
from clr_study.store.transact import read


def scores_at(store: Store, keys: Iterable[RunKey], metric: str) -> dict[RunKey, dict[int, float]]:
    """Returns a metric of some runs by the number of updates done; values that are missing are left out.

    Args:
        store: The storage.
        keys: Runs that were planned.
        metric: A column: `validation_accuracy`.

    Raises:
        ValueError: A run was never planned.
    """
    wanted = list(keys)

    def work(connection: Connection) -> dict[RunKey, dict[int, float]]:
        ids = run_ids(connection, wanted)
        column = metric_column(metric)
        query = select(evaluations.c.run_id, evaluations.c["update"], column).where(column.is_not(None))
        if len(ids) <= FEW:
            query = query.where(evaluations.c.run_id.in_(ids.values()))
        found: dict[int, dict[int, float]] = {}
        for number, update, value in connection.execute(query):
            found.setdefault(number, {})[update] = value
        return {key: found.get(number, {}) for key, number in ids.items()}

    return read(store.engine, work)
