"""What a database's error means: it passes by itself, its cause is the user's to mend, or it is a bug."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from clr_study.store.urls import scrubbed

SERVER_MEND = "check host, port, user and password, and that the server runs and has that database"
DISK_MEND = "make room on the disk and run the same command again; what was stored before is safe"
SQLITE_MENDS = {
    "SQLITE_CANTOPEN": "check that the file and its folder may be read and written",
    "SQLITE_PERM": "check that the file and its folder may be read and written",
    "SQLITE_READONLY": "make the file and its folder writable, or give another --storage",
    "SQLITE_NOTADB": "the file is no SQLite database; give another --storage",
    "SQLITE_CORRUPT": "the file is damaged; restore a copy of it, or give another --storage",
    "SQLITE_FULL": DISK_MEND,
    "SQLITE_IOERR": DISK_MEND,
}
SQLITE_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
POSTGRES_MENDS = {
    "25006": "the server takes no writes; give another --storage",
    "28": SERVER_MEND,
    "3D": "create that database first",
    "42501": "give this user the right to make and write tables",
    "53100": DISK_MEND,
}
# Lost connections, deadlocks, exhausted connections, lock time-outs, a server that stops or starts.
POSTGRES_PASSING = ("08", "40", "53", "55P03", "57P")
MYSQL_MENDS = {
    1021: DISK_MEND,
    1114: DISK_MEND,
    1044: "give this user the right to make and write tables",
    1045: SERVER_MEND,
    1049: "create that database first",
    1142: "give this user the right to make and write tables",
    1290: "the server takes no writes; give another --storage",
}
MYSQL_PASSING = (1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1927)


@dataclass(frozen=True)
class Fault:
    """An error that is no bug.

    Args:
        passing: Whether the same statement may go through later.
        words: What the database said, on one line and without secrets.
        mend: What would set it right.
    """

    passing: bool
    words: str
    mend: str


def fault_of(error: SQLAlchemyError, url: URL) -> Fault | None:
    """Returns what an error means, or None if it is a bug, which keeps its own exception.

    Args:
        error: As SQLAlchemy raised it.
        url: The storage, whose secrets are taken out of the words.
    """
    if isinstance(error, PoolTimeoutError):
        return Fault(True, "all connections are in use", SERVER_MEND)
    if isinstance(error, PendingRollbackError):  # what a transaction meets that goes on after its connection was lost
        return Fault(True, "the connection was lost", SERVER_MEND)
    if not isinstance(error, DBAPIError) or error.orig is None:
        return None
    cause = error.orig
    words = scrubbed(" ".join(str(cause.args[-1] if cause.args else cause).split()), url)
    if isinstance(cause, sqlite3.Error):
        return _sqlite(getattr(cause, "sqlite_errorname", None) or "", words)
    if error.connection_invalidated:
        return Fault(True, words, SERVER_MEND)
    if url.get_backend_name() == "mysql":
        return _mysql(cause.args[0] if cause.args else None, words)
    return _postgres(type(cause).__name__, getattr(cause, "sqlstate", None), words)


def _sqlite(code: str, words: str) -> Fault | None:
    if code.startswith(SQLITE_PASSING):
        return Fault(True, words, "see which other process holds the file, and end it if it hangs")
    mends = [mend for start, mend in SQLITE_MENDS.items() if code.startswith(start)]
    return Fault(False, words, mends[0]) if mends else None


def _postgres(name: str, state: str | None, words: str) -> Fault | None:
    for start, mend in POSTGRES_MENDS.items():
        if state and state.startswith(start):
            return Fault(False, words, mend)
    # A server that cannot be reached gives no state.
    passing = state.startswith(POSTGRES_PASSING) if state else name in ("OperationalError", "ConnectionTimeout")
    return Fault(True, words, SERVER_MEND) if passing else None


def _mysql(code: object, words: str) -> Fault | None:
    if not isinstance(code, int):
        return None
    if code in MYSQL_MENDS:
        return Fault(False, words, MYSQL_MENDS[code])
    # 2000 and above are the client's own: it cannot connect, or the connection is gone. 0 is a closed socket.
    return Fault(True, words, SERVER_MEND) if code in MYSQL_PASSING or code == 0 or code >= 2000 else None
