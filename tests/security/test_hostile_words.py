"""Words that would like to be more than words, in a study's question and in the note of a run that failed."""

from __future__ import annotations

import csv
import json

import pytest

HOSTILE = (
    "=cmd|' /C calc'!A0 \\u001b[31m\\u001b]0;owned\\u0007 <script>alert(1)</script> '; DROP TABLE clr_runs; -- ../../up"
)
STUDY = f"""
name = "hostile"
question = "{HOSTILE}"
data = {{ kind = "digits", validation = 0.2 }}
model = {{ kind = "mlp", hidden = [8] }}
train = {{ batch_size = 64, updates = 12, evaluations = 2 }}
measure = {{ seeds = 2 }}
[arms.fixed.schedule]
kind = "constant"
lr = 0.1
"""


@pytest.fixture
def failed(clr_study, tmp_path, monkeypatch):
    """A folder in which such a study has run, and failed with the same words; and what was printed."""
    from clr_study.engine import Training

    real = Training.run

    def failing(self, *given, **named):
        if self.specs[0].updates == 12:
            raise RuntimeError(json.loads(f'"{HOSTILE}"'))
        return real(self, *given, **named)

    monkeypatch.setattr(Training, "run", failing)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    (tmp_path / "hostile.toml").write_text(STUDY)
    ran = clr_study("run", "hostile.toml", "--devices", "cpu")
    assert ran.exit_code == 1, ran.output
    return tmp_path, ran.output


def test_hostile_words_are_inert_wherever_they_come_out(failed, clr_study):
    folder, printed = failed
    for words in (("show", "hostile"), ("export", "hostile"), ("report", "hostile"), ("storage", "show")):
        done = clr_study(*words)
        assert done.exit_code == 0, done.output
        printed += done.output
    assert "=cmd" in printed
    assert not set(printed) & set("\x1b\x07\x9b"), "the terminal would be driven"
    results = folder / "results" / "hostile"
    page = (results / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page
    assert json.loads((results / "results.json").read_text())["study"] == "hostile"
    tables = sorted((results / "tables").glob("*.csv"))
    assert tables
    for table in tables:
        for row in csv.reader(table.read_text().splitlines()):
            for cell in row:
                assert cell.isprintable()
                assert not cell.startswith(("=", "@", "\t")), cell
    assert {path.name for path in folder.iterdir()} <= {
        "hostile.toml",
        "results",
        "clr_study.db",
        "clr_study.db-wal",
        "clr_study.db-shm",
    }
