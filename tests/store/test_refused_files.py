"""A SQLite file that is refused stays as it was, byte for byte: its journal's mode and its log too."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from clr_study.errors import StorageError
from clr_study.store import add_study, open_store, overview
from clr_study.store.schema import HEAD, VERSION_TABLE

OLD = Path(__file__).with_name("data") / "0001.sqlite"
NEWER = f"CREATE TABLE {VERSION_TABLE} (version_num TEXT); INSERT INTO {VERSION_TABLE} VALUES ('9999')"
OPTUNAS_NAMES = "CREATE TABLE studies (name TEXT); CREATE TABLE trials (n INT)"
MANY = "".join(f"CREATE TABLE t{one} (x);" for one in range(9))
FILES = {
    "its names are Optuna's": (OPTUNAS_NAMES, "another program's: it holds the tables studies, trials, which"),
    "its names are its own": (
        "CREATE TABLE bookmarks (url TEXT)",
        "another program's: it holds the tables bookmarks",
    ),
    "it has many": (MANY, "t0, t1, t2, t3, t4 and 4 more, which are not clr_study's or Optuna's"),
    "it is newer": (NEWER, f"newer clr_study .schema 9999, this one knows {HEAD}"),
}
# What makes a file, in a process that then ends as it should or as a killed one does.
MAKE = """
import os, sqlite3, sys
path, script, mode, end = sys.argv[1:]
connection = sqlite3.connect(path)
connection.execute(f"PRAGMA journal_mode = {mode}")
connection.executescript(script)
connection.commit()
os._exit(0) if end == "killed" else connection.close()
"""


def made(path: Path, script: str, mode: str, end: str) -> Path:
    subprocess.run([sys.executable, "-c", MAKE, str(path), script, mode, end], check=True)
    return path


def there(folder: Path) -> dict[str, bytes]:
    """All files but the index of a write-ahead log, which is its readers' shared memory and holds locks."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(("mode", "end"), [("DELETE", "closed"), ("WAL", "closed"), ("WAL", "killed")])
@pytest.mark.parametrize("kind", FILES)
def test_a_refused_file_stays_as_it_was(tmp_path, kind, mode, end, create):
    script, words = FILES[kind]
    path = made(tmp_path / "other.db", script, mode, end)
    before = there(tmp_path)
    assert ("other.db-wal" in before) == (end == "killed")
    with pytest.raises(StorageError, match=words):
        open_store(f"sqlite:///{path}", create=create)
    assert there(tmp_path) == before
    assert ("other.db-shm" in os.listdir(tmp_path)) == (end == "killed")


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_file_that_is_only_looked_at_stays_as_it_was(tmp_path, mode):
    path = made(tmp_path / "results.db", f"CREATE TABLE {VERSION_TABLE} (version_num TEXT)", mode, "closed")
    before = there(tmp_path)
    found = overview(f"sqlite:///{path}")
    assert (found.schema, found.bytes) == (None, path.stat().st_size)
    assert there(tmp_path) == before


def test_an_older_file_stays_as_it_was_until_it_may_be_upgraded(tmp_path):
    shutil.copy(OLD, tmp_path / "old.db")
    before = there(tmp_path)
    with pytest.raises(StorageError, match=r"has schema 0001, .*`clr-study storage upgrade` brings it there"):
        open_store(f"sqlite:///{tmp_path}/old.db", create=False)
    assert there(tmp_path) == before
    open_store(f"sqlite:///{tmp_path}/old.db").dispose()
    with sqlite3.connect(tmp_path / "old.db") as connection:
        assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone() == (HEAD,)
    connection.close()


@pytest.mark.skipif(os.name != "posix", reason="rights as on POSIX")
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("locked", ["file", "folder"])
def test_a_file_that_may_not_be_written_stays_as_it_was(unprivileged, study, mode, locked):
    """Ours, and current: it would be taken but for its rights."""
    folder = unprivileged / "of_others"
    path = folder / "results.db"
    user = os.geteuid()
    os.seteuid(os.getuid())
    folder.mkdir()
    open_store(f"sqlite:///{path}").dispose()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.close()
    path.chmod(0o444 if locked == "file" else 0o666)
    folder.chmod(0o777 if locked == "file" else 0o555)
    os.seteuid(user)
    before = there(folder)
    with pytest.raises(StorageError, match="file and its folder") as caught, open_store(f"sqlite:///{path}") as store:
        add_study(store, study)  # a current file that may be read is opened, for those who only look
    assert "writ" in str(caught.value)
    assert there(folder) == before
