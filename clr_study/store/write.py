"""What goes into the store. Each function is one transaction, and doing it twice is the same as doing it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.engine import Connection

from clr_study.spec import COLUMNS, OWN_METRIC, CheckpointRef, Evaluation, Outcome, PlannedRun, RangeTestResult, RunKey
from clr_study.store import tables
from clr_study.store.connect import Store
from clr_study.store.rows import (
    clean,
    insert_missing,
    insert_or_replace,
    now,
    number_or_null,
    run_column,
    run_ids,
    study_id,
    to_bytes,
    to_json,
)
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

    def work(connection: Connection) -> None:
        ids = {name: study_id(connection, name) for name in sorted({run.key.study for run in planned})}
        rows = [_planned_row(run, ids[run.key.study]) for run in planned]
        connection.execute(insert_missing(connection, runs), rows)
        hashes = run_column(connection, [run.key for run in planned], runs.c.spec_hash)
        for run in planned:
            if hashes[run.key] != run.spec.digest:
                raise ValueError(f"{run.key} was planned with another spec")

    if planned:
        write(store.engine, work)


def _planned_row(run: PlannedRun, study: int) -> dict[str, Any]:
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


def append(
    store: Store,
    batch: Sequence[tuple[RunKey, Evaluation]],
    checkpoints: Mapping[RunKey, CheckpointRef] | None = None,
) -> None:
    """Stores evaluations with the losses since the ones before, and where the runs' states are saved.

    Args:
        store: The storage.
        batch: Evaluations of runs that were planned; one that is there already stays.
        checkpoints: The runs' newest checkpoints; they replace the older ones.

    Raises:
        ValueError: A run was never planned.
    """
    saved = checkpoints or {}

    def work(connection: Connection) -> None:
        ids = run_ids(connection, [*(key for key, _ in batch), *saved])
        rows = sorted(((ids[key], seen) for key, seen in batch), key=lambda row: (row[0], row[1].update))
        if rows:
            connection.execute(
                insert_missing(connection, tables.evaluations),
                [_evaluation_row(number, seen) for number, seen in rows],
            )
            connection.execute(
                insert_missing(connection, tables.losses),
                [
                    {"run_id": number, "update": seen.update, "values": to_bytes(seen.losses, "f4")}
                    for number, seen in rows
                ],
            )
        if saved:
            connection.execute(
                insert_or_replace(connection, tables.checkpoints, ("run_id",)),
                sorted(
                    ({"run_id": ids[key], **vars(ref)} for key, ref in saved.items()), key=lambda row: row["run_id"]
                ),
            )

    if batch or saved:
        write(store.engine, work)


def _evaluation_row(number: int, seen: Evaluation) -> dict[str, Any]:
    metrics = {name: number_or_null(getattr(seen, name)) for name in (*COLUMNS, *OWN_METRIC)}
    return {"run_id": number, "update": seen.update, "epoch": seen.epoch, "seconds": seen.seconds, **metrics}


def finish(store: Store, outcomes: Sequence[Outcome], device: str, versions: Mapping[str, str]) -> None:
    """Stores how runs ended. A run that has ended keeps its first outcome.

    Args:
        store: The storage.
        outcomes: How jobs came back; those that were handed back on the way have no ending and are left out.
        device: What they ran on, in words.
        versions: The versions of what they ran on.

    Raises:
        ValueError: A run was never planned.
    """
    ended = [outcome for outcome in outcomes if outcome.ending is not None]

    def work(connection: Connection) -> None:
        ids = run_ids(connection, [outcome.key for outcome in ended])
        common = {"device": clean(device), "versions": to_json(versions), "ended": now()}
        rows = [
            {
                "number": ids[outcome.key],
                "outcome": outcome.ending,
                "updates": outcome.updates,
                "note": clean(outcome.note),
                **common,
            }
            for outcome in sorted(ended, key=lambda outcome: outcome.key)
        ]
        names = [name for name in rows[0] if name != "number"]
        statement = update(runs).where(runs.c.id == bindparam("number"), runs.c.outcome.is_(None))
        connection.execute(statement.values({name: bindparam(name) for name in names}), rows)

    if ended:
        write(store.engine, work)


def add_range_test(store: Store, study: str, result: RangeTestResult) -> None:
    """Stores a range test; it replaces the study's earlier one with the same ramp.

    Args:
        store: The storage.
        study: The study's name.
        result: The range test.

    Raises:
        StorageError: The storage holds no such study.
    """

    def work(connection: Connection) -> None:
        row = {
            "study_id": study_id(connection, study),
            "ramp": result.ramp,
            "arm": result.arm,
            "lrs": to_bytes(result.lrs, "f8"),
            "accuracies": to_bytes(result.scores, "f8"),
            "losses": to_bytes(result.losses, "f8"),
            "seeds": to_json(result.seeds),
            "bounds": to_json(result.bounds),
            "created": now(),
        }
        connection.execute(insert_or_replace(connection, tables.range_tests, ("study_id", "ramp")), [row])

    write(store.engine, work)


def set_winner(store: Store, study: str, arm: str, trial: int) -> None:
    """Stores which trial has won the search of an arm.

    Args:
        store: The storage.
        study: The study's name.
        arm: The arm's name.
        trial: The trial's number.

    Raises:
        StorageError: The storage holds no such study.
    """

    def work(connection: Connection) -> None:
        row = {"study_id": study_id(connection, study), "arm": arm, "trial": trial}
        connection.execute(insert_or_replace(connection, tables.winners, ("study_id", "arm")), [row])

    write(store.engine, work)
