"""The door to Optuna: what is drawn is a function of the trial, whoever asks and however often it was interrupted."""

from __future__ import annotations

import json

import optuna
import pytest

from clr_study.search.optuna_tables import optuna_storage
from clr_study.search.tuner import Tuner, changes
from clr_study.store import TrialWriter, open_store

SAMPLERS = ["random", "qmc", "tpe", "gp", "grid"]
CHOICES = ("hidden = [8]", 'hidden = [8], activation = { choices = ["relu", "tanh", "gelu", "silu"] }')


@pytest.fixture
def tuner(small, tmp_path):
    """Makes a tuner of the study's first arm, with a sampler of some kind, over a database of its own or a used one."""

    opened = []

    def make(sampler: str, name: str = "s", trials: int = 8) -> Tuner:
        search = (
            "search = { trials = 4, seed = 1 }",
            f'search = {{ trials = {trials}, seed = 1, sampler = {{ kind = "{sampler}" }} }}',
        )
        study = small(search, CHOICES)
        database = f"sqlite:///{tmp_path}/{name}.db"
        opened.append(optuna_storage(database))
        one = Tuner(opened[-1], study, study.arm("constant"))
        one.database, one.opened = database, opened
        return one

    yield make
    for storage in opened:
        storage.engine.dispose()


def saved(tuner: Tuner) -> Tuner:
    with open_store(tuner.database) as store:
        TrialWriter(store).write(changes([tuner]))
    return tuner


def stored(tuner: Tuner) -> optuna.Study:
    tuner.opened.append(optuna_storage(tuner.database))
    return optuna.load_study(study_name=tuner.name, storage=tuner.opened[-1])


def drawn(tuner: Tuner, count: int) -> list[dict]:
    values = [dict(tuner.ask().values) for _ in range(count)]
    saved(tuner)
    return values


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_second_owner_draws_what_the_first_would_have(tuner, sampler):
    whole = drawn(tuner(sampler), 6)
    parts = drawn(tuner(sampler, "t"), 2) + drawn(tuner(sampler, "t"), 4)
    assert parts == whole
    assert [(asked.number, dict(asked.values)) for asked in tuner(sampler, "t").unfinished()] == list(enumerate(whole))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("after", ["nothing", "one value"])
def test_an_owner_that_died_while_asking_is_completed(tuner, sampler, after):
    whole = drawn(tuner(sampler), 4)
    first = tuner(sampler, "t")
    drawn(first, 2)
    space = {} if after == "nothing" else dict([next(iter(first.space.items()))])
    theirs = stored(first)
    theirs.sampler = first._sampler(2)
    theirs.ask(space)
    second = tuner(sampler, "t")
    values = [dict(asked.values) for asked in second.unfinished()]
    if after == "one value" and sampler in ("tpe", "gp"):  # these draw the values of a trial one after the other
        assert values[:2] == whole[:2]
        assert values[2]["lr"] == whole[2]["lr"]
    else:
        assert values == whole[:3]
        assert drawn(second, 1) == whole[3:]
    assert [asked.number for asked in second.unfinished()][:3] == [0, 1, 2]


@pytest.mark.parametrize("sampler", ["random", "qmc", "grid"])
def test_words_are_drawn_as_well_as_numbers(tuner, sampler):
    values = drawn(tuner(sampler, trials=16), 16)
    assert {value["model.activation"] for value in values} == {"relu", "tanh", "gelu", "silu"}
    assert len({value["lr"] for value in values}) >= 4


def test_qmc_is_spread_more_evenly_than_chance(tuner):
    """A Sobol sequence has one of 8 points in each eighth of the scale."""
    from math import log10

    eighths = [int(4 * (log10(value["lr"]) + 2)) for value in drawn(tuner("qmc"), 8)]
    assert sorted(eighths) == list(range(8))


def test_telling_twice_changes_nothing(tuner):
    one = tuner("random")
    one.ask()
    one.tell(0, "completed", 0.5)
    one.tell(0, "failed", None, "late")
    (trial,) = one.optuna.trials
    assert (trial.state.name, trial.value, trial.user_attrs) == ("COMPLETE", 0.5, {})


def test_a_trial_that_was_judged_goes_on_at_the_next_rung(tuner):
    one = tuner("random")
    one.ask()
    assert one.unfinished()[0].rungs == 0
    one.should_prune(0, 1, 0.5)
    one.should_prune(0, 2, 0.6)
    saved(one)
    assert tuner("random").unfinished()[0].rungs == 2


def test_the_reason_of_a_failure_is_kept_short(tuner):
    one = tuner("random")
    one.ask()
    one.tell(0, "diverged", None, "a long story\n" + "x" * 1000)
    (trial,) = one.optuna.trials
    assert trial.state.name == "FAIL"
    assert trial.user_attrs == {"ending": "diverged: " + "x" * 200}


def test_a_study_that_is_named_in_one_database_is_the_arms_own(tuner):
    assert tuner("random").optuna.study_name == "small/constant"


def attributes(trial) -> str:
    return json.dumps(trial.system_attrs, sort_keys=True)


def plain(trials) -> list[tuple]:
    return [
        (t.number, t.state, t.params, t.distributions, t.values, t.intermediate_values, t.user_attrs, attributes(t))
        for t in trials
    ]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_database_holds_what_the_memory_holds(tuner, sampler):
    one = tuner(sampler)
    for number in range(6):
        one.ask()
        if number == 2:
            saved(one)  # what follows changes trials that are there already
        one.should_prune(number, 1, 0.25 * number)
    one.report(4, 2, float("nan"))
    one.tell(0, "completed", 0.5)
    one.tell(1, "pruned", None, "after 8 updates")
    one.tell(2, "diverged", None, "at 0.3")
    saved(one)
    saved(one)
    before, after = one.optuna.get_trials(), stored(one).get_trials()
    assert str(plain(before)) == str(plain(after))
    for mine, theirs in zip(before, after, strict=True):
        assert abs((mine.datetime_start - theirs.datetime_start).total_seconds()) < 1e-3
        assert (mine.datetime_complete is None) == (theirs.datetime_complete is None)
    assert stored(one).best_value == 0.5
    assert str(plain(tuner(sampler).optuna.get_trials())) == str(plain(before))


def test_nothing_is_written_where_nothing_has_changed(tuner):
    one = saved(tuner("random"))
    one.ask()
    assert [trial.number for trial in one.changed()] == [0]
    assert one.changed() == []
