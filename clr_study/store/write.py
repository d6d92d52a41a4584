"""What goes into the store. Each function is one transaction, and doing it twice is the same as doing it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.engine import Connection

from clr_study.spec import COLUMNS, OWN_METRIC, CheckpointRef, Evaluation, Outcome, RangeTestResult, RunKey, Stint
from clr_study.store import tables
from clr_study.store.connect import Store
from clr_study.store.rows import (
    clean,
    insert_missing,
    insert_or_replace,
    now,
    number_or_null,
    run_ids,
    study_id,
    to_bytes,
    to_json,
)
from clr_study.store.stints import add_stints
from clr_study.store.tables import runs
from clr_study.store.transact import write


def append(
    store: Store,
    batch: Sequence[tuple[RunKey, Evaluation]],
    checkpoints: Mapping[RunKey, CheckpointRef] | None = None,
    *,
    outcomes: Sequence[Outcome] = (),
    device: str = "",
    versions: Mapping[str, str] | None = None,
    stint: Stint | None = None,
) -> None:
    """Stores what a worker has to say, in one transaction.

    Evaluations with the losses since the ones before, where the runs' states are saved, how runs ended, and how long
    it worked on them.

    Args:
        store: The storage.
        batch: Evaluations of runs that were planned; one that is there already stays.
        checkpoints: The runs' newest checkpoints; they replace the older ones.
        outcomes: As `finish` takes them, with the next two.
        device: What they ran on, in words.
        versions: The versions of what they ran on.
        stint: The time since the worker last said so.

    Raises:
        ValueError: A run was never planned.
    """
    saved = checkpoints or {}
    ended = [outcome for outcome in outcomes if outcome.ending is not None]

    def work(connection: Connection) -> None:
        ids = run_ids(connection, [*(key for key, _ in batch), *saved, *(outcome.key for outcome in outcomes)])
        rows = sorted(((ids[key], seen) for key, seen in batch), key=lambda row: (row[0], row[1].update))
        if rows:
            _add_evaluations(connection, rows)
        if saved:
            refs = [{"run_id": ids[key], **vars(ref)} for key, ref in saved.items()]
            into = insert_or_replace(connection, tables.checkpoints, ("run_id",))
            connection.execute(into, sorted(refs, key=lambda row: row["run_id"]))
        if ended:
            end(connection, ids, ended, device, versions or {})
        if stint and outcomes:
            add_stints(connection, outcomes[0].key.study, [stint])

    if batch or saved or ended or stint:
        write(store.engine, work)


def _add_evaluations(connection: Connection, rows: Sequence[tuple[int, Evaluation]]) -> None:
    looks = [_evaluation_row(number, seen) for number, seen in rows]
    steps = [{"run_id": run, "update": seen.update, "values": to_bytes(seen.losses, "f4")} for run, seen in rows]
    connection.execute(insert_missing(connection, tables.evaluations), looks)
    connection.execute(insert_missing(connection, tables.losses), steps)


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
    append(store, (), outcomes=outcomes, device=device, versions=versions)


def end(
    connection: Connection,
    ids: Mapping[RunKey, int],
    ended: Sequence[Outcome],
    device: str,
    versions: Mapping[str, str],
) -> None:
    """Stores how runs ended, in a transaction that is open; see `finish`."""
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
