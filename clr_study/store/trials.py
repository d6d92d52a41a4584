"""Optuna's trials, written many in one transaction: its own storage takes several transactions for each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, Enum, Float, Integer, MetaData, String, Table, Text, bindparam, select, update
from sqlalchemy.engine import Connection

from clr_study.store.connect import Store
from clr_study.store.rows import insert_missing
from clr_study.store.transact import write

# As Optuna 5 makes them (optuna/storages/_rdb/models.py); what is written here is read back through Optuna in tests.
_OPTUNA = MetaData()
_STUDIES = Table("studies", _OPTUNA, Column("study_id", Integer, primary_key=True), Column("study_name", String(512)))
_TRIALS = Table(
    "trials",
    _OPTUNA,
    Column("trial_id", Integer, primary_key=True),
    Column("number", Integer),
    Column("study_id", Integer),
    Column("state", Enum("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING", name="trialstate", create_type=False)),
    Column("datetime_start", DateTime),
    Column("datetime_complete", DateTime),
)
_PARAMS = Table(
    "trial_params",
    _OPTUNA,
    Column("param_id", Integer, primary_key=True),
    Column("trial_id", Integer),
    Column("param_name", String(512)),
    Column("param_value", Float(53)),
    Column("distribution_json", Text),
)
_VALUES = Table(
    "trial_values",
    _OPTUNA,
    Column("trial_value_id", Integer, primary_key=True),
    Column("trial_id", Integer),
    Column("objective", Integer),
    Column("value", Float(53)),
    Column("value_type", Enum("FINITE", "INF_POS", "INF_NEG", name="trialvaluetype", create_type=False)),
)
_REPORTS = Table(
    "trial_intermediate_values",
    _OPTUNA,
    Column("trial_intermediate_value_id", Integer, primary_key=True),
    Column("trial_id", Integer),
    Column("step", Integer),
    Column("intermediate_value", Float(53)),
    Column(
        "intermediate_value_type",
        Enum("FINITE", "INF_POS", "INF_NEG", "NAN", name="trialintermediatevaluetype", create_type=False),
    ),
)


def _attributes(kind: str) -> Table:
    return Table(
        f"trial_{kind}_attributes",
        _OPTUNA,
        Column(f"trial_{kind}_attribute_id", Integer, primary_key=True),
        Column("trial_id", Integer),
        Column("key", String(512)),
        Column("value_json", Text),
    )


_USER, _SYSTEM = _attributes("user"), _attributes("system")


@dataclass(frozen=True)
class TunedTrial:
    """A trial as Optuna's tables hold it.

    Args:
        number: Its number within its Optuna study.
        state: `RUNNING`, `COMPLETE`, `PRUNED` or `FAIL`.
        started: When it was asked for, in UTC without a zone.
        ended: When it was told; None while it runs.
        params: By name, Optuna's internal number for the value, and its distribution as Optuna's JSON.
        value: Its score; None without one.
        reports: Scores by step.
        user: User attributes, as JSON by name.
        system: System attributes, as JSON by name.
    """

    number: int
    state: str
    started: datetime
    ended: datetime | None
    params: Mapping[str, tuple[float, str]]
    value: float | None = None
    reports: Mapping[int, float] = field(default_factory=dict)
    user: Mapping[str, str] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)


def write_trials(store: Store, studies: Mapping[str, Sequence[TunedTrial]]) -> None:
    """Writes trials into Optuna's tables, new ones and those that have changed, in one transaction.

    What belongs to a trial is only added to: Optuna changes no value that it has once written either.

    Args:
        store: The storage, with Optuna's tables in it.
        studies: Trials by the name of their Optuna study, which is there already.
    """
    changed = {name: {trial.number: trial for trial in trials} for name, trials in studies.items() if trials}

    def work(connection: Connection) -> None:
        query = select(_STUDIES.c.study_name, _STUDIES.c.study_id).where(_STUDIES.c.study_name.in_(changed))
        trials = {
            (study, number): trial
            for name, study in sorted(map(tuple, connection.execute(query)))
            for number, trial in sorted(changed[name].items())
        }
        ids = _ids(connection, list(trials))
        new = [_trial_row(study, trials[study, number]) for study, number in trials if (study, number) not in ids]
        if new:
            connection.execute(_TRIALS.insert(), new)
            ids = _ids(connection, list(trials))
        ended = [
            {"number_of": ids[key], "state": trial.state, "datetime_complete": trial.ended}
            for key, trial in trials.items()
            if trial.ended is not None
        ]
        if ended:
            connection.execute(update(_TRIALS).where(_TRIALS.c.trial_id == bindparam("number_of")), ended)
        for table in (_PARAMS, _VALUES, _REPORTS, _USER, _SYSTEM):
            rows = [row for key, trial in trials.items() for row in _parts(table, ids[key], trial)]
            if rows:
                connection.execute(insert_missing(connection, table), rows)

    if changed:
        write(store.engine, work)


def _ids(connection: Connection, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    numbers = [number for _, number in keys]
    query = select(_TRIALS.c.study_id, _TRIALS.c.number, _TRIALS.c.trial_id).where(
        _TRIALS.c.study_id.in_({study for study, _ in keys}), _TRIALS.c.number.between(min(numbers), max(numbers))
    )
    return {(study, number): trial for study, number, trial in connection.execute(query)}


def _trial_row(study: int, trial: TunedTrial) -> dict[str, Any]:
    return {"study_id": study, "number": trial.number, "state": "RUNNING", "datetime_start": trial.started}


def _parts(table: Table, number: int, trial: TunedTrial) -> list[dict[str, Any]]:
    own = {"trial_id": number}
    if table is _PARAMS:
        return [
            {**own, "param_name": name, "param_value": value, "distribution_json": distribution}
            for name, (value, distribution) in trial.params.items()
        ]
    if table is _VALUES:
        scores = {} if trial.value is None else {0: trial.value}
        return [{**own, "objective": at, "value": v, "value_type": "FINITE"} for at, v in scores.items()]
    if table is _REPORTS:
        return [
            {**own, "step": step, "intermediate_value": _finite(v), "intermediate_value_type": _kind(v)}
            for step, v in trial.reports.items()
        ]
    attributes = trial.user if table is _USER else trial.system
    return [{**own, "key": key, "value_json": value} for key, value in attributes.items()]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _kind(value: float) -> str:
    if math.isnan(value):
        return "NAN"
    return "FINITE" if math.isfinite(value) else ("INF_POS" if value > 0 else "INF_NEG")
