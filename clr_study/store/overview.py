"""What a storage is and how much it holds, whatever the version of its tables; and bringing it to this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import column, func, inspect, select, table, text
from sqlalchemy.engine import Connection

from clr_study.errors import StorageError
from clr_study.store.connect import Store, open_store, reach
from clr_study.store.schema import HEAD, OPTUNAS_MARK, refuse_foreign, schema_version
from clr_study.store.sqlite_file import absolute, is_begun
from clr_study.store.tables import checkpoints, evaluations, runs, studies
from clr_study.store.transact import PATIENCE, read, retrying
from clr_study.store.urls import read_url

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
        StorageError: It cannot be opened, or is another program's.
    """
    with reach(url) as store:
        schema = _schema(store)
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
        StorageError: It cannot be opened, holds no tables, or those of a newer clr_study or of another program.
    """
    with reach(url) as store:
        before = _schema(store)
        if before is None:
            raise StorageError(f"the storage {store.masked_url} holds no study yet; `clr-study run` sees to that")
    open_store(url).dispose()
    return before, HEAD


def optunas_version(url: str) -> str | None:
    """Returns which Optuna made its tables in a storage, None where there are none; the storage need not be there.

    Args:
        url: The storage's URL.

    Raises:
        StorageError: It cannot be opened, or is another program's.

    Examples:
        >>> optunas_version("sqlite:////nowhere/results.db") is None
        True
    """
    address = read_url(url)
    if address.get_backend_name() == "sqlite" and not is_begun(absolute(str(address.database))):
        return None
    with reach(url) as store:
        _schema(store)
        return read(store.engine, _optunas_version)


def _optunas_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(OPTUNAS_MARK):
        return None
    return connection.execute(select(column("library_version")).select_from(table(OPTUNAS_MARK))).scalar()


def _schema(store: Store) -> str | None:
    retrying(lambda: refuse_foreign(store.engine), store.engine.url, PATIENCE)
    return read(store.engine, schema_version)


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
    for rows in (evaluations, checkpoints):
        beside = select(studies.c.name, func.count().label("rows")).select_from(studies.join(runs).join(rows))
        parts.append({row.name: row.rows for row in connection.execute(beside.group_by(studies.c.name))})
    return tuple(StoredStudy(name, *counts[name], *(part.get(name, 0) for part in parts)) for name in sorted(counts))
