import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select, update

from clr_study.errors import StorageError
from clr_study.spec import parse_study
from clr_study.store import add_study, open_store, own
from clr_study.store import lease as leases
from clr_study.store.tables import owner
from clr_study.store.transact import writing

HOLD = """
import sys, time
from clr_study.store import add_study, open_store, own
with open_store({url!r}, create=False) as store, own(store, "small"):
    print("held", flush=True)
    time.sleep(600)
"""


def rows(store):
    with store.engine.connect() as connection:
        return connection.execute(select(owner)).all()


def change(store, **columns) -> None:
    with writing(store.engine) as connection:
        connection.execute(update(owner).values(columns))


@pytest.fixture
def holder(store, url):
    """A process that holds the lease of `small`."""
    with subprocess.Popen([sys.executable, "-c", HOLD.format(url=url)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lease_is_held_and_given_back(store):
    with own(store, "small") as lease:
        lease.check()
        (row,) = rows(store)
        assert (row.host, row.pid) == (socket.gethostname(), os.getpid())
        assert abs(row.since - time.time()) < 60
    assert rows(store) == []
    with own(store, "small"):
        pass


def test_a_lease_is_given_back_after_an_error(store):
    with pytest.raises(KeyboardInterrupt), own(store, "small"):
        raise KeyboardInterrupt
    assert rows(store) == []


def test_a_second_owner_is_refused_by_name(store, holder):
    with pytest.raises(StorageError) as caught, own(store, "small"):
        pass
    said = (
        rf"run by process {holder.pid} on host {socket.gethostname()} since 2\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC; wait"
    )
    assert re.search(said, str(caught.value))
    assert rows(store)[0].pid == holder.pid


def test_the_lease_of_a_dead_process_is_taken_over_at_once(store, holder):
    holder.kill()
    holder.wait()
    assert rows(store)[0].pid == holder.pid
    with own(store, "small") as lease:
        lease.check()
        assert rows(store)[0].pid == os.getpid()


@pytest.mark.parametrize(("age", "taken"), [(leases.STALE - 20, False), (leases.STALE + 5, True)])
def test_an_owner_on_another_host_is_dead_a_minute_after_its_last_heartbeat(store, holder, age, taken):
    change(store, machine="elsewhere", host="elsewhere", heartbeat=rows(store)[0].heartbeat - age)
    holder.kill()
    if taken:
        with own(store, "small"):
            assert rows(store)[0].pid == os.getpid()
    else:
        with pytest.raises(StorageError, match=r"on host elsewhere .*let go 60 s after"), own(store, "small"):
            pass


def test_of_many_that_see_a_dead_owner_one_takes_over(store, url):
    with own(store, "small"):
        change(store, heartbeat=0.0, token="dead")
        taken, refused, hold = [], [], threading.Event()
        ready = threading.Barrier(6)

        def take() -> None:
            with open_store(url, create=False) as mine:
                ready.wait()
                try:
                    with own(mine, "small"):
                        taken.append(threading.get_ident())
                        hold.wait(30)
                except StorageError:
                    refused.append(threading.get_ident())
                    if len(refused) == 5:
                        hold.set()

        threads = [threading.Thread(target=take) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(taken), len(refused)) == (1, 5)


def test_the_heartbeat_goes_on_while_the_owner_works(store, monkeypatch):
    monkeypatch.setattr(leases, "BEAT", 0.02)
    with own(store, "small"):
        (first,) = rows(store)
        deadline = time.monotonic() + 20
        while rows(store)[0].heartbeat == first.heartbeat:
            assert time.monotonic() < deadline, "no heartbeat"
            time.sleep(0.02)
        assert rows(store)[0].since == first.since


def test_a_holder_learns_that_its_lease_was_taken_over(store, url):
    with own(store, "small") as lease, open_store(url, create=False) as other:
        change(store, heartbeat=0.0, machine="elsewhere")
        now_runs = rf"'small' in .* is no longer this process's; process {os.getpid()} on host .* runs it now"
        with own(other, "small"), pytest.raises(StorageError, match=now_runs):
            lease.check()
        with pytest.raises(StorageError, match="is no longer this process's: this one gave no sign of life for 60 s"):
            lease.check()


def test_a_lost_lease_is_not_given_back_for_the_taker(store, url):
    with open_store(url, create=False) as other:
        first = own(store, "small")
        first.__enter__()
        change(store, heartbeat=0.0)
        with own(other, "small") as taken:
            first.__exit__(None, None, None)
            taken.check()


def test_a_study_that_is_not_there_cannot_be_owned(store):
    with pytest.raises(StorageError, match="did you mean 'small'"), own(store, "smalls"):
        pass


def test_studies_are_owned_one_by_one(store, study, text, holder):
    add_study(store, parse_study(text.replace('"small"', '"other"')))
    with own(store, "other") as lease:
        lease.check()
        assert len(rows(store)) == 2


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="Linux tells pid namespaces apart")
def test_pids_of_another_container_mean_nothing(store, holder):
    change(store, machine=f"{socket.gethostname()}/other-boot/pid:[1]")
    holder.kill()
    holder.wait()
    with pytest.raises(StorageError, match=f"process {holder.pid}"), own(store, "small"):
        pass
