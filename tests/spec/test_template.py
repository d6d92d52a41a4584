"""How a hole is written in TOML."""

from __future__ import annotations

import tomllib

import pytest

from clr_study.errors import SpecError
from clr_study.spec import Choices, FromRangeTest, Quantity, Range, Ratio, parse_template


def parsed(text: str):
    return parse_template(tomllib.loads(text), "[arms.a.schedule]")


FORMS = [
    ("{ low = 0.1, high = 1 }", Range(low=0.1, high=1)),
    ("{ low = 1, high = 9, integer = true, log = true }", Range(low=1, high=9, integer=True, log=True)),
    ('{ low = 2, high = 10, unit = "epochs" }', Range(low=2, high=10, unit="epochs")),
    ('{ choices = [16, "relu", true] }', Choices(choices=(16, "relu", True))),
    ('{ times = "max_lr", low = 0.1, high = 0.5 }', Ratio(times="max_lr", low=0.1, high=0.5)),
    ('{ from = "range_test", times = [0.3, 1.0] }', FromRangeTest(times=(0.3, 1.0))),
    ('{ value = 4, unit = "epochs" }', Quantity(value=4, unit="epochs")),
    ("[1, { low = 2, high = 3 }]", (1, Range(low=2, high=3))),
    ("0.5", 0.5),
    ('"both"', "both"),
]


@pytest.mark.parametrize(("text", "hole"), FORMS, ids=[text for text, _ in FORMS])
def test_every_form_is_read(text, hole):
    assert parsed(f'kind = "x"\nmax_lr = 1.0\nlr = {text}')["lr"] == hole


def test_a_part_with_a_kind_is_a_table_of_its_own():
    table = parsed('kind = "joined"\nschedules = [{ kind = "constant", lr = { low = 1, high = 2 } }]')
    assert table["schedules"] == ({"kind": "constant", "lr": Range(low=1, high=2)},)


REFUSED = [
    ("{ low = 1 }", "lr a range needs the key 'high'"),
    ("{ low = 1, hihg = 2 }", "lr a range takes no key 'hihg'; did you mean 'high'?"),
    ('{ low = "1", high = 2 }', "lr low should be a valid number, but got '1'"),
    ('{ low = 1, high = 2, unit = "hours" }', "lr unit should be 'updates' or 'epochs', but got 'hours'"),
    ("{ choices = [1], low = 2 }", "lr a list of choices takes no key 'low'"),
    ("{ choices = 3 }", "lr choices should be a valid tuple, but got 3"),
    ("{}", "lr is a table that is no hole: {}; it may be { low, high }"),
    ("{ lo = 1, hi = 2 }", "is a table that is no hole"),
    ('{ from = "rangetest", times = [1, 2] }', "lr from: known is 'range_test', but got 'rangetest'"),
    ('{ from = "range_test" }', "lr a range from a test needs the key 'times'"),
    ('{ times = "mx_lr", low = 0.1, high = 1 }', "lr times: there is no key 'mx_lr' beside it; did you mean 'max_lr'?"),
    ('{ times = "lr", low = 0.1, high = 0.5 }', "there is no key 'lr' beside it"),
    ('{ times = "base_lr", low = 0.1, high = 0.5 }', "'base_lr' is itself a ratio; name a key with a value or a range"),
    ('{ times = "kind", low = 0.1, high = 0.5 }', "lr times: 'kind' is no number, but 'x'"),
    ('{ times = "on", low = 0.1, high = 0.5 }', "lr times: 'on' is no number, but True"),
    ('{ times = "list", low = 0.1, high = 0.5 }', "lr times: 'list' is no number, but [1]"),
    ('{ times = "words", low = 0.1, high = 0.5 }', "lr times: 'words' is no number"),
    ('{ value = 4 }', "lr a quantity needs the key 'unit'"),
    ('[0, { low = 1 }]', "lr[1] a range needs the key 'high'"),
]  # fmt: skip
BESIDE = 'kind = "x"\nmax_lr = 1.0\non = true\nlist = [1]\nwords = { choices = ["a", "b"] }\n'
BESIDE += 'base_lr = { times = "max_lr", low = 0.1, high = 0.5 }\n'


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_is_no_hole_is_refused_with_its_key(text, sentence):
    with pytest.raises(SpecError) as caught:
        parsed(f"{BESIDE}lr = {text}")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("[arms.a.schedule] lr")


def test_only_a_ratio_of_learning_rates_must_stay_below_one():
    doubled = '{ times = "up", low = 0.5, high = 2 }'
    table = parsed(f'kind = "x"\nup = 3\ndown = {doubled}')
    assert table["down"] == Ratio(times="up", low=0.5, high=2)
    with pytest.raises(SpecError, match=r"base_lr a ratio of learning rates must lie in \(0, 1\)"):
        parsed(f'kind = "x"\nup = 3\nbase_lr = {doubled}')


@pytest.mark.parametrize("table", ["lr", 3, {}, {"lr": 1}, {"kind": 3}, ["kind"]], ids=repr)
def test_a_table_needs_a_kind(table):
    with pytest.raises(SpecError, match=r"\[optim\] must be a table with a kind, but got"):
        parse_template(table, "[optim]")
