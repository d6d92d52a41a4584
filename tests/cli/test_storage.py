"""`clr-study storage`, as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from clr_study.cli.storage import storage as group

OLD = Path(__file__).parents[1] / "store" / "data" / "0001.sqlite"


@pytest.mark.parametrize("command", sorted(group.commands))
def test_each_command_of_storage_has_help_with_an_example(clr_study, command):
    result = clr_study("storage", command, "--help")
    assert result.exit_code == 0
    assert f"clr-study storage {command}" in result.output.partition("Example")[2]
    for parameter in group.commands[command].params:
        assert parameter.param_type_name == "argument" or parameter.help
    assert clr_study("storage", command, "--nonsense").exit_code == 2


def test_a_storage_is_shown_to_people_and_to_programs(clr_study, stored):
    shown = clr_study("storage", "show", "--storage", stored)
    assert shown.exit_code == 0
    assert "sqlite, schema" in shown.output
    assert "up to date" in shown.output
    assert "tiny" in shown.output
    found = json.loads(clr_study("storage", "show", "--storage", stored, "--json").output)
    assert found["schema"] == found["newest"]
    assert found["studies"] == [{"name": "tiny", "planned": 6, "ended": 6, "evaluations": 12, "checkpoints": 0}]


def test_an_old_storage_is_refused_with_the_command_that_upgrades_it(clr_study, tmp_path):
    shutil.copy(OLD, tmp_path / "old.db")
    flags = ("--storage", f"sqlite:///{tmp_path}/old.db")
    refused = clr_study("show", "kept", *flags)
    assert (refused.exit_code, "`clr-study storage upgrade` brings it there" in refused.stderr) == (2, True)
    assert "schema 0001; `clr-study storage upgrade` brings it to" in clr_study("storage", "show", *flags).output
    upgraded = clr_study("storage", "upgrade", *flags)
    assert (upgraded.exit_code, upgraded.output.startswith("schema 0001 upgraded to 0")) == (0, True)
    assert clr_study("storage", "upgrade", *flags).output.endswith("up to date\n")
    shown = clr_study("show", "kept", *flags)
    assert (shown.exit_code, "fixed" in shown.output) == (0, True)


def test_a_copied_study_is_shown_as_the_original_and_reported(clr_study, stored, tmp_path):
    elsewhere = f"sqlite:///{tmp_path}/copy.db"
    copied = clr_study("storage", "copy", "tiny", elsewhere, "--storage", stored)
    assert (copied.exit_code, copied.output) == (0, f"tiny is in {elsewhere} too\n")
    shown = [clr_study("show", "tiny", "--json", "--storage", url).output for url in (stored, elsewhere)]
    assert shown[0] == shown[1]
    reported = clr_study("report", "tiny", "--storage", elsewhere, "--out", str(tmp_path / "out"))
    assert (reported.exit_code, (tmp_path / "out" / "report.html").exists()) == (0, True)
    again = clr_study("storage", "copy", "tiny", "--storage", stored, env={"CLR_COPY_TO": elsewhere})
    assert (again.exit_code, "holds a study 'tiny' already" in again.stderr) == (2, True)


def test_pruning_says_what_it_did(clr_study, stored, tmp_path):
    copy = f"sqlite:///{tmp_path}/copy.db"
    clr_study("storage", "copy", "tiny", copy, "--storage", stored)
    pruned = clr_study("storage", "prune", "--storage", copy, "--out", str(tmp_path))
    assert pruned.exit_code == 0
    assert pruned.output == "tiny: 0 files removed, 0.0 KiB; 0 runs that ended need none\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show",), "there is no database"),
        (("upgrade",), "there is no database"),
        (("prune",), "there is no database"),
        (("copy", "tiny", "sqlite:///to.db"), "there is no database"),
        (("copy", "tiny"), "give the storage to copy to as TO_URL, or as CLR_COPY_TO"),
        (("show", "--storage", "nosuch://x"), "nosuch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_a_sentence_and_makes_nothing(clr_study, words, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    result = clr_study("storage", *words)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())
