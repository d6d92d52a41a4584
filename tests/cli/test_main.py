"""The commands: help with an example, exit codes, nothing written on bad input, no torch before it is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from one_arm import one_arm

import clr_study
from clr_study.cli.group import Commands
from clr_study.cli.main import main

TINY = one_arm("tiny", question="\\u001b[31mRed?", hidden=4, updates=6)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    (tmp_path / "tiny.toml").write_text(TINY)
    return lambda *words: CliRunner().invoke(main, list(words))


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help_with_an_example(command, run):
    done = run(command, "--help")
    assert done.exit_code == 0
    assert f"clr-study {command}" in done.output


def test_run_show_report(run, tmp_path):
    done = run("run", "tiny.toml", "--devices", "cpu")
    assert done.exit_code == 0, done.output
    assert "report: results/tiny/report.html" in done.output
    assert "\x1b[31m" not in done.output
    assert json.loads(run("show", "tiny", "--json").output)["study"] == "tiny"
    assert run("report", "tiny", "--out", "again").exit_code == 0
    assert (tmp_path / "again" / "report.html").stat().st_size > 1_000_000


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "quikstart"), "did you mean 'quickstart'?"),
        (("run", "none.toml"), "there is no such study file"),
        (("run", "tiny.toml", "--lanes", "0"), "--lanes must be auto or a number from 1 up"),
        (("run", "tiny.toml", "--devices", "tpu"), "there is no device 'tpu' here"),
        (("run", "tiny.toml", "--executor", "inlin"), "did you mean 'inline'?"),
        (("show", "tiny"), "there is no database"),
        (("list", "schedule"), "did you mean 'schedules'?"),
    ],
)
def test_bad_input_is_a_sentence_exit_2_and_nothing_written(words, sentence, run, tmp_path):
    done = run(*words)
    assert done.exit_code == 2
    assert sentence in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


@pytest.mark.parametrize(
    "what", ["studies", "schedules", "data", "models", "optimizers", "executors", "figures", "bound-rules"]
)
def test_everything_can_be_listed(what, run):
    done = run("list", what)
    assert done.exit_code == 0
    assert len(done.output.splitlines()) > 5


@pytest.mark.parametrize(
    "code", ["import clr_study", "from clr_study.cli.main import main; main(['--help'], standalone_mode=False)"]
)
def test_torch_waits_until_it_is_needed(code):
    check = f"import sys; {code}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_python_runs_the_package_as_the_command(run):
    done = subprocess.run([sys.executable, "-m", "clr_study", "show", "nope"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("clr-study: ")
    usage = subprocess.run([sys.executable, "-m", "clr_study", "--help"], capture_output=True, text=True).stdout
    assert usage.startswith("Usage: clr-study ")


HEAVY = ("torch", "optuna", "plotly", "scipy")


def imported_by(*words):
    """What a command imports of that which takes a second or more."""
    main = f"from clr_study.cli.main import main; main({list(words)}, standalone_mode=False)"
    check = f"import sys\ntry: {main}\nfinally: print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[-1].split(), done.stderr


@pytest.mark.parametrize("command", ["best", "show", "export", "report", "results", "run", "range-test", "plan"])
def test_a_refusal_waits_for_no_heavy_import(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    heavy, said = imported_by(command, "nope")
    assert said.startswith("clr-study: ")
    assert heavy == []


@pytest.mark.parametrize("command", ["best", "show", "export", "report"])
def test_what_is_stored_is_looked_at_without_torch(command, stored, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    heavy, said = imported_by(command, "tiny", "--storage", stored)
    assert said == ""
    assert "torch" not in heavy
    assert "optuna" not in heavy


def test_the_public_names_are_there(run):
    for name in clr_study.__all__:
        assert getattr(clr_study, name).__doc__
    assert clr_study.__version__ in run("--version").output


def test_sigterm_ends_a_command_whatever_becomes_of_what_it_fell_into():
    group = Commands("any")

    @group.command()
    def run():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        except SystemExit:
            raise RuntimeError("cannot exit pipeline mode while busy") from None

    ended = CliRunner().invoke(group, ["run"])
    assert ended.exit_code == 143
    assert ended.stderr == "clr-study: ended; what was done is saved, and the same command goes on from there\n"
