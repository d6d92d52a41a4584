import os
import sqlite3
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from clr_study.errors import StorageError
from clr_study.store import open_store, sqlite_file

CANARY = "canary-b1rd"


def test_a_store_is_a_shared_sqlite_file_that_names_itself(sqlite_url):
    with open_store(sqlite_url) as store:
        assert repr(store) == f"Store(masked_url='{sqlite_url}')"
        with store.engine.connect() as connection:
            pragmas = {
                name: connection.execute(sql(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 10_000}


def test_the_url_for_workers_holds_the_whole_path(tmp_path, monkeypatch):
    (tmp_path / "a b%?#@").mkdir()
    monkeypatch.chdir(tmp_path / "a b%?#@")
    with open_store("sqlite:///results.db") as store:
        monkeypatch.chdir("/")
        with open_store(store.url, create=False) as again:
            assert again.url == store.url
    assert (tmp_path / "a b%?#@" / "results.db").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("results.db", "one looks like sqlite:///"),
        ("", "one looks like sqlite:///"),
        ("oracle://u:p@h/d", "the database 'oracle', which is not served"),
        ("postgresql://ann:s3cret@h/d", "names no driver that is served; write postgresql+psycopg://"),
        ("postgres://ann:s3cret@h/d", "write postgresql+psycopg://"),
        ("postgresql+asyncpg://ann:s3cret@h/d", "write postgresql+psycopg://"),
        ("mysql://ann:s3cret@h/d", "write mysql+pymysql://"),
        ("mariadb+pymysql://ann:s3cret@h/d", "write mysql+pymysql://"),
        ("mysql+pymysql://ann:s3cret@h:port/d", "cannot be read"),
        ("mysql+pymysql://ann:p@s3cret/x@h/d", "write an @ in a user name or password as %40"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file:x.db", "names no file"),
        ("sqlite://results.db", "names a host"),
        ("sqlite:///x.db?mode=ro", "takes no options"),
        ("sqlite+aiosqlite:///x.db", "write sqlite://"),
    ],
)
def test_a_wrong_url_is_refused_with_the_mend_and_without_its_password(url, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError) as caught:
        open_store(url)
    assert says in str(caught.value)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert not list(tmp_path.iterdir())


def test_a_place_without_a_folder_or_a_file_is_refused(tmp_path):
    with pytest.raises(StorageError, match=r"the folder .*/none of the database r\.db does not exist; make it first"):
        open_store(f"sqlite:///{tmp_path}/none/r.db")
    with pytest.raises(StorageError, match="is a folder; give a file in it"):
        open_store(f"sqlite:///{tmp_path}")
    with pytest.raises(StorageError, match=r"there is no database .*; `clr-study run` makes it"):
        open_store(f"sqlite:///{tmp_path}/r.db", create=False)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("milk, bread, and a study of learning rates\n" * 50)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"file is not a database.*give another --storage"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="rights as on POSIX")
def test_a_folder_that_may_not_be_written_is_refused(unprivileged):
    if os.stat(unprivileged).st_uid == os.geteuid():
        unprivileged.chmod(0o555)
    with pytest.raises(StorageError, match="check that the file and its folder may be read and written"):
        open_store(f"sqlite:///{unprivileged}/results.db")


@pytest.mark.skipif(os.name != "posix", reason="rights as on POSIX")
def test_a_file_that_may_only_be_read_is_refused(unprivileged):
    path = unprivileged / "results.db"
    user = os.geteuid()
    os.seteuid(os.getuid())
    sqlite3.connect(path).executescript("CREATE TABLE version_info (x)").connection.close()  # Optuna's
    path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    os.seteuid(user)
    with pytest.raises(StorageError, match="make the file and its folder writable"):
        open_store(f"sqlite:///{path}")


def test_a_network_file_system_is_refused(tmp_path, monkeypatch):
    mounts = f"/dev/vda / ext4 rw 0 0\nserver:/export {tmp_path} nfs4 rw 0 0\n"
    monkeypatch.setattr(sqlite_file, "_mounts", lambda: mounts)
    with pytest.raises(StorageError, match=r"network file system \(nfs4\).*local disk.*postgresql\+psycopg"):
        open_store(f"sqlite:///{tmp_path}/results.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/", None),
        ("/home/ann", "nfs"),
        ("/home/ann/scratch/x", None),
        ("/mnt/my disk/x", "cifs"),
        ("/mnt/my", None),
        ("/over", "fuse.sshfs"),
    ],
)
def test_the_nearest_mount_decides(place, kind):
    mounts = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs rw 0 0
/dev/sdb1 /home/ann/scratch xfs rw 0 0
//box/share /mnt/my\\040disk cifs rw 0 0
/dev/sdc1 /over ext4 rw 0 0
ann@host:/ /over fuse.sshfs rw 0 0
"""
    assert sqlite_file.network_type(Path(place), mounts) == kind


@pytest.mark.parametrize(
    ("scheme", "module", "extra"),
    [("postgresql+psycopg", "psycopg", "postgres"), ("mysql+pymysql", "pymysql", "mysql")],
)
def test_a_missing_driver_names_the_extra(scheme, module, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StorageError) as caught:
        open_store(f"{scheme}://ann:{CANARY}@host/clr")
    assert f"pip install 'clr_study[{extra}]'" in str(caught.value)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql+pymysql"])
@pytest.mark.parametrize("query", ["", f"?password={CANARY}"])
def test_an_unreachable_server_shows_no_password(scheme, query):
    driver = scheme.split("+")[1]
    pytest.importorskip(driver)
    with pytest.raises(StorageError) as caught:
        open_store(f"{scheme}://ann:{CANARY}@127.0.0.1:1/clr{query}")
    error: BaseException | None = caught.value
    assert f"{scheme}://ann:***@127.0.0.1:1/clr" in str(error)
    assert "check host, port, user and password" in str(error)
    assert CANARY not in "".join(traceback.format_exception(error))
    while error is not None:  # what a reporter of errors could dig out
        assert CANARY not in f"{error!r} {error.args}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql+pymysql"])
def test_an_option_that_no_driver_knows_is_refused(scheme):
    with pytest.raises(StorageError, match=r"\(.*nonsense.*\); mend its options after the \?") as caught:
        open_store(f"{scheme}://ann:{CANARY}@127.0.0.1:1/clr?nonsense=1")
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_opening_a_database_that_is_up_to_date_imports_no_alembic(sqlite_url):
    open_store(sqlite_url).dispose()
    code = f"""
import sys
from clr_study.store import open_store
open_store({sqlite_url!r}).dispose()
print([name for name in ("alembic", "optuna", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_processes_that_make_one_storage_at_once_all_get_it(url):
    code = f"from clr_study.store import open_store, study_names; print(study_names(open_store({url!r})))"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate()[0].strip() for process in started] == ["()"] * 4
