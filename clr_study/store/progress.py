"""How far a study is, cheap enough to be asked for every second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import and_, func, select
from sqlalchemy.engine import Connection

from clr_study.metrics import higher_is_better
from clr_study.spec.trial import Ending, Phase
from clr_study.store.connect import Store
from clr_study.store.rows import metric_column, study_id
from clr_study.store.tables import evaluations, runs, studies
from clr_study.store.transact import read


@dataclass(frozen=True)
class ArmProgress:
    """How far an arm is in a phase.

    Args:
        planned: Runs that were planned.
        running: Runs that have begun and not ended.
        endings: How many ended, by ending.
        budget: Updates of a run that goes to its end.
        updates: Updates done.
        updates_planned: Updates done and still to do; a run that ended early owes no more.
        best: The best final value on the validation split of the metric that decides, of the completed runs; None
            before there is one.
        mean: The mean of theirs; None before there is one.

    Examples:
        >>> ArmProgress(planned=8, endings={"completed": 4, "diverged": 1}).finished
        5
    """

    planned: int = 0
    running: int = 0
    endings: Mapping[Ending, int] = field(default_factory=dict)
    budget: int = 0
    updates: int = 0
    updates_planned: int = 0
    best: float | None = None
    mean: float | None = None

    @property
    def finished(self) -> int:
        """Runs that ended, in whatever way."""
        return sum(self.endings.values())


@dataclass(frozen=True)
class Progress:
    """How far a study is.

    Args:
        arms: By arm and phase, in the order of planning; an arm that has no planned run in a phase is left out.
    """

    arms: Mapping[tuple[str, Phase], ArmProgress]

    def of(self, arm: str, phase: Phase) -> ArmProgress:
        """Returns how far an arm is in a phase; nothing planned, if it is not in it yet."""
        return self.arms.get((arm, phase), ArmProgress())


def progress(store: Store, study: str) -> Progress:
    """Returns how far a study is.

    Args:
        store: The storage.
        study: The study's name.

    Raises:
        StorageError: The storage holds none of that name.
    """

    def work(connection: Connection) -> Progress:
        number = study_id(connection, study)
        arms: dict[tuple[str, Phase], ArmProgress] = {}
        _count(connection, number, arms)
        _add_running(connection, number, arms)
        _add_best(connection, number, arms)
        return Progress(arms)

    return read(store.engine, work)


def _count(connection: Connection, study: int, arms: dict[tuple[str, Phase], ArmProgress]) -> None:
    group = (runs.c.arm, runs.c.phase, runs.c.outcome)
    sums = (
        func.count(),
        func.sum(runs.c.budget),
        func.max(runs.c.budget),
        func.coalesce(func.sum(runs.c.updates), 0),
    )
    # In the order of planning, which is that of the study file.
    query = select(*group, *sums).where(runs.c.study_id == study).group_by(*group).order_by(func.min(runs.c.id))
    for arm, phase, outcome, count, budget, longest, done in connection.execute(query):
        before = arms.get((arm, phase), ArmProgress())
        arms[arm, phase] = ArmProgress(
            planned=before.planned + count,
            endings={**before.endings, outcome: count} if outcome else before.endings,
            budget=max(before.budget, longest),
            updates=before.updates + int(done),
            updates_planned=before.updates_planned + int(done if outcome else budget),
        )


def _add_running(connection: Connection, study: int, arms: dict[tuple[str, Phase], ArmProgress]) -> None:
    """Adds what the runs have done that have not ended: their newest evaluations say it."""
    query = (
        select(runs.c.arm, runs.c.phase, func.max(evaluations.c["update"]))
        .join(evaluations)
        .where(runs.c.study_id == study, runs.c.outcome.is_(None))
        .group_by(runs.c.id, runs.c.arm, runs.c.phase)
    )
    for arm, phase, done in connection.execute(query):
        before = arms[arm, phase]
        arms[arm, phase] = replace(before, running=before.running + 1, updates=before.updates + done)


def _add_best(connection: Connection, study: int, arms: dict[tuple[str, Phase], ArmProgress]) -> None:
    metric = connection.execute(select(studies.c.metric).where(studies.c.id == study)).scalar_one()
    pick = func.max if higher_is_better(metric) else func.min
    last = and_(evaluations.c.run_id == runs.c.id, evaluations.c["update"] == runs.c.budget)
    score = metric_column(f"validation_{metric}")
    query = (
        select(runs.c.arm, runs.c.phase, pick(score), func.avg(score))
        .join(evaluations, last)
        .where(runs.c.study_id == study, runs.c.outcome == "completed")
        .group_by(runs.c.arm, runs.c.phase)
    )
    for arm, phase, best, mean in connection.execute(query):
        arms[arm, phase] = replace(arms[arm, phase], best=best, mean=mean)
