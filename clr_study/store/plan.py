"""Runs that are decided on: they are in the store before they train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from clr_study.spec import PlannedRun
from clr_study.store.connect import Store
from clr_study.store.rows import insert_missing, now, run_column, study_id, to_json
from clr_study.store.tables import runs
from clr_study.store.transact import write


def plan_runs(store: Store, planned: Sequence[PlannedRun]) -> None:
    """Stores runs before they train.

    Args:
        store: The storage, which holds their study.
        planned: The runs; one that is there already stays.

    Raises:
        ValueError: A run is there with another spec.
    """
    if planned:
        write(store.engine, lambda connection: plan(connection, planned))


def plan(connection: Connection, planned: Sequence[PlannedRun]) -> None:
    """Stores runs before they train, in a transaction that is open; see `plan_runs`."""
    ids = {name: study_id(connection, name) for name in sorted({run.key.study for run in planned})}
    rows = [_row(run, ids[run.key.study]) for run in planned]
    connection.execute(insert_missing(connection, runs), rows)
    hashes = run_column(connection, [run.key for run in planned], runs.c.spec_hash)
    for run in planned:
        if hashes[run.key] != run.spec.digest:
            raise ValueError(f"{run.key} was planned with another spec")


def _row(run: PlannedRun, study: int) -> dict[str, Any]:
    return {
        "study_id": study,
        "arm": run.key.arm,
        "phase": run.key.phase,
        "trial": run.key.trial,
        "seed": run.key.seed,
        "spec": run.spec.to_json(),
        "spec_hash": run.spec.digest,
        "budget": run.spec.updates,
        "values": to_json(run.values),
        "created": now(),
    }
