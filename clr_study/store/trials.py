"""Optuna's trials, written many in one transaction: its own storage takes several transactions for each of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, Enum, Float, Integer, MetaData, String, Table, Text, bindparam, select, update
from sqlalchemy.engine import Connection

from clr_study.spec import Outcome, PlannedRun
from clr_study.store.connect import Store
from clr_study.store.plan import plan
from clr_study.store.rows import insert_missing, run_ids
from clr_study.store.transact import write
from clr_study.store.write import end

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


class TrialWriter:
    """Writes trials into Optuna's tables, with the runs that are to train them, many in one transaction.

    It is the only one that writes those trials, so what it has written it need not ask for again.

    Args:
        store: The storage, with Optuna's tables in it.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._studies: dict[str, int] = {}
        self._ids: dict[tuple[str, int], int] = {}
        self._newest = -1  # the highest id so far: a trial that is not known has a higher one, or none
        self._drawn: set[tuple[str, int]] = set()  # their parameters are written, and will not change

    def write(
        self,
        studies: Mapping[str, Sequence[TunedTrial]],
        planned: Sequence[PlannedRun] = (),
        pruned: Sequence[Outcome] = (),
        device: str = "",
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """Writes trials that are new or have changed, plans runs and ends some, in one transaction.

        What belongs to a trial is only added to: Optuna changes no value that it has once written either.

        Args:
            studies: Trials by the name of their Optuna study, which is there already.
            planned: As `plan_runs` takes them.
            pruned: As `finish` takes them, with the next two.
            device: What they ran on, in words.
            versions: The versions of what they ran on.
        """
        trials = {(name, trial.number): trial for name, these in sorted(studies.items()) for trial in these}

        def work(connection: Connection) -> tuple[dict[str, int], dict[tuple[str, int], int]]:
            known, found = self._studies_of(connection, studies), {}
            if trials:
                found = self._write(connection, trials, known)
            if planned:
                plan(connection, planned)
            if pruned:
                end(connection, run_ids(connection, [one.key for one in pruned]), pruned, device, versions or {})
            return known, found

        if trials or planned or pruned:
            # Kept only now that it is committed: a try that was cut off left nothing.
            self._studies, found = write(self.store.engine, work)
            self._newest = max([self._newest, *found.values()])
            over = {key for key, trial in trials.items() if trial.ended is not None}
            self._ids = {key: number for key, number in {**self._ids, **found}.items() if key not in over}
            self._drawn = (self._drawn | set(trials)) - over

    def _studies_of(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        if set(names) <= set(self._studies):
            return self._studies
        query = select(_STUDIES.c.study_name, _STUDIES.c.study_id).where(_STUDIES.c.study_name.in_(names))
        return {row.study_name: row.study_id for row in connection.execute(query)}

    def _write(
        self, connection: Connection, trials: Mapping[tuple[str, int], TunedTrial], studies: Mapping[str, int]
    ) -> dict[tuple[str, int], int]:
        ids = {key: self._ids[key] for key in trials if key in self._ids}
        if len(ids) < len(trials):
            ids |= self._stored(connection, studies)
            new = [
                _trial_row(studies[name], trials[name, number]) for name, number in trials if (name, number) not in ids
            ]
            if new:
                connection.execute(_TRIALS.insert(), new)
                ids |= self._stored(connection, studies)
        ended = [
            {"number_of": ids[key], "state": trial.state, "datetime_complete": trial.ended}
            for key, trial in trials.items()
            if trial.ended is not None
        ]
        if ended:
            connection.execute(update(_TRIALS).where(_TRIALS.c.trial_id == bindparam("number_of")), ended)
        for table in (_PARAMS, _VALUES, _REPORTS, _USER, _SYSTEM):
            done = self._drawn if table is _PARAMS else ()
            rows = [row for key, trial in trials.items() if key not in done for row in _parts(table, ids[key], trial)]
            if rows:
                connection.execute(insert_missing(connection, table), rows)
        return ids

    def _stored(self, connection: Connection, studies: Mapping[str, int]) -> dict[tuple[str, int], int]:
        """The trials of which this writer does not know: at first all, then those of a try that was cut off."""
        names = {number: name for name, number in studies.items()}
        query = select(_TRIALS.c.study_id, _TRIALS.c.number, _TRIALS.c.trial_id).where(
            _TRIALS.c.trial_id > self._newest, _TRIALS.c.study_id.in_(names)
        )
        return {(names[study], number): trial for study, number, trial in connection.execute(query)}


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
