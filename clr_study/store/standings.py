"""How far runs have come that may have been begun before: ended, or saved at some update, or neither."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.engine import Connection

from clr_study.spec import CheckpointRef, RunKey
from clr_study.spec.trial import Ending
from clr_study.store.connect import Store
from clr_study.store.rows import KEY, parts_of, refuse_missing, study_id
from clr_study.store.tables import checkpoints, runs
from clr_study.store.transact import read


@dataclass(frozen=True)
class Standing:
    """How far a run has come.

    Args:
        ending: How it ended; None if it has not.
        checkpoint: Where its last state is saved; None if it is not.
    """

    ending: Ending | None = None
    checkpoint: CheckpointRef | None = None


def standings(store: Store, keys: Iterable[RunKey]) -> dict[RunKey, Standing]:
    """Returns how far some runs have come.

    Args:
        store: The storage.
        keys: Runs that were planned.

    Raises:
        StorageError: The storage does not hold their study.
        ValueError: A run was never planned.
    """
    wanted = set(keys)
    saved = (checkpoints.c.path, checkpoints.c.lane, checkpoints.c["update"], checkpoints.c.sha256)

    def work(connection: Connection) -> dict[RunKey, Standing]:
        found: dict[RunKey, Standing] = {}
        for name, part in parts_of(wanted):
            query = select(runs.c.outcome, *KEY, *saved).outerjoin_from(runs, checkpoints).where(part)
            for ending, arm, phase, trial, seed, *ref in connection.execute(query):
                checkpoint = None if ref[0] is None else CheckpointRef(*ref)
                found[RunKey(name, arm, phase, trial, seed)] = Standing(ending, checkpoint)
        refuse_missing(connection, wanted, found)
        return found

    return read(store.engine, work)


def paths_in_use(store: Store, study: str) -> set[str]:
    """Returns the checkpoint files from which runs of a study are to be continued that have not ended.

    Args:
        store: The storage.
        study: The study's name.

    Raises:
        StorageError: The storage holds none of that name.
    """

    def work(connection: Connection) -> set[str]:
        query = select(checkpoints.c.path).distinct().join(runs)
        unfinished = query.where(runs.c.study_id == study_id(connection, study), runs.c.outcome.is_(None))
        return set(connection.execute(unfinished).scalars())

    return read(store.engine, work)
