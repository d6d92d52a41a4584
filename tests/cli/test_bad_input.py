"""What cannot be is said in one sentence with its mend, exit 2, before anything is made."""

from __future__ import annotations

import re
import sqlite3
import sys

import pytest
from one_arm import one_arm

STUDY = one_arm("tiny")
NEWER = "CREATE TABLE clr_alembic_version (version_num TEXT); INSERT INTO clr_alembic_version VALUES ('9999')"
FOREIGN = "CREATE TABLE studies (name TEXT); CREATE TABLE trials (number INT)"
BROWSER = "CREATE TABLE bookmarks (url TEXT)"
# As Optuna 4 has it, whose other tables have the names and columns of Optuna 5's.
OPTUNA4 = """
CREATE TABLE version_info (version_info_id INTEGER, schema_version INTEGER, library_version TEXT);
INSERT INTO version_info VALUES (1, 12, '4.5.0')
"""
FILES = {"foreign.db": FOREIGN, "browser.db": BROWSER, "newer.db": NEWER, "optuna4.db": OPTUNA4}
SERVER = "postgresql+psycopg://ann@127.0.0.1:1/clr"
CASES = {
    "--storage sqlite:///foreign.db": "another program's: .*studies, trials.*; give a database of its own as --storage",
    "--storage sqlite:///browser.db": "another program's: .*bookmarks.*; give a database of its own as --storage",
    "--storage sqlite:///optuna4.db": "as Optuna 4.5.0 made them, and 5.* is installed; give another --storage",
    "--storage sqlite:///newer.db": "by a newer clr_study .*: upgrade clr_study, or give another --storage",
    "--storage sqlite:///nowhere/s.db": "the folder .*nowhere of the database s.db does not exist; make it first",
    "--storage sqlite:////proc/s.db": "; check that the file and its folder may be read and written",
    "--storage sqlite:///text": "the file is no SQLite database; give another --storage",
    f"--storage {SERVER}": "; check host, port, user and password, and that the server runs",
    "--out text/report": "--out: text/report cannot be made, since .*text is no folder; give another one",
    "--out /proc/report": "--out: .* cannot be written, since /proc may not be .*; make it writable, or give another",
    "--checkpoints text": "--checkpoints: .*tiny cannot be made, since .*text is no folder; give another one",
    "--devices cuda:7": "there is no device 'cuda:7' here; there are: cpu",
    "--devices cpu --gpus-per-worker 1 --workers 4": "but --workers asks for 4; ask for fewer, or for smaller shares",
    "--executor inline --workers 2": "--executor inline works on one device, but got 2; use --executor processes",
    "--executor cloud": "no executor is called 'cloud'; known are: inline, processes, ray, slurm",
    f"--executor ray --storage {SERVER}": r"not installed, ray: pip install 'clr_study\[ray\]'",
    f"--executor slurm --storage {SERVER}": r"not installed, submitit: pip install 'clr_study\[slurm\]'",
    "--executor ray": "cannot share a SQLite file; give a server that all of them reach",
}


def there(folder) -> dict:
    """What lies in a folder, byte for byte."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("flags", CASES)
def test_a_mistake_is_a_sentence_and_makes_nothing(flags, clr_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    if flags.endswith(SERVER):
        for package in ("ray", "submitit"):
            monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "tiny.toml").write_text(STUDY)
    (tmp_path / "text").write_text("This file is neither a folder nor a database, and long enough to be one." * 20)
    for name, script in FILES.items():
        with sqlite3.connect(name) as connection:
            connection.executescript(script)
        connection.close()
    before = there(tmp_path)
    result = clr_study("run", "tiny.toml", *flags.split())
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    title, sentence = result.stderr.splitlines()
    assert title == "tiny"
    assert sentence.startswith("clr-study: ")
    assert re.search(CASES[flags], sentence), sentence
    assert there(tmp_path) == before
