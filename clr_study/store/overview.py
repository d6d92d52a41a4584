"""What a storage is and how much it holds, whatever the version of its tables; and bringing it to this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.engine import Connection

from clr_study.errors import StorageError
from clr_study.store.connect import BUSY_SECONDS, Store, reach
from clr_study.store.schema import HEAD, prepare, schema_version
from clr_study.store.tables import checkpoints, evaluations, runs, studies
from clr_study.store.transact import read, retrying

SIZES = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "mysql": "SELECT coalesce(sum(data_length + index_length), 0) FROM information_schema.tables "
    "WHERE table_schema = database()",
}


@dataclass(frozen=True)
class StoredStudy:
    """How much a storage holds of a study.

    Args:
        name: The study's name.
        planned: Runs that were planned.
        ended: Runs that have ended.
        evaluations: Evaluations of its runs.
        checkpoints: Runs of which a checkpoint is known.
    """

    name: str
    planned: int
    ended: int
    evaluations: int
    checkpoints: int


@dataclass(frozen=True)
class Overview:
    """What a storage is and how much it holds.

    Args:
        place: Its URL, without secrets.
        backend: `sqlite`, `postgresql` or `mysql`.
        schema: The version of its tables; None where there are none.
        newest: The version that this clr_study needs.
        bytes: The size of the whole database, Optuna's tables included.
        studies: Sorted by name.
    """

    place: str
    backend: str
    schema: str | None
    newest: str
    bytes: int
    studies: tuple[StoredStudy, ...]


def overview(url: str) -> Overview:
    """Returns what there is to say about a storage; nothing in it is changed.

    Args:
        url: The storage's URL.

    Raises:
        StorageError: It cannot be opened.
    """
    with reach(url) as store:
        schema = read(store.engine, schema_version)
        return Overview(
            place=store.masked_url,
            backend=store.engine.dialect.name,
            schema=schema,
            newest=HEAD,
            bytes=_bytes(store),
            studies=read(store.engine, _studies) if schema else (),
        )


def upgrade_storage(url: str) -> tuple[str, str]:
    """Brings the tables of a storage to the version that this clr_study needs.

    Args:
        url: The storage's URL.

    Returns:
        The version before, and the one now.

    Raises:
        StorageError: It cannot be opened, holds no tables, or those of a newer clr_study.
    """
    with reach(url) as store:
        before = read(store.engine, schema_version)
        if before is None:
            raise StorageError(f"the storage {store.masked_url} holds no study yet; `clr-study run` sees to that")
        retrying(lambda: prepare(store.engine, create=True), store.engine.url, BUSY_SECONDS)
        return before, HEAD


def _bytes(store: Store) -> int:
    if store.engine.dialect.name == "sqlite":
        file = Path(str(store.engine.url.database))
        return sum(path.stat().st_size for path in (file, file.with_name(f"{file.name}-wal")) if path.exists())
    query = SIZES[store.engine.dialect.name]
    return int(read(store.engine, lambda connection: connection.execute(text(query)).scalar_one()))


def _studies(connection: Connection) -> tuple[StoredStudy, ...]:
    query = (
        select(studies.c.name, func.count(runs.c.id), func.count(runs.c.outcome))
        .outerjoin(runs)
        .group_by(studies.c.id, studies.c.name)
    )
    counts = {name: (planned, ended) for name, planned, ended in connection.execute(query)}
    parts = []
    for table in (evaluations, checkpoints):
        beside = select(studies.c.name, func.count().label("rows")).select_from(studies.join(runs).join(table))
        parts.append({row.name: row.rows for row in connection.execute(beside.group_by(studies.c.name))})
    return tuple(StoredStudy(name, *counts[name], *(part.get(name, 0) for part in parts)) for name in sorted(counts))
