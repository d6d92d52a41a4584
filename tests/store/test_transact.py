import sqlite3
import threading
import time

import psycopg
import pymysql
import pytest
from sqlalchemy import create_engine, event, func, select
from sqlalchemy import text as sql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, PendingRollbackError

from clr_study.errors import StorageError
from clr_study.store import add_study, append, open_store, plan_runs, read_results, tables, transact
from clr_study.store.faults import fault_of

POSTGRES = make_url("postgresql+psycopg://ann:s3cret@db/clr")
MYSQL = make_url("mysql+pymysql://ann:s3cret@db/clr")


def wrapped(cause: Exception) -> DBAPIError:
    return OperationalError("SELECT 1", {}, cause)


@pytest.mark.parametrize(
    ("cause", "url", "passing"),
    [
        (psycopg.OperationalError("connection refused"), POSTGRES, True),
        (psycopg.errors.ConnectionTimeout("too late"), POSTGRES, True),
        (psycopg.errors.DeadlockDetected(), POSTGRES, True),
        (psycopg.errors.AdminShutdown(), POSTGRES, True),
        (psycopg.errors.CannotConnectNow(), POSTGRES, True),
        (psycopg.errors.TooManyConnections(), POSTGRES, True),
        (psycopg.errors.DiskFull(), POSTGRES, False),
        (psycopg.errors.InvalidPassword(), POSTGRES, False),
        (psycopg.errors.ReadOnlySqlTransaction(), POSTGRES, False),
        (psycopg.errors.InsufficientPrivilege(), POSTGRES, False),
        (psycopg.errors.UndefinedTable(), POSTGRES, None),
        (psycopg.errors.UniqueViolation(), POSTGRES, None),
        (pymysql.err.OperationalError(2013, "Lost connection"), MYSQL, True),
        (pymysql.err.OperationalError(1213, "Deadlock found"), MYSQL, True),
        (pymysql.err.OperationalError(1205, "Lock wait timeout exceeded"), MYSQL, True),
        (pymysql.err.InterfaceError(0, ""), MYSQL, True),
        (pymysql.err.OperationalError(1045, "Access denied"), MYSQL, False),
        (pymysql.err.OperationalError(1049, "Unknown database"), MYSQL, False),
        (pymysql.err.OperationalError(1114, "The table is full"), MYSQL, False),
        (pymysql.err.OperationalError(1054, "Unknown column"), MYSQL, None),
        (pymysql.err.ProgrammingError(1064, "You have an error"), MYSQL, None),
    ],
    ids=lambda value: f"{type(value).__name__}-{value}" if isinstance(value, Exception) else "",
)
def test_what_passes_what_is_to_be_mended_and_what_is_a_bug(cause, url, passing):
    fault = fault_of(wrapped(cause), url)
    assert (fault.passing if fault else None) is passing


def test_a_transaction_that_went_on_without_its_connection_is_tried_again():
    assert fault_of(PendingRollbackError("cannot reconnect"), POSTGRES).passing


def test_a_drivers_words_lose_their_secrets_and_lines():
    cause = pymysql.err.OperationalError(2003, "cannot reach db\n\tas ann with s3cret")
    fault = fault_of(wrapped(cause), MYSQL)
    assert fault is not None
    assert fault.words == "cannot reach db as ann with ***"


@pytest.fixture
def quick(monkeypatch) -> list[float]:
    """Pauses that are only noted."""
    pauses: list[float] = []
    monkeypatch.setattr(transact.time, "sleep", pauses.append)
    return pauses


def failing(times: int, cause: Exception):
    """A transaction's body that is cut off some times before it goes through."""
    calls = []

    def work(connection) -> int:
        calls.append(connection)
        if len(calls) <= times:
            raise wrapped(cause)
        return len(calls)

    return work


def test_a_passing_fault_is_tried_again_with_growing_pauses(store, quick):
    lost = psycopg.OperationalError("server closed the connection")
    if store.engine.dialect.name != "postgresql":
        lost = sqlite3.OperationalError("database is locked")
        lost.sqlite_errorname = "SQLITE_BUSY"
    assert transact.write(store.engine, failing(9, lost)) == 10
    assert len(quick) == 9
    for number, pause in enumerate(quick):
        whole = min(transact.FIRST_PAUSE * 2**number, transact.LAST_PAUSE)
        assert whole / 2 <= pause <= whole


def test_a_bug_is_not_tried_again(store, quick):
    calls = []

    def work(connection) -> None:
        calls.append(1)
        connection.execute(sql("SELECT nothing FROM nowhere"))

    with pytest.raises(DBAPIError) as caught:
        transact.read(store.engine, work)
    assert (len(calls), quick) == (1, [])
    assert not isinstance(caught.value, StorageError)


def test_a_statements_values_are_in_no_exception(store):
    row = {"study_id": 99, "arm": "canary-b1rd", "trial": 0}
    with pytest.raises(IntegrityError) as caught, transact.writing(store.engine) as connection:
        connection.execute(tables.winners.insert(), [row])
    assert "canary-b1rd" not in str(caught.value).replace(str(caught.value.orig), "")


def test_an_append_that_was_cut_off_while_committing_is_not_doubled(store, run, seen, monkeypatch, quick):
    plan_runs(store, [run()])
    whole = transact.writing
    cuts = [1, 1]

    class Cut:
        def __init__(self, engine) -> None:
            self.inner = whole(engine)

        def __enter__(self):
            return self.inner.__enter__()

        def __exit__(self, *error):
            self.inner.__exit__(*error)
            if cuts and cuts.pop():
                lost = OperationalError("COMMIT", {}, psycopg.OperationalError("lost"), connection_invalidated=True)
                raise lost

    monkeypatch.setattr(transact, "writing", Cut)
    append(store, [(run().key, seen(50)), (run().key, seen(100))])
    assert len(quick) == 2
    assert read_results(store, "small").runs[0].updates.tolist() == [50, 100]


def test_a_writer_waits_for_another_one(sqlite_url, study, run, seen):
    with open_store(sqlite_url) as store:
        add_study(store, study)
        plan_runs(store, [run()])
        held = threading.Event()

        def hold() -> None:
            other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            held.set()
            time.sleep(0.3)
            other.execute("COMMIT")
            other.close()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        append(store, [(run().key, seen(50))])
        thread.join()
        assert read_results(store, "small").runs[0].updates.tolist() == [50]


def test_a_reader_does_not_wait_for_a_writer(sqlite_url, study):
    with open_store(sqlite_url) as store:
        add_study(store, study)
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        assert read_results(store, "small").runs == ()
        other.close()


def test_patience_ends_with_what_to_do(sqlite_url, study, monkeypatch):
    with open_store(sqlite_url) as store:
        add_study(store, study)
        event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 20"))
        store.engine.dispose()
        monkeypatch.setattr(transact, "PATIENCE", 0.3)
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError) as caught:
            add_study(store, study)
        other.close()
    assert "did not answer for 0 s (database is locked); what was stored before is safe" in str(caught.value)
    assert "the same command goes on from there" in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_full_disk_is_said_at_once_and_loses_nothing(sqlite_url, study, run, seen):
    with open_store(sqlite_url) as store:
        add_study(store, study)
        plan_runs(store, [run(trial=trial) for trial in range(2)])
        append(store, [(run(trial=0).key, seen(50))])
        pages = [60]
        event.listen(
            store.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count = {pages[0]}")
        )
        store.engine.dispose()
        begun = time.monotonic()
        with pytest.raises(StorageError, match=r"\(database or disk is full\); make room on the disk"):
            append(store, [(run(trial=1).key, seen(100_000, length=100_000))])
        assert time.monotonic() - begun < 5
        assert [len(result.updates) for result in read_results(store, "small").runs] == [1, 0]
        pages[0] = 100_000
        store.engine.dispose()
        append(store, [(run(trial=1).key, seen(100_000, length=100_000))])
        assert [len(result.updates) for result in read_results(store, "small").runs] == [1, 1]
    check = create_engine(sqlite_url)
    with check.connect() as connection:
        assert connection.execute(sql("PRAGMA integrity_check")).scalar() == "ok"
        assert connection.execute(select(func.count()).select_from(tables.losses)).scalar() == 2
    check.dispose()
