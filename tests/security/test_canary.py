"""A password in the storage's URL is found in no output, file, row or list of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from one_arm import one_arm
from servers import PASSWORD
from sqlalchemy import create_engine, inspect
from sqlalchemy import text as sql
from sqlalchemy.engine import make_url

from clr_study.store import engine_options

CANARY = "b1rd"  # letters of the password that no way of writing it changes
STUDY = (
    one_arm("canary", question="Who hears it sing?", updates=40, evaluations=4)
    + """
[arms.broken]
model = { kind = "sings:net" }
schedule = { kind = "constant", lr = 0.1 }
"""
)
# A network that fails after the check, with the whole environment at hand: its trace is stored and shown.
SINGS = """
from clr_study.models import MODELS
import torch

class Net(torch.nn.Linear):
    steps = 0

    def forward(self, x):
        Net.steps += 1
        if Net.steps > 20:
            raise RuntimeError("no such kernel")
        return super().forward(x.flatten(1))

def net(*, shape, classes):
    return Net(shape[0] * shape[1] * shape[2], classes)
"""


def started(folder: Path, url: str, *words: str) -> subprocess.Popen[str]:
    """Begins a command in a session of its own, by which its processes are told from those of other programs."""
    command = [sys.executable, "-c", "from clr_study.cli import main; main()", *words]
    environment = {**os.environ, "CLR_STORAGE": url}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **pipes)


def listed(session: int) -> str:
    """What `ps` shows of a session: the arguments of every process in it."""
    lines = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(place.name)) == session:
                words = (place / "cmdline").read_bytes()
                lines.append(words.replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has just ended
            continue
    return "\n".join(lines)


def assert_silent(where: str, text: str) -> None:
    assert CANARY not in text, f"{where}: {[line for line in text.splitlines() if CANARY in line][:3]}"


def dump(url: str) -> str:
    """Every row of every table, Optuna's too."""
    engine = create_engine(url, **engine_options(url))
    with engine.connect() as connection:
        rows = [
            repr(tuple(row))
            for table in inspect(connection).get_table_names()
            for row in connection.execute(sql(f"SELECT * FROM {table}"))
        ]
    engine.dispose()
    return "\n".join(rows)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="a list of processes as on Linux")
def test_a_password_is_found_nowhere(postgresql, tmp_path, clr_study, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "canary.toml").write_text(STUDY)
    (tmp_path / "sings.py").write_text(SINGS)
    with postgresql.fresh() as url:
        assert CANARY in url
        run = started(tmp_path, url, "run", "canary.toml", "--devices", "cpu,cpu")
        seen = set()
        while run.poll() is None:
            seen.update(listed(run.pid).splitlines())
            time.sleep(0.2)
        output = run.communicate()[0]
        assert (run.returncode, "no such kernel" in output) == (1, True), output
        assert any("spawn_main" in line for line in seen), "the workers were not seen"
        assert_silent("run", output)
        assert_silent("the list of processes", "\n".join(seen))
        calls = {
            ("show", "canary"): 0,
            ("show", "canary", "--json"): 0,
            ("show",): 0,
            ("report", "canary"): 0,
            ("export", "canary"): 0,
            ("doctor",): 0,
            ("storage", "show"): 0,
            ("storage", "copy", "canary", "sqlite:///copy.db"): 0,
            ("show", "canry"): 2,
        }
        for words, code in calls.items():
            result = clr_study(*words, env={"CLR_STORAGE": url})
            assert result.exit_code == code, (words, result.output)
            assert_silent(" ".join(words), result.output)
        for name in sorted(tmp_path.rglob("*")):
            if name.is_file() and "__pycache__" not in name.parts:
                assert_silent(str(name), name.read_bytes().decode(errors="replace"))
        assert_silent("the database", dump(url))


WRONG = {
    "the password": lambda url: url.set(password=f"not {PASSWORD}"),
    "the user": lambda url: url.set(username="nobody"),
    "the database": lambda url: url.set(database="nosuch"),
    "the port": lambda url: url.set(port=1),
    "the host": lambda url: url.set(host="host.invalid"),
    "the driver": lambda url: url.set(drivername=url.get_backend_name()),
    "an option": lambda url: url.update_query_dict({"nonsense": "1"}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_url_is_one_sentence_with_the_mend_and_no_password(server, wrong, tmp_path, clr_study, monkeypatch):
    (tmp_path / "canary.toml").write_text(STUDY.partition("[arms.broken]")[0])
    monkeypatch.chdir(tmp_path)
    with server.fresh() as good:
        url = WRONG[wrong](make_url(good)).render_as_string(hide_password=False)
        result = clr_study("run", "canary.toml", "--devices", "cpu", env={"CLR_STORAGE": url})
        assert result.exit_code == 2, result.output
        assert isinstance(result.exception, SystemExit)
        sentence = result.stderr.splitlines()[-1]
        assert sentence.startswith("clr-study: the storage")
        assert any(mend in sentence for mend in ("; check ", "; create ", "; write ", "; mend ", "; give "))
        assert_silent(wrong, result.output)
        assert {path.name for path in tmp_path.iterdir()} == {"canary.toml"}
        assert dump(good) == ""


def test_a_user_without_rights_is_told_which(server, clr_study, tmp_path, monkeypatch):
    (tmp_path / "canary.toml").write_text(STUDY.partition("[arms.broken]")[0])
    monkeypatch.chdir(tmp_path)
    with server.fresh() as good:
        database = make_url(good).database
        host = "@'127.0.0.1'" if server.scheme.startswith("mysql") else ""
        server.do(f"CREATE USER guest{host}{' WITH PASSWORD' if not host else ' IDENTIFIED BY'} 'b1rd'")
        if host:
            server.do(f"GRANT SELECT ON {database}.* TO guest{host}")
        try:
            url = make_url(good).set(username="guest", password="b1rd").render_as_string(hide_password=False)
            result = clr_study("run", "canary.toml", "--devices", "cpu", env={"CLR_STORAGE": url})
        finally:
            server.do(f"DROP USER guest{host}")
        assert result.exit_code == 2, result.output
        assert "give this user the right to make and write tables" in result.stderr
        assert_silent("rights", result.output)
