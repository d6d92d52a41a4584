"""Which run of each arm is ahead, with its curve: what a person watches while a study runs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, and_, func, select
from sqlalchemy.engine import Connection

from clr_study.metrics import higher_is_better
from clr_study.spec.trial import Phase, TrialSpec
from clr_study.store.connect import Store
from clr_study.store.rows import metric_column, study_id
from clr_study.store.tables import evaluations, runs, studies
from clr_study.store.transact import read


@dataclass(frozen=True)
class Leader:
    """The run that is ahead of its arm in a phase.

    Args:
        spec: Its setting.
        ended: Whether it has completed; only while no run has, the best of those in training is shown instead.
        updates: At which it was evaluated [T].
        scores: The study's metric on the validation split, there [T].
    """

    spec: TrialSpec
    ended: bool
    updates: tuple[int, ...]
    scores: tuple[float, ...]


def leaders(store: Store, study: str) -> dict[tuple[str, Phase], Leader]:
    """Returns the leading run by arm and phase: the best of those that completed, else of those in training.

    Args:
        store: The storage.
        study: The study's name.

    Raises:
        StorageError: The storage holds none of that name.
    """

    def work(connection: Connection) -> dict[tuple[str, Phase], Leader]:
        number = study_id(connection, study)
        metric = connection.execute(select(studies.c.metric).where(studies.c.id == number)).scalar_one()
        found: dict[tuple[str, Phase], tuple[int, bool]] = {}
        for query, ended in ((_in_training(number, metric), False), (_completed(number, metric), True)):
            found |= {(row.arm, row.phase): (row.id, ended) for row in connection.execute(query)}
        curves = _curves(connection, [run for run, _ in found.values()], metric)
        return {key: Leader(curves[run][0], ended, *curves[run][1:]) for key, (run, ended) in found.items()}

    return read(store.engine, work)


def _completed(study: int, metric: str) -> Select[tuple[int, str, str]]:
    last = and_(evaluations.c.run_id == runs.c.id, evaluations.c["update"] == runs.c.budget)
    scored = _ranked(metric).join(evaluations, last).where(runs.c.study_id == study, runs.c.outcome == "completed")
    return _first(scored, metric)


def _in_training(study: int, metric: str) -> Select[tuple[int, str, str]]:
    newest = (
        select(evaluations.c.run_id, func.max(evaluations.c["update"]).label("at"))
        .join(runs)
        .where(runs.c.study_id == study, runs.c.outcome.is_(None))
        .group_by(evaluations.c.run_id)
        .subquery()
    )
    last = and_(evaluations.c.run_id == newest.c.run_id, evaluations.c["update"] == newest.c.at)
    scored = _ranked(metric).join(newest, newest.c.run_id == runs.c.id).join(evaluations, last)
    return _first(scored, metric)


def _ranked(metric: str) -> Select[tuple[int, str, str, int]]:
    score = metric_column(f"validation_{metric}")
    order = score.desc() if higher_is_better(metric) else score.asc()
    place = func.row_number().over(partition_by=(runs.c.arm, runs.c.phase), order_by=(order, runs.c.trial, runs.c.seed))
    return select(runs.c.id, runs.c.arm, runs.c.phase, place.label("place"))


def _first(ranked: Select[tuple[int, str, str, int]], metric: str) -> Select[tuple[int, str, str]]:
    known = ranked.where(metric_column(f"validation_{metric}").is_not(None)).subquery()
    return select(known.c.id, known.c.arm, known.c.phase).where(known.c.place == 1)


def _curves(
    connection: Connection, wanted: list[int], metric: str
) -> dict[int, tuple[TrialSpec, tuple[int, ...], tuple[float, ...]]]:
    specs = select(runs.c.id, runs.c.spec).where(runs.c.id.in_(wanted))
    score = metric_column(f"validation_{metric}")
    looks = (
        select(evaluations.c.run_id, evaluations.c["update"], score)
        .where(evaluations.c.run_id.in_(wanted))
        .order_by(evaluations.c.run_id, evaluations.c["update"])
    )
    curves: dict[int, tuple[list[int], list[float]]] = {run: ([], []) for run in wanted}
    for run, update, value in connection.execute(looks):
        curves[run][0].append(update)
        curves[run][1].append(float("nan") if value is None else value)
    return {
        run: (TrialSpec.from_json(text), tuple(curves[run][0]), tuple(curves[run][1]))
        for run, text in connection.execute(specs)
    }
