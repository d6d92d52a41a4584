from __future__ import annotations

import sys
from importlib.metadata import metadata

import pytest

from clr_study.cli.doctor import TESTED, Finding, database, diagnose, disk, driver, extras, memory, print_findings


def test_on_a_machine_that_runs_the_tests_nothing_is_wrong(clr_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    found = clr_study("doctor")
    assert found.exit_code == 0, found.output
    for word in ("python", "torch", "cores", "memory", "disk", "database", "[postgres]"):
        assert word in found.output
    assert "nothing stops `clr-study run quickstart`" in found.output
    assert not list(tmp_path.iterdir())


def test_a_database_that_cannot_be_opened_is_wrong_and_no_password_is_shown(clr_study, tmp_path):
    found = clr_study("doctor", "--storage", f"sqlite:///{tmp_path}/missing/s.db")
    assert found.exit_code == 1
    assert "wrong: database" in found.output
    refused = database("postgresql+psycopg://ann:c4nary@127.0.0.1:1/none")
    assert refused.state == "wrong"
    assert "c4nary" not in repr(refused)


def test_a_database_that_is_there_opens(stored):
    assert database(stored) == Finding("database", "ok", f"{stored} opens")


def test_a_torch_that_does_not_load_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)  # as Python has it: importing it now fails
    (found,) = [finding for finding in diagnose() if finding.name == "torchvision"]
    assert found.state == "wrong"
    assert "both from the same index" in found.mend


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (memory(None), "ok"),
        (memory(5 * 2**30), "ok"),
        (memory(2 * 2**30), "note"),
        (memory(2**29), "wrong"),
        (disk(2**40, True), "ok"),
        (disk(2**30, True), "note"),
        (disk(2**20, True), "wrong"),
        (disk(2**40, False), "wrong"),
    ],
)
def test_what_is_short_is_judged_by_how_short(finding, state):
    assert finding.state == state
    assert bool(finding.mend) == (state != "ok")


def test_extras_are_those_of_the_package():
    found = {
        finding.name: finding.state for finding in extras(['click; extra == "a"', "nil-such; extra == 'b'", "rich"])
    }
    assert found == {"[a]": "ok", "[b]": "note"}


def test_a_gpu_that_torch_does_not_see_is_said_with_what_to_do(monkeypatch):
    monkeypatch.setattr("clr_study.cli.doctor._gpus", lambda: 0)
    (found,) = driver("570.12, NVIDIA H200, 143771 MiB\n570.12, NVIDIA H200, 143771 MiB")
    assert (found.state, found.found) == ("note", "NVIDIA 570.12, which sees 2 GPUs; torch can use 0")
    assert "CUDA_VISIBLE_DEVICES" in found.mend
    (none,) = driver(None)
    assert "nvidia-smi" in none.mend
    monkeypatch.setattr("clr_study.cli.doctor._gpus", lambda: 2)
    (found,) = driver("570.12, NVIDIA H200, 143771 MiB\n570.12, NVIDIA H200, 143771 MiB")
    assert (found.state, found.mend) == ("ok", "")


def test_the_pythons_are_those_that_are_declared():
    classifiers = metadata("clr_study").get_all("Classifier")
    declared = [line.rsplit(" ", 1)[-1] for line in classifiers if "Python :: 3." in line]
    assert [f"{major}.{minor}" for major, minor in TESTED] == declared


def test_pictures_want_a_chrome(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    (found,) = extras(["kaleido>=1; extra == 'images'"])
    assert found.state == "note"
    assert "Chrom" in found.mend


def test_the_exit_code_tells_programs(capsys):
    assert print_findings([Finding("a", "ok", "fine"), Finding("b", "note", "less")]) == 0
    assert print_findings([Finding("a", "wrong", "\x1b[31mred", "mend it")]) == 1
    assert "\x1b[31m" not in capsys.readouterr().out
