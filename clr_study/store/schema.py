"""Which version the tables have, and the way to the newest: by Alembic, beside Optuna's own tables and version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import column as sql_column
from sqlalchemy import inspect, select, table, text
from sqlalchemy.engine import Connection, Engine

from clr_study.errors import StorageError
from clr_study.store.tables import metadata
from clr_study.store.transact import writing
from clr_study.store.urls import masked

VERSION_TABLE = "clr_alembic_version"  # Optuna's is `alembic_version`, in the same database
HEAD = "0004"
MIGRATIONS = Path(__file__).with_name("migrations")
# Optuna's tables have everyday names; where they are, this one of them tells that they are Optuna's.
OPTUNAS_MARK, OPTUNAS_NAMES = "version_info", ("alembic_version", "studies", "trials")
NAMED = 5  # tables that a refusal names
LOCK = 4_726_577  # any number that no one else takes for a lock in this database


def prepare(engine: Engine, *, create: bool) -> None:
    """Makes sure that the tables are those of this version.

    Args:
        engine: The storage's.
        create: Whether they may be made or upgraded.

    Raises:
        StorageError: They are newer, or would have to be made or upgraded and may not be, or another program's.
    """
    if is_current(engine, create=create):
        return
    with writing(engine) as connection, _alone(connection):
        if schema_version(connection) != HEAD:  # another process may have been here while this one waited
            upgrade(connection)


def refuse_foreign(engine: Engine) -> None:
    """Refuses tables that are another program's; it only reads.

    Raises:
        StorageError: They are.
    """
    with engine.begin() as connection:
        tables = inspect(connection).get_table_names()
    _refuse_foreign(tables, engine)


def is_current(engine: Engine, *, create: bool) -> bool:
    """Returns whether the tables are those of this version; it only reads. See `prepare`."""
    with engine.begin() as connection:
        version = schema_version(connection)
        tables = inspect(connection).get_table_names() if version is None else []
    if version == HEAD:
        return True
    _refuse_newer(version, engine)
    _refuse_foreign(tables, engine)
    if not create and version is None:
        raise StorageError(f"the storage {masked(engine.url)} holds no study yet; `clr-study run` sees to that")
    if not create:
        raise StorageError(
            f"the storage {masked(engine.url)} has schema {version}, this clr_study needs {HEAD}; "
            "`clr-study storage upgrade` brings it there, and so does the next `clr-study run`"
        )
    return False


def schema_version(connection: Connection) -> str | None:
    """Returns the version of the tables, or None where there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(sql_column("version_num")).select_from(table(VERSION_TABLE))).scalar()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Runs the migrations that are missing, in the transaction that is open."""
    from alembic import command  # takes long to import, and is needed once in a database's life
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, to)


def _refuse_newer(version: str | None, engine: Engine) -> None:
    if version is not None and version > HEAD:
        raise StorageError(
            f"the storage {masked(engine.url)} was made by a newer clr_study (schema {version}, this one knows "
            f"{HEAD}): upgrade clr_study, or give another --storage"
        )


def _refuse_foreign(tables: Iterable[str], engine: Engine) -> None:
    """Refuses another program's SQLite file, and tables that are called as ours or Optuna's and are not."""
    there = set(tables)
    taken = [] if VERSION_TABLE in there else sorted(there & set(metadata.tables))
    taken += [] if OPTUNAS_MARK in there else sorted(there & set(OPTUNAS_NAMES))
    # On a server several programs may share a database; a file is one program's.
    if engine.dialect.name == "sqlite" and not there & {VERSION_TABLE, OPTUNAS_MARK}:
        taken = sorted(there)
    if taken:
        more = f" and {len(taken) - NAMED} more" if len(taken) > NAMED else ""
        raise StorageError(
            f"the storage {masked(engine.url)} is another program's: it holds the tables {', '.join(taken[:NAMED])}"
            f"{more}, which are not clr_study's or Optuna's; give a database of its own as --storage"
        )


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Keeps other processes from changing the schema at the same time; on SQLite the transaction does it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    if connection.dialect.name != "mysql":
        yield
        return
    # MySQL commits with each table it makes, so the lock must not hang on the transaction.
    if connection.execute(text("SELECT GET_LOCK('clr_study', 60)")).scalar() != 1:
        raise StorageError(f"another process is changing the tables of {masked(connection.engine.url)}; try again")
    try:
        yield
    finally:
        if not connection.invalidated:  # a lock ends with its session
            connection.execute(text("SELECT RELEASE_LOCK('clr_study')"))
