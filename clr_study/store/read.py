"""What comes out of the store: a bounded number of statements for any number of runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from clr_study.curves import Array
from clr_study.metrics import ALWAYS
from clr_study.spec import (
    COLUMNS,
    OWN_METRIC,
    RangeTestResult,
    Results,
    RunKey,
    RunResult,
    Stint,
    Study,
    TrialSpec,
    parse_study,
)
from clr_study.spec.trial import Ending
from clr_study.store import tables
from clr_study.store.connect import Store
from clr_study.store.rows import run_ids, study_id
from clr_study.store.stints import stints_of
from clr_study.store.tables import evaluations, losses, runs, studies
from clr_study.store.transact import read


def study_names(store: Store) -> tuple[str, ...]:
    """Returns the names of the studies that a storage holds, sorted."""

    def work(connection: Connection) -> tuple[str, ...]:
        return tuple(sorted(connection.execute(select(studies.c.name)).scalars()))

    return read(store.engine, work)


def stored_study(store: Store, name: str) -> Study:
    """Returns a study as it was stored.

    Args:
        store: The storage.
        name: The study's name.

    Raises:
        StorageError: The storage holds none of that name.
    """

    def work(connection: Connection) -> str:
        query = select(studies.c.source).where(studies.c.id == study_id(connection, name))
        return connection.execute(query).scalar_one()

    return parse_study(read(store.engine, work), f"study {name!r} in {store.masked_url}")


def read_results(store: Store, study: str) -> Results:
    """Returns all that a study has measured so far, its runs sorted by key.

    Args:
        store: The storage.
        study: The study's name.

    Raises:
        StorageError: The storage holds none of that name.
    """

    def work(
        connection: Connection,
    ) -> tuple[list[Row[Any]], npt.NDArray[np.float64], list[Row[Any]], dict[str, int], tuple[Stint, ...]]:
        number = study_id(connection, study)
        # The outcomes first: a run that has ended by now has all its evaluations in what is read after.
        planned = connection.execute(select(runs).where(runs.c.study_id == number)).all()
        columns = [evaluations.c[name] for name in ("run_id", "update", "seconds", "epoch", *COLUMNS, *OWN_METRIC)]
        query = select(*columns).join(runs).where(runs.c.study_id == number)
        query = query.order_by(evaluations.c.run_id, evaluations.c["update"])
        seen = np.array([tuple(row) for row in connection.execute(query)], dtype=np.float64)
        tests = select(tables.range_tests).where(tables.range_tests.c.study_id == number)
        best = select(tables.winners.c.arm, tables.winners.c.trial).where(tables.winners.c.study_id == number)
        won = {row.arm: row.trial for row in connection.execute(best)}
        return (
            list(planned),
            seen.reshape(-1, len(columns)),
            list(connection.execute(tests)),
            won,
            stints_of(connection, number),
        )

    planned, seen, tests, won, stints = read(store.engine, work)
    numbers = np.array([row.id for row in planned], dtype=np.float64)
    starts = np.searchsorted(seen[:, 0], numbers, side="left")
    stops = np.searchsorted(seen[:, 0], numbers, side="right")
    stored = stored_study(store, study)
    own = () if stored.metric in ALWAYS else (f"validation_{stored.metric}", f"test_{stored.metric}")
    names = (*COLUMNS, *own)
    found = [_run(study, row, seen[a:b, 1:], names) for row, a, b in zip(planned, starts, stops, strict=True)]
    return Results(
        study=stored,
        runs=tuple(sorted(found, key=lambda run: run.key)),
        range_tests=tuple(_range_test(row, stored.metric) for row in sorted(tests, key=lambda row: row.ramp)),
        winners=won,
        stints=stints,
    )


def _run(study: str, row: Row[Any], seen: npt.NDArray[np.float64], names: tuple[str, ...]) -> RunResult:
    fields = row._mapping
    return RunResult(
        key=RunKey(study, fields["arm"], fields["phase"], fields["trial"], fields["seed"]),
        spec=TrialSpec.from_json(fields["spec"]),
        values=json.loads(fields["values"]),
        ending=fields["outcome"],
        updates=seen[:, 0].astype(np.int64),
        seconds=seen[:, 1],
        epochs=seen[:, 2],
        metrics={name: seen[:, 3 + place] for place, name in enumerate(names)},
        device=fields["device"] or "",
        versions=_versions(fields["versions"] or "{}"),
        note=fields["note"] or "",
    )


@lru_cache(maxsize=16)  # nearly all runs of a study have the same
def _versions(text: str) -> Mapping[str, str]:
    found: dict[str, str] = json.loads(text)
    return found


def _range_test(row: Row[Any], score: str) -> RangeTestResult:
    seeds = tuple(json.loads(row.seeds))

    def table(blob: bytes) -> Array:
        return np.frombuffer(blob, dtype="<f8").astype(np.float64).reshape(len(seeds), -1)

    return RangeTestResult(
        ramp=row.ramp,
        lrs=np.frombuffer(row.lrs, dtype="<f8").astype(np.float64),
        scores=table(row.accuracies),
        losses=table(row.losses),
        seeds=seeds,
        bounds=json.loads(row.bounds),
        arm=row.arm,
        score=score,
    )


def read_losses(store: Store, key: RunKey) -> npt.NDArray[np.float32]:
    """Returns the training loss of every update of a run so far.

    Args:
        store: The storage.
        key: Which run.

    Raises:
        StorageError: The storage does not hold its study.
        ValueError: It was never planned.
    """

    def work(connection: Connection) -> list[bytes]:
        number = run_ids(connection, [key])[key]
        query = select(losses.c["values"]).where(losses.c.run_id == number).order_by(losses.c["update"])
        return list(connection.execute(query).scalars())

    return np.frombuffer(b"".join(read(store.engine, work)), dtype="<f4").astype(np.float32)


def run_endings(store: Store, study: str) -> dict[RunKey, Ending | None]:
    """Returns the runs of a study and how each ended; None for one that has not.

    Args:
        store: The storage.
        study: The study's name.

    Raises:
        StorageError: The storage holds none of that name.
    """

    def work(connection: Connection) -> dict[RunKey, Ending | None]:
        query = select(runs.c.arm, runs.c.phase, runs.c.trial, runs.c.seed, runs.c.outcome)
        rows = connection.execute(query.where(runs.c.study_id == study_id(connection, study)))
        return {RunKey(study, *key): outcome for *key, outcome in rows}

    return read(store.engine, work)
