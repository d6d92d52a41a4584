"""Transactions that outlast a busy, restarting or unreachable database: each is tried again as a whole."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from clr_study.errors import StorageError
from clr_study.store.faults import Fault, fault_of
from clr_study.store.urls import masked, read_url

PATIENCE = 120.0  # seconds: a server that restarts or is away for a minute costs nobody a run
FIRST_PAUSE = 0.05  # seconds; doubled at each try
LAST_PAUSE = 5.0
WRITES = "clr_study_writes"  # the execution option of a connection that is going to write

T = TypeVar("T")


def write(engine: Engine, work: Callable[[Connection], T], patience: float | None = None) -> T:
    """Returns what `work` returns, done in one transaction.

    Args:
        engine: The storage's.
        work: Called again from the start when a try was cut off, be it while committing: it must not do a thing twice.
        patience: Seconds after which it gives up; `PATIENCE` without it.

    Raises:
        StorageError: The database cannot be used, or did not answer in that time.
    """

    def attempt() -> T:
        with writing(engine) as connection:
            return work(connection)

    return retrying(attempt, engine.url, PATIENCE if patience is None else patience)


def read(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Returns what `work` reads; see `write`."""

    def attempt() -> T:
        with engine.begin() as connection:
            return work(connection)

    return retrying(attempt, engine.url, PATIENCE)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Opens a transaction that writes, tried once."""
    with engine.connect() as connection:
        connection.execution_options(**{WRITES: True})
        with connection.begin():
            yield connection


def patiently(url: str, attempt: Callable[[], T]) -> T:
    """Returns what another library's call on the storage returns, tried again while the database's fault may pass.

    Args:
        url: The storage's URL.
        attempt: Called again from the start when a try was cut off: it must not do a thing twice.

    Raises:
        StorageError: The database cannot be used, or did not answer in two minutes.

    Examples:
        >>> patiently("sqlite:///results.db", lambda: 3)
        3
    """

    def unwrapped() -> T:
        try:
            return attempt()
        except Exception as error:
            if isinstance(error.__cause__, SQLAlchemyError):
                raise error.__cause__ from None
            raise

    return retrying(unwrapped, read_url(url), PATIENCE)


def retrying(attempt: Callable[[], T], url: URL, patience: float) -> T:
    """Returns what `attempt` returns, trying again with growing, random pauses while the database's fault may pass.

    Args:
        attempt: What is tried.
        url: The storage.
        patience: Seconds after which it gives up; 0 tries once.

    Raises:
        StorageError: The fault does not pass by itself, or did not pass in that time.
    """
    give_up = time.monotonic() + patience
    pause = FIRST_PAUSE
    while True:
        try:
            return attempt()
        except SQLAlchemyError as error:
            fault = fault_of(error, url)
            if fault is None:
                raise
        # Outside of the handler, so that the driver's own exception hangs on none of ours.
        if not fault.passing or time.monotonic() >= give_up:
            raise StorageError(_sentence(fault, url, patience))
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
        pause = min(2 * pause, LAST_PAUSE)


def _sentence(fault: Fault, url: URL, patience: float) -> str:
    if fault.passing and patience:
        return (
            f"the storage {masked(url)} did not answer for {patience:.0f} s ({fault.words}); what was stored before "
            f"is safe, and the same command goes on from there: {fault.mend}"
        )
    return f"the storage {masked(url)} cannot be used ({fault.words}); {fault.mend}"
