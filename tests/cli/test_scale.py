"""Previews: `check` and `run` with `--scale`."""

from __future__ import annotations

import json

import pytest

STEPS = """
name = "steps"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, epochs = 20 }
measure = { seeds = 2 }
[arms.steps.schedule]
kind = "multistep"
lr = 0.1
gamma = 0.1
milestones = [{ value = 10, unit = "epochs" }, { value = 15, unit = "epochs" }]
"""


@pytest.fixture
def steps(tmp_path):
    def write(old="", new=""):
        path = tmp_path / "steps.toml"
        path.write_text(STEPS.replace(old, new))
        return str(path)

    return write


def test_check_builds_the_preview(clr_study, steps):
    full, short = clr_study("check", steps()), clr_study("check", steps(), "--scale", "0.5")
    assert (full.exit_code, short.exit_code) == (0, 0)
    assert full.output.startswith("steps: ")
    assert "steps: 340 updates a run" in full.output
    assert short.output.startswith("steps-x0.5: ")
    assert "steps: 170 updates a run" in short.output


def test_a_preview_runs_under_its_own_name_and_goes_on_where_it_stopped(clr_study, steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = ("--storage", f"sqlite:///{tmp_path}/s.db", "--devices", "cpu")
    for factor in ("0.1", "0.2"):
        result = clr_study("run", steps(), "--scale", factor, *where)
        assert result.exit_code == 0, result.output
    monkeypatch.setattr("clr_study.search.loop.run_jobs", lambda *_: pytest.fail("trained again"))
    assert clr_study("run", steps(), "--scale", "0.1", *where).exit_code == 0
    document = json.loads((tmp_path / "results" / "steps-x0.1" / "results.json").read_text())
    assert document["study"] == "steps-x0.1"
    assert "A preview" in (tmp_path / "results" / "steps-x0.1" / "report.html").read_text()
    assert clr_study("show", *where[:2]).output.split()[-2:] == ["steps-x0.1", "steps-x0.2"]


@pytest.mark.parametrize("factor", ["0", "1", "-0.5", "nan", "much"])
def test_a_factor_out_of_bounds_is_refused(clr_study, steps, factor):
    result = clr_study("check", steps(), "--scale", factor)
    assert result.exit_code == 2
    assert "scale" in result.output


def test_a_milestone_that_the_data_put_past_the_budget_is_refused(clr_study, steps):
    result = clr_study("check", steps("value = 15", "value = 25"))
    assert result.exit_code == 2
    assert "[arms.steps.schedule] milestones[1] is at update 425, but a run has only 340 updates" in result.output


def test_a_preview_of_too_little_is_refused_before_anything_is_written(clr_study, steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = 'milestones = [{ value = 10, unit = "epochs" }, { value = 15, unit = "epochs" }]'
    path = steps(text, "milestones = [160, 165]")
    result = clr_study("run", path, "--scale", "0.02", "--storage", f"sqlite:///{tmp_path}/s.db")
    assert result.exit_code == 2
    assert "scale = 0.02 leaves too little time: [arms.steps.schedule] 1 <= milestones[0]" in result.output
    assert sorted(file.name for file in tmp_path.iterdir()) == ["steps.toml"]


CYCLE = 'kind = "triangular"\nbase_lr = 0.01\nmax_lr = 0.1\nstep_size = { value = 1, unit = "epochs" }'
DROPS = STEPS.split("[arms.steps.schedule]\n")[1].rstrip()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (DROPS, CYCLE, "a cycle has only 0.34 updates"),
        ("value = 10", "value = 14.8", "1 <= milestones[0] < milestones[1] < ... must hold"),
    ],
)
def test_what_the_data_show_to_be_too_little_is_said_to_be_the_previews_fault(clr_study, steps, old, new, words):
    """Times in epochs wait for the data, so that these are refused later than those in updates."""
    path = steps(old, new)
    assert clr_study("check", path).exit_code == 0
    result = clr_study("check", path, "--scale", "0.01")
    assert result.exit_code == 2
    assert f"scale = 0.01 leaves too little time: [arms.steps.schedule] {words}" in result.output


def test_a_range_test_is_shortened_as_well(clr_study, steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    longer = "range_test = { epochs = 20, evaluations = 10 }\nmeasure"
    where = ("--storage", f"sqlite:///{tmp_path}/s.db", "--devices", "cpu")
    result = clr_study("range-test", steps("measure", longer), "--scale", "0.1", *where)
    assert result.exit_code == 0, result.output
    assert "steps-x0.1: range test" in result.output
    assert clr_study("show", *where[:2]).output.split()[-1] == "steps-x0.1"
