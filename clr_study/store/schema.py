"""Which version the tables have, and the way to the newest: by Alembic, beside Optuna's own tables and version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import column as sql_column
from sqlalchemy import inspect, select, table, text
from sqlalchemy.engine import Connection, Engine

from clr_study.errors import StorageError
from clr_study.store.transact import writing
from clr_study.store.urls import masked

VERSION_TABLE = "clr_alembic_version"  # Optuna's is `alembic_version`, in the same database
HEAD = "0003"
MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 4_726_577  # any number that no one else takes for a lock in this database


def prepare(engine: Engine, *, create: bool) -> None:
    """Makes sure that the tables are those of this version.

    Args:
        engine: The storage's.
        create: Whether they may be made or upgraded.

    Raises:
        StorageError: They are newer, or would have to be made or upgraded and may not be.
    """
    with engine.begin() as connection:
        version = schema_version(connection)
    if version == HEAD:
        return
    _refuse_newer(version, engine)
    if not create:
        state = "holds no study yet" if version is None else f"has schema {version}, this clr_study needs {HEAD}"
        raise StorageError(f"the storage {masked(engine.url)} {state}; `clr-study run` sees to that")
    with writing(engine) as connection, _alone(connection):
        if schema_version(connection) != HEAD:  # another process may have been here while this one waited
            upgrade(connection)


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
