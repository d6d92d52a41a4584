"""Tab completes commands, studies, pages and kinds; asked as the shells ask, through the variable that click reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from clr_study.cli import main
from clr_study.cli.completion import SHELLS, VARIABLE


def completed(*words: str) -> list[str]:
    *before, last = words
    return [item.value for item in ShellComplete(main, {}, "clr-study", VARIABLE).get_completions(before, last)]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    for name in ("mine.toml", "notes.txt", "quicker.toml"):
        (tmp_path / name).touch()
    (tmp_path / "quests").mkdir()


def test_commands_and_options():
    assert completed("ra") == ["range-test"]
    assert completed("run", "x", "--sto") == ["--storage"]


def test_studies_and_study_files():
    assert completed("run", "qui") == ["quickstart", "quicker.toml"]
    assert completed("check", "m") == ["mine.toml"]
    assert completed("plan", "que") == ["quests/"]


def test_what_is_stored(stored, monkeypatch):
    assert completed("show", "t") == [], "no storage yet"
    monkeypatch.setenv("CLR_STORAGE", stored)
    assert completed("show", "t") == completed("best", "t") == completed("export", "t") == ["tiny"]
    monkeypatch.delenv("CLR_STORAGE")
    assert completed("show", "--storage", stored, "t") == ["tiny"]


def test_what_can_be_listed_and_kinds():
    assert completed("list", "s") == ["schedules", "studies"]
    assert completed("list", "schedules", "triang") == ["triangular", "triangular2"]
    assert completed("list", "studies", "q") == []
    assert completed("new", "x", "--model", "small") == ["small_cnn"]
    assert completed("new", "x", "--data", "cifar") == ["cifar10", "cifar100"]
    assert completed("schedules", "one") == ["one_cycle"]
    assert completed("report", "tiny", "--page", "compari") == ["comparison"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_its_script(clr_study, shell):
    found = clr_study("completion", shell)
    assert found.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in found.output
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=found.output, text=True, check=True)


def test_the_installed_program_answers_bash():
    program = shutil.which("clr-study", path=str(Path(sys.executable).parent))
    assert program
    asked = {**os.environ, VARIABLE: "bash_complete", "COMP_WORDS": "clr-study doc", "COMP_CWORD": "1"}
    said = subprocess.run([program], env=asked, capture_output=True, text=True, check=True)
    assert said.stdout == "plain,doctor\n"
