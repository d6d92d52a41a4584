from __future__ import annotations

import re

import pytest

from clr_study.errors import InputError
from clr_study.search import Where, plan_study, run_study
from clr_study.spec import parse_study

STUDY = """
name = "planned"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, updates = 40, evaluations = 4 }
search = { trials = 5, confirm = { trials = 2 } }
measure = { seeds = 3 }
[arms.fixed.schedule]
kind = "constant"
lr = 0.1
[arms.decay]
updates = 20
[arms.decay.schedule]
kind = "linear"
lr = { low = 1e-2, high = 1.0, log = true }
[arms.clr.schedule]
kind = "triangular"
max_lr = { low = 1e-2, high = 1.0, log = true }
base_lr = { times = "max_lr", low = 0.05, high = 0.5 }
step_size = 10
"""
CPU = Where(devices="cpu")


@pytest.fixture(autouse=True)
def short_probes(monkeypatch):
    monkeypatch.setattr("clr_study.search.plan.PROBE_SECONDS", 0.05)


def counted(plan):
    return [(phase.arm, phase.phase, phase.runs, phase.updates) for phase in plan.phases]


def test_it_counts_what_the_study_then_runs(tmp_path):
    study = parse_study(STUDY)
    plan = plan_study(study, CPU)
    assert counted(plan) == [
        ("decay", "search", 5, 20),
        ("clr", "search", 5, 40),
        ("decay", "confirm", 6, 20),
        ("clr", "confirm", 6, 40),
        ("fixed", "measure", 3, 40),
        ("decay", "measure", 3, 20),
        ("clr", "measure", 3, 40),
    ]
    results = run_study(study, Where(storage=f"sqlite:///{tmp_path}/s.db", out=str(tmp_path), devices="cpu"))
    ran = [(run.key.arm, run.key.phase, run.spec.updates) for run in results.runs]
    assert sorted(ran) == sorted(
        (arm, phase, updates) for arm, phase, runs, updates in counted(plan) for _ in range(runs)
    )


def test_lanes_are_shared_by_runs_of_one_length():
    lanes = {(phase.arm, phase.phase): phase.lanes for phase in plan_study(parse_study(STUDY), CPU).phases}
    assert lanes == {
        ("decay", "search"): 5,
        ("clr", "search"): 5,
        ("decay", "confirm"): 6,
        ("clr", "confirm"): 6,
        ("fixed", "measure"): 6,
        ("decay", "measure"): 3,
        ("clr", "measure"): 6,
    }
    assert {phase.lanes for phase in plan_study(parse_study(STUDY), Where(devices="cpu", lanes=2)).phases} == {2}
    few = parse_study(STUDY.replace("trials = 5", 'trials = 5, sampler = { kind = "tpe", batch = 2 }'))
    assert {phase.lanes for phase in plan_study(few, CPU).phases if phase.phase == "search"} == {2}


def test_time_grows_with_the_runs():
    once = plan_study(parse_study(STUDY), CPU)
    often = plan_study(parse_study(STUDY.replace("updates = 40", "updates = 400000")), CPU)
    assert once.seconds > 0
    assert often.phases[1].seconds > 100 * once.phases[1].seconds
    assert once.seconds == pytest.approx(sum(phase.seconds for phase in once.phases))


def test_memory_is_counted_and_grows_with_the_network():
    small = plan_study(parse_study(STUDY), CPU).phases[0]
    large = plan_study(parse_study(STUDY.replace("hidden = [8]", "hidden = [80]")), CPU).phases[0]
    weights = 64 * 8 + 8 + 8 * 10 + 10
    assert small.lane_bytes > 4 * weights, "in float32"
    assert large.lane_bytes > small.lane_bytes + 9 * 4 * weights


def test_the_cost_of_an_arm_is_that_of_its_phases(clr_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "planned.toml").write_text(STUDY)
    rows = [line.split("│")[1:-1] for line in clr_study("plan", "planned.toml").output.splitlines() if "│" in line]
    rows = [[cell.strip() for cell in row] for row in rows]
    assert [row[:3] for row in rows] == [
        ["fixed", "measure", "3"],
        ["decay", "search", "5"],
        ["decay", "confirm", "6"],
        ["decay", "measure", "3"],
        ["", "in all", "14"],
        ["clr", "search", "5"],
        ["clr", "confirm", "6"],
        ["clr", "measure", "3"],
        ["", "in all", "14"],
    ]


def test_a_range_test_and_a_pruner_are_in_the_plan():
    text = STUDY.replace("step_size = 10", "step_size = 10\n").replace(
        "max_lr = { low = 1e-2, high = 1.0, log = true }", 'max_lr = { from = "range_test", times = [0.3, 1.0] }'
    )
    text = text.replace("trials = 5", 'trials = 5, pruner = { kind = "median" }')
    plan = plan_study(parse_study(text + "\n[range_test]\nupdates = 60\n"), CPU)
    assert counted(plan)[0] == ("fixed", "range_test", 3, 60)
    assert plan.pruned


def test_the_command_shows_the_sum_and_stores_nothing(clr_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "planned.toml").write_text(STUDY)
    found = clr_study("plan", "planned.toml", "--devices", "cpu,cpu")
    assert found.exit_code == 0, found.output
    assert re.search(r"in all 31 runs, 960 updates, about \d+ s of training on 2 × CPU", found.output)
    assert [path.name for path in tmp_path.iterdir()] == ["planned.toml"]


def test_a_study_that_cannot_run_has_no_plan():
    with pytest.raises(InputError, match="there is no device 'cuda:77' here"):
        plan_study(parse_study(STUDY), Where(devices="cuda:77"))
