"""Opens a storage: a SQLite file, a PostgreSQL or a MySQL database."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from clr_study.errors import StorageError
from clr_study.store.schema import is_current, prepare
from clr_study.store.sqlite_file import absolute, check_file, is_begun, uri_to_look
from clr_study.store.transact import WRITES, retrying
from clr_study.store.urls import EXTRAS, masked, read_url, scrubbed

BUSY_SECONDS = 10.0  # how long SQLite itself waits for a lock, before the transaction is tried again
CONNECT_SECONDS = 10  # how long a server may take to answer


@dataclass(frozen=True, eq=False)
class Store:
    """An open storage. It is a context manager, which closes it.

    Args:
        url: The whole URL, password included: for workers and for Optuna, never for people.
        masked_url: The URL for people.
        engine: SQLAlchemy's.
    """

    url: str = field(repr=False)
    masked_url: str
    engine: Engine = field(repr=False)

    def dispose(self) -> None:
        """Closes its connections."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.dispose()


def open_store(url: str, *, create: bool = True, patience: float = 0.0) -> Store:
    """Opens a storage, and makes or upgrades its tables.

    Args:
        url: `sqlite:///FILE`, `postgresql+psycopg://user:password@host/database` or
            `mysql+pymysql://user:password@host/database`.
        create: Whether the file and the tables may be made or upgraded. A worker says False.
        patience: Seconds for which a database that does not answer is tried again, as a worker does that starts while
            the server restarts.

    Raises:
        StorageError: The URL, the place or the password is wrong, the driver is missing, or the tables are those of
            another version. No message holds a password.

    Examples:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with open_store(f"sqlite:///{folder.name}/results.db") as store:
        ...     store.masked_url == store.url == f"sqlite:///{folder.name}/results.db"
        True
        >>> open_store(f"sqlite:///{folder.name}/other.db", create=False)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        clr_study.errors.StorageError: there is no database .../other.db; `clr-study run` makes it
        >>> folder.cleanup()
    """
    address, patience = _address(url, create=create, patience=patience)
    waits = max(patience, BUSY_SECONDS)
    if address.get_backend_name() == "sqlite" and is_begun(Path(str(address.database))):
        with _opened(address, _looking(address), patience) as seen:  # opening it to write sets its journal's mode
            retrying(lambda: is_current(seen.engine, create=create), address, waits)
    store = _opened(address, _engine(address), patience)
    try:
        retrying(lambda: prepare(store.engine, create=create), address, waits)
    except BaseException:
        store.dispose()
        raise
    return store


def reach(url: str) -> Store:
    """Opens a storage to look at it as it is, whatever the version of its tables; a SQLite file is left as it was."""
    address, patience = _address(url, create=False, patience=0.0)
    sqlite = address.get_backend_name() == "sqlite"
    return _opened(address, _looking(address) if sqlite else _engine(address), patience)


def _address(url: str, *, create: bool, patience: float) -> tuple[URL, float]:
    """A storage's URL with the whole path of a file, and how long its database is waited for."""
    address = read_url(url)
    if address.get_backend_name() != "sqlite":
        return address, patience
    path = absolute(str(address.database))
    check_file(path, create=create)
    # Two processes that make one file hold each other up for a moment.
    return address.set(database=str(path)), max(patience, BUSY_SECONDS)


def _opened(address: URL, engine: Engine, patience: float) -> Store:
    try:
        retrying(lambda: _connect(engine), address, patience)
    except BaseException:
        engine.dispose()
        raise
    return Store(url=address.render_as_string(hide_password=False), masked_url=masked(address), engine=engine)


def _connect(engine: Engine) -> None:
    try:
        engine.connect().close()
    except (ProgrammingError, TypeError) as error:  # as the drivers say that they know no such option
        words = scrubbed(" ".join(str(getattr(error, "orig", error)).split()), engine.url)
        place = masked(engine.url)
        raise StorageError(f"the storage {place} cannot be used ({words}); mend its options after the ?") from None


def engine_options(url: str) -> dict[str, Any]:
    """Returns how an engine on a storage is made: few connections, each asked whether it lives before it is used.

    Args:
        url: The storage's URL.

    Examples:
        >>> engine_options("sqlite:///results.db")["connect_args"]
        {'timeout': 10.0}
    """
    address = read_url(url)
    options: dict[str, Any] = {"pool_size": 2, "max_overflow": 1, "connect_args": {}}
    if address.get_backend_name() == "sqlite":
        options["connect_args"]["timeout"] = BUSY_SECONDS
        return options
    options["pool_pre_ping"] = True  # a restarted server must not end a worker
    if "connect_timeout" not in address.query:
        options["connect_args"]["connect_timeout"] = CONNECT_SECONDS
    if address.get_backend_name() == "mysql" and address.password:
        options["connect_args"]["password"] = str(address.password).encode()  # as text, it would be taken for Latin-1
    return options


def _engine(address: URL) -> Engine:
    options = {**engine_options(address.render_as_string(hide_password=False)), "hide_parameters": True}
    if address.get_backend_name() != "sqlite":
        options["isolation_level"] = "READ COMMITTED"  # MySQL's own would hide rows that others have just written
    try:
        engine = create_engine(address, **options)
    except ImportError as error:
        extra = EXTRAS[address.drivername]
        raise StorageError(
            f"the storage {masked(address)} needs a driver that is not installed ({error}): "
            f"pip install 'clr_study[{extra}]'"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _looking(address: URL) -> Engine:
    """An engine that leaves a SQLite file, and what an ended process left beside it, byte for byte as they are."""
    uri = uri_to_look(Path(str(address.database)))
    return create_engine(
        address, poolclass=NullPool, creator=lambda: sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
    )


def _set_up_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # the driver would open transactions late, and never for a SELECT
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()  # writes once in the file's life
    if mode != "wal":
        raise StorageError(f"SQLite cannot share its file there (journal mode {mode}); give another --storage")
    connection.execute("PRAGMA synchronous = NORMAL")  # with WAL a power cut loses the newest rows, never the file
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that has read before it writes is refused without waiting its turn.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
