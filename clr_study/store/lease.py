"""One owner: the process that runs a study holds its lease, and another one is refused with the owner's name."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, text, update
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from clr_study.errors import StorageError
from clr_study.store.connect import Store
from clr_study.store.rows import insert_missing, study_id
from clr_study.store.tables import owner
from clr_study.store.transact import read, write

BEAT = 10.0  # seconds between two heartbeats
STALE = 60.0  # seconds without one after which the owner counts as dead
RELEASE_PATIENCE = 5.0  # seconds; a lease that cannot be given back goes stale by itself
# Owners on different hosts are compared by the database's clock; a SQLite file has one host, and its clock.
CLOCKS = {
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
    "mysql": "SELECT unix_timestamp(now(6))",
}


@dataclass(frozen=True)
class Lease:
    """The right to run a study, held.

    Args:
        store: The storage.
        study: The study's name.
        token: What tells this holder from every other.
    """

    store: Store
    study: str
    token: str

    def check(self) -> None:
        """Asks the storage whether the lease is still held.

        Raises:
            StorageError: Another process has taken it over, as when this one was suspended for longer than a minute.
        """
        row = read(self.store.engine, lambda connection: _row(connection, study_id(connection, self.study)))
        if row is None or row.token != self.token:
            taker = f"; {_words(row)} runs it now" if row else ""
            raise StorageError(
                f"the study {self.study!r} in {self.store.masked_url} is no longer this process's{taker}: this one "
                f"gave no sign of life for {STALE:.0f} s. What was stored is safe"
            )


@contextmanager
def own(store: Store, study: str) -> Iterator[Lease]:
    """Holds the lease of a study, with a heartbeat, and gives it back at the end.

    A lease whose owner has died is taken over: at once if that was a process of this machine, else when its heartbeat
    is a minute old.

    Args:
        store: The storage, which holds the study.
        study: The study's name.

    Raises:
        StorageError: Another process runs the study, or the storage holds none of that name.
    """
    lease = Lease(store, study, uuid.uuid4().hex)
    write(store.engine, lambda connection: _take(connection, lease))
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(lease, stop), name=f"lease of {study}", daemon=True)
    heart.start()
    try:
        yield lease
    finally:
        stop.set()
        heart.join()
        with suppress(StorageError, SQLAlchemyError):
            write(store.engine, lambda connection: _release(connection, lease), RELEASE_PATIENCE)


def _take(connection: Connection, lease: Lease) -> None:
    number = study_id(connection, lease.study)
    moment = _clock(connection)
    mine: dict[str, Any] = {
        "study_id": number,
        "token": lease.token,
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "since": moment,
        "heartbeat": moment,
    }
    connection.execute(insert_missing(connection, owner), [mine])
    found = _row(connection, number)
    if found is not None and found.token != lease.token and _dead(found, moment):
        # Of several that see the same dead owner, the condition lets one through.
        still = (owner.c.study_id == number, owner.c.token == found.token, owner.c.heartbeat == found.heartbeat)
        connection.execute(update(owner).where(*still).values(mine))
        found = _row(connection, number)
    if found is None or found.token != lease.token:
        who = _words(found) if found is not None else "another process"
        raise StorageError(
            f"the study {lease.study!r} is being run by {who}; wait for it or end it first. If it died on another "
            f"host, it is let go {STALE:.0f} s after its last sign of life"
        )


def _beat(lease: Lease, stop: threading.Event) -> None:
    while not stop.wait(BEAT):
        # A database that is away for a moment is back by a later beat; whether the lease is lost, `check` tells.
        with suppress(StorageError, SQLAlchemyError):
            write(lease.store.engine, lambda connection: _renew(connection, lease), patience=0.0)


def _renew(connection: Connection, lease: Lease) -> None:
    renewed = {"heartbeat": _clock(connection)}
    connection.execute(update(owner).where(owner.c.token == lease.token).values(renewed))


def _release(connection: Connection, lease: Lease) -> None:
    connection.execute(delete(owner).where(owner.c.token == lease.token))


def _row(connection: Connection, study: int) -> Row[Any] | None:
    return connection.execute(select(owner).where(owner.c.study_id == study)).one_or_none()


def _clock(connection: Connection) -> float:
    query = CLOCKS.get(connection.dialect.name)
    return float(connection.execute(text(query)).scalar_one()) if query else time.time()


def _dead(found: Row[Any], moment: float) -> bool:
    return moment - found.heartbeat > STALE or (found.machine == _machine() and not _lives(found.pid))


def _lives(pid: int) -> bool:
    if os.name != "posix":
        return True  # asking would be a signal that ends the process; its heartbeat tells
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, and another user's
    return True


def _machine() -> str:
    """Returns what the pids of two processes must have in common to be of one count: host, boot and container."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "/".join(parts)[:255]


def _words(found: Row[Any]) -> str:
    since = datetime.fromtimestamp(found.since, UTC)
    return f"process {found.pid} on host {found.host} since {since:%Y-%m-%d %H:%M:%S} UTC"
