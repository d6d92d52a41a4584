"""What runs have scored on the way: all that a pruner needs to know of them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.engine import Connection

from clr_study.spec.trial import RunKey
from clr_study.store.connect import Store
from clr_study.store.rows import KEY, metric_column, parts_of, refuse_missing
from clr_study.store.tables import evaluations, runs
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
    wanted = set(keys)

    def work(connection: Connection) -> dict[RunKey, dict[int, float]]:
        column = metric_column(metric)
        # A run without evaluations is a row of its own too, which tells it from one that was never planned.
        query = select(*KEY, evaluations.c["update"], column).outerjoin_from(runs, evaluations)
        found: dict[RunKey, dict[int, float]] = {}
        for name, part in parts_of(wanted):
            for *key, update, value in connection.execute(query.where(part)):
                scores = found.setdefault(RunKey(name, *key), {})
                if value is not None:
                    scores[update] = value
        refuse_missing(connection, wanted, found)
        return found

    return read(store.engine, work)
