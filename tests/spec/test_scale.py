"""A shorter study of the same shape: what is multiplied, what stays, and when too little is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clr_study.errors import SpecError
from clr_study.shipped import shipped_folder
from clr_study.spec import (
    Budget,
    Choices,
    Quantity,
    Range,
    Ratio,
    check_lengths,
    corner,
    fill,
    load_study,
    parse_study,
    scaled,
    with_bounds,
)

HEAD = """
name = "long"
question = "Which?"
data = { kind = "digits" }
model = { kind = "mlp" }
train = { batch_size = 32, updates = 10000, evaluations = 40 }
search = { trials = 5 }
measure = { seeds = 3 }
target = { accuracy = 0.9 }
"""


def study_of(schedule: str, **changes: str):
    text = HEAD + f"[arms.one]\nschedule = {{ {schedule} }}\n"
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    return parse_study(text)


def schedule_of(study, arm=0, per_epoch=500, end="low"):
    arm = study.arms[arm]
    arm = replace(arm, **with_bounds(arm.tables, {"base_lr": 0.01, "max_lr": 0.1}))
    budget = Budget(arm.train.updates or round(arm.train.epochs * per_epoch), per_epoch, 1)
    return fill(study, arm, corner(arm.space, end), budget, seed=0).lr_schedule, budget.updates


SCHEDULES = [
    'kind = "constant", lr = 0.1',
    'kind = "step", lr = 0.1, gamma = 0.5, every = 2000',
    'kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [4000, 8000]',
    'kind = "exponential", lr = 0.1, gamma = 0.9995',
    'kind = "inverse", lr = 0.1, gamma = 0.001, power = 0.75',
    'kind = "polynomial", lr = 0.1, power = 2.0',
    'kind = "linear", lr = 0.1, updates = 8000',
    'kind = "cosine", lr = 0.1',
    'kind = "decay", max_lr = 0.1, base_lr = 0.01, step_size = 4000',
    'kind = "triangular", max_lr = 0.1, base_lr = 0.01, step_size = 500',
    'kind = "triangular", max_lr = 0.1, base_lr = 0.01, step_size = 500, step_size_down = 1500',
    'kind = "triangular2", max_lr = 0.1, base_lr = 0.01, step_size = { value = 2, unit = "epochs" }',
    'kind = "exp_range", max_lr = 0.1, base_lr = 0.01, step_size = 500, gamma = 0.9998',
    'kind = "exp_range", max_lr = 0.1, base_lr = 0.01, step_size = 500, gamma = 0.9998, shrinks = "amplitude"',
    'kind = "parabolic", max_lr = 0.1, base_lr = 0.01, step_size = 500',
    'kind = "sinusoidal", max_lr = 0.1, base_lr = 0.01, step_size = 500',
    'kind = "warm_restarts", max_lr = 0.1, base_lr = 0.01, period = 1250, period_mult = 2',
    'kind = "linear_ramp", low = 0.01, high = 0.1',
    'kind = "exponential_ramp", low = 0.01, high = 0.1, updates = 4000',
    """kind = "joined", boundaries = [2000, 6000], schedules = [
        { kind = "linear_ramp", low = 0.01, high = 0.1 },
        { kind = "exp_range", max_lr = 0.1, base_lr = 0.01, step_size = 500, gamma = 0.9995 },
        { kind = "joined", boundaries = [1000], schedules = [
            { kind = "constant", lr = 0.1 }, { kind = "linear", lr = 0.1 } ] },
    ]""",
]


@pytest.mark.parametrize("factor", [0.1, 0.02])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda text: " ".join(text.split())[:60])
def test_a_scaled_schedule_is_the_same_curve_in_less_time(schedule, factor):
    study = study_of(schedule.replace("\n", " "))
    long, updates = schedule_of(study)
    short, fewer = schedule_of(scaled(study, factor))
    assert fewer == updates * factor
    at = np.arange(fewer)
    np.testing.assert_allclose(short(at), long(at / factor), rtol=1e-9)


# Their lines begin or end one update beside a part of the run, so the curve is the same but for an update.
@pytest.mark.parametrize(
    "schedule",
    [
        'kind = "one_cycle", max_lr = 0.1, warmup = 0.25, anneal = "linear"',
        'kind = "trapezoid", lr = 0.1, warmup = 0.2, cooldown = 0.4',
    ],
)
def test_a_scaled_phase_is_right_to_an_update(schedule):
    study = study_of(schedule)
    (long, updates), (short, fewer) = schedule_of(study), schedule_of(scaled(study, 0.1))
    assert fewer == updates / 10
    table = short.table(fewer)
    steepest = np.abs(np.diff(table)).max()
    np.testing.assert_allclose(table, long(10 * np.arange(fewer)), atol=steepest)
    assert table.max() == pytest.approx(long.table(updates).max(), rel=1e-9)


def test_every_budget_is_multiplied_and_evaluations_are_as_far_apart_but_ten_at_least():
    study = study_of('kind = "constant", lr = 0.1')
    assert scaled(study, 0.5).arms[0].train == replace(study.arms[0].train, updates=5000, evaluations=20)
    assert scaled(study, 0.1).arms[0].train == replace(study.arms[0].train, updates=1000, evaluations=10)
    few = study_of('kind = "constant", lr = 0.1', a=("evaluations = 40", "evaluations = 4"))
    assert scaled(few, 0.1).arms[0].train.evaluations == 4
    epochs = study_of('kind = "constant", lr = 0.1', a=("updates = 10000", "epochs = 30"))
    assert scaled(epochs, 0.1).arms[0].train.epochs == pytest.approx(3)
    own = study_of('kind = "constant", lr = 0.1', a=("[arms.one]", "[arms.one]\nupdates = 500"))
    assert scaled(own, 0.1).arms[0].train.updates == 50


def test_the_range_test_is_multiplied():
    text = ("measure =", "range_test = { updates = 4000, evaluations = 80 }\nmeasure =")
    study = scaled(study_of('kind = "constant", lr = 0.1', a=text), 0.1)
    assert (study.range_test.updates, study.range_test.evaluations) == (400, 20)
    text = ("measure =", "range_test = { epochs = 8 }\nmeasure =")
    assert scaled(study_of('kind = "constant", lr = 0.1', a=text), 0.25).range_test.epochs == 2


def test_what_is_no_time_stays():
    study = study_of(
        'kind = "multistep", lr = { low = 1e-3, high = 1.0, log = true }, gamma = 0.1, milestones = [4000]'
    )
    short = scaled(study, 0.1)
    assert short.arms[0].schedule["lr"] == study.arms[0].schedule["lr"]
    assert short.arms[0].schedule["gamma"] == 0.1
    for name in ("data", "search", "measure", "target", "metric"):
        assert getattr(short, name) == getattr(study, name)
    assert (short.arms[0].optim, short.arms[0].model) == (study.arms[0].optim, study.arms[0].model)


HOLES = [
    ("{ low = 200, high = 1000 }", Range(low=20, high=100)),
    ("{ low = 200, high = 1000, log = true, integer = true }", Range(low=20, high=100, log=True, integer=True)),
    ('{ low = 2, high = 10, unit = "epochs" }', Range(low=0.2, high=1, unit="epochs")),
    ("{ choices = [500, 1000] }", Choices(choices=(50.0, 100.0))),
    ('{ value = 5, unit = "epochs" }', Quantity(value=0.5, unit="epochs")),
    ('{ value = 500, unit = "updates" }', Quantity(value=50, unit="updates")),
]


@pytest.mark.parametrize(("written", "expected"), HOLES, ids=lambda part: str(part))
def test_holes_of_times_are_multiplied(written, expected):
    study = study_of(f'kind = "triangular", max_lr = 0.1, base_lr = 0.01, step_size = {written}')
    assert scaled(study, 0.1).arms[0].schedule["step_size"] == expected


def test_a_ratio_of_two_times_stays_a_ratio():
    up, down = "{ low = 200, high = 400 }", '{ times = "step_size", low = 0.5, high = 2 }'
    study = study_of(f'kind = "triangular", max_lr = 0.1, base_lr = 0.01, step_size = {up}, step_size_down = {down}')
    short = scaled(study, 0.1).arms[0].schedule
    assert short["step_size_down"] == Ratio(times="step_size", low=0.5, high=2)
    assert short["step_size"] == Range(low=20, high=40)


def test_a_searched_gamma_of_every_update_is_raised():
    study = study_of('kind = "exponential", lr = 0.1, gamma = { low = 0.9998, high = 0.99998 }')
    hole = scaled(study, 0.1).arms[0].schedule["gamma"]
    assert (hole.low, hole.high) == pytest.approx((0.9998**10, 0.99998**10), rel=1e-12)


def test_it_never_mixes_with_the_full_study():
    study = study_of('kind = "constant", lr = 0.1')
    short = scaled(study, 0.05)
    assert short.name == "long-x0.05"
    assert short.question == "Which? A preview at 0.05 of its length."
    assert study.name == "long", "the study itself is left as it is"


@pytest.mark.parametrize("name", ["quickstart", "paper-table1", "paper-table4-resnet-cifar10", "paper-range-test"])
def test_its_text_is_read_back_as_the_same_study(name):
    """A storage keeps a study as its text, and reads it from there."""
    short = scaled(load_study(shipped_folder("studies") / f"{name}.toml"), 0.1)
    again = parse_study(short.source)
    assert again == short
    assert again.source == short.source


@pytest.mark.parametrize("path", sorted(shipped_folder("studies").glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_study_has_a_preview(path):
    study = load_study(path)
    short = scaled(study, 0.02)
    for number, arm in enumerate(study.arms):
        (long_schedule, updates), (schedule, fewer) = schedule_of(study, number), schedule_of(short, number)
        assert fewer == pytest.approx(updates * 0.02, abs=1)
        assert type(schedule) is type(long_schedule), arm.name


@pytest.mark.parametrize("factor", [0, 1, 1.5, -0.1, float("nan"), float("inf"), True, "0.1", None])
def test_a_factor_out_of_bounds_is_refused(factor):
    with pytest.raises(SpecError, match="scale must be a number above 0 and below 1, but got"):
        scaled(study_of('kind = "constant", lr = 0.1'), factor)


REFUSED = [
    (
        'kind = "triangular", max_lr = 0.1, base_lr = 0.01, step_size = 40',
        0.01,
        r"scale = 0.01 leaves too little time: \[arms.one.schedule\] a cycle has only 0.8 updates",
    ),
    (
        'kind = "joined", boundaries = [9000], schedules = [{ kind = "constant", lr = 0.1 }, '
        '{ kind = "sinusoidal", max_lr = 0.1, base_lr = 0.01, step_size = 20, step_size_down = 30 }]',
        0.01,
        r"\[arms.one.schedule\] schedules\[1\] a cycle has only 0.5 updates",
    ),
    (
        'kind = "triangular", max_lr = 0.1, base_lr = 0.01, step_size = { low = 40, high = 1000 }',
        0.01,
        "a cycle has only 0.8 updates",
    ),
    ('kind = "warm_restarts", max_lr = 0.1, base_lr = 0.01, period = 50', 0.01, "period >= 1 must hold"),
    (
        'kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [4000, 9970]',
        0.01,
        r"milestones\[1\] is at update 100, but a run has only 100 updates",
    ),
    (
        'kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [4000, 4020]',
        0.01,
        r"milestones\[0\] < milestones\[1\]",
    ),
    (
        'kind = "joined", boundaries = [10], '
        'schedules = [{ kind = "constant", lr = 0.1 }, { kind = "linear", lr = 0.1 }]',
        0.01,
        r"1 <= boundaries\[0\]",
    ),
    ('kind = "step", lr = 0.1, gamma = 0.5, every = 30', 0.01, "every >= 1 must hold"),
    ('kind = "constant", lr = 0.1', 0.00004, "a run has only 0.4 updates"),
    (
        'kind = "step", lr = 0.1, gamma = 0.5, every = { choices = [100, 120] }',
        0.01,
        r"\[arms.one.schedule\] every choices must hold at least two different values, but got \[1, 1\]",
    ),
]


@pytest.mark.parametrize(("schedule", "factor", "words"), REFUSED)
def test_too_little_time_is_refused_with_the_place(schedule, factor, words):
    with pytest.raises(SpecError, match=words):
        scaled(study_of(schedule), factor)


def test_milestones_an_epoch_apart_are_as_near_as_the_data_make_them():
    milestones = 'milestones = [{ value = 81, unit = "epochs" }, { value = 82, unit = "epochs" }]'
    full = study_of(f'kind = "multistep", lr = 0.1, gamma = 0.1, {milestones}', a=("updates = 10000", "epochs = 164"))
    schedule, _ = schedule_of(scaled(full, 0.003), per_epoch=390)
    assert schedule.milestones == (95, 96)
    with pytest.raises(SpecError, match=r"milestones\[0\] < milestones\[1\]"):
        scaled(full, 0.00001)


def test_a_scaled_study_is_not_scaled_again():
    with pytest.raises(SpecError, match=r"long-x0\.5 is scaled already"):
        scaled(scaled(study_of('kind = "constant", lr = 0.1'), 0.5), 0.5)


def test_a_name_that_grows_too_long_is_refused():
    study = study_of('kind = "constant", lr = 0.1', a=('"long"', f'"{"a" * 62}"'))
    with pytest.raises(SpecError, match="longer than 64 letters"):
        scaled(study, 0.1)


def test_a_file_may_ask_for_it_itself():
    study = study_of('kind = "constant", lr = 0.1', a=('name = "long"', 'name = "long"\nscale = 0.1'))
    assert study == scaled(study_of('kind = "constant", lr = 0.1'), 0.1)
    with pytest.raises(SpecError, match=r"scale must be a number above 0 and below 1, but got '0\.1'"):
        study_of('kind = "constant", lr = 0.1', a=('name = "long"', 'name = "long"\nscale = "0.1"'))


PAST = [
    (
        "updates = 10000",
        'kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [4000, 12000]',
        None,
        r"milestones\[1\]",
    ),
    ("updates = 10000", 'kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [10000]', None, "only 10000 updates"),
    (
        "epochs = 30",
        'kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [{ value = 40, unit = "epochs" }]',
        500,
        r"milestones\[0\] is at update 20000, but a run has only 15000 updates",
    ),
    (
        "epochs = 30",
        'kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [{ low = 10, high = 40, unit = "epochs" }]',
        500,
        "at update 20000",
    ),
    (
        "epochs = 30",
        'kind = "triangular", max_lr = 0.1, base_lr = 0.01, step_size = { value = 0.04, unit = "epochs" }',
        10,
        "a cycle has only 0.8 updates",
    ),
    (
        "updates = 10000",
        'kind = "triangular", max_lr = 0.1, base_lr = 0.01, step_size = 0.25, step_size_down = 0.5',
        None,
        "a cycle has only 0.75 updates",
    ),
]


@pytest.mark.parametrize(("budget", "schedule", "per_epoch", "words"), PAST)
def test_times_that_no_run_reaches_are_refused(budget, schedule, per_epoch, words):
    with pytest.raises(SpecError, match=words):  # in updates by the file itself, in epochs once they are known
        check_lengths(study_of(schedule, a=("updates = 10000", budget)).arms[0], per_epoch)


def test_times_in_epochs_wait_for_the_data():
    schedule = 'kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [{ value = 40, unit = "epochs" }]'
    arm = study_of(schedule, a=("updates = 10000", "epochs = 30")).arms[0]
    check_lengths(arm)
    check_lengths(replace(arm, train=replace(arm.train, epochs=50)), 500)
