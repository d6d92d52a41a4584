"""From a TOML table to a call: every argument is checked against its annotation, every refusal names its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from clr_study.errors import DataError, InputError, SpecError, UnknownKindError
from clr_study.registry import Registry
from clr_study.spec import call, make

TOOLS: Registry = Registry("tool")


@TOOLS.add
def saw(
    *, shape: tuple[int, ...], teeth: int, angle: float = 30.0, kind_of_wood: Literal["oak", "pine"] = "oak"
) -> tuple:
    if teeth == 13:
        raise ValueError("teeth = 13 brings bad luck")
    if teeth == 14:
        raise DataError("no such blade")
    return shape, teeth, angle, kind_of_wood


@TOOLS.add
@dataclass(frozen=True, kw_only=True)
class HammerHead:
    weights: tuple[float, ...]
    loud: bool = False


@TOOLS.add
def anything(**arguments: object) -> dict:
    return arguments


def made(table, **given):
    return make(TOOLS, table, "[tool]", **given)


def test_keys_are_keyword_arguments_and_given_ones_need_not_be_written():
    assert made({"kind": "saw", "teeth": 24}, shape=(1, 2)) == ((1, 2), 24, 30.0, "oak")
    assert made({"kind": "hammer_head", "weights": [1, 2.5]}) == HammerHead(weights=(1.0, 2.5))
    assert made({"kind": "anything", "a": 1, "b": "x"}) == {"a": 1, "b": "x"}


def test_whole_numbers_become_floats_and_lists_tuples_and_nothing_else_is_converted():
    _, teeth, angle, _ = made({"kind": "saw", "teeth": 24, "angle": 45}, shape=())
    assert (type(teeth), type(angle)) == (int, float)
    assert made({"kind": "hammer_head", "weights": [3]}).weights == (3.0,)


REFUSED = [
    ({"kind": "sew", "teeth": 1}, "[tool] kind: no tool is called 'sew'; did you mean 'saw'?"),
    ({"kind": 3}, "[tool] kind: no tool is called 3; known are: anything, hammer_head, saw"),
    ({"teeth": 1}, "[tool] has no kind; tools are: anything, hammer_head, saw"),
    ("saw", "[tool] must be a table with a kind, but got 'saw'"),
    ({"kind": "saw"}, "[tool] saw needs the key 'teeth'"),
    ({"kind": "saw", "teth": 1}, "[tool] saw takes no key 'teth'; did you mean 'teeth'?"),
    ({"kind": "saw", "teeth": 24, "shape": [3]}, "[tool] saw gets its shape from the data; leave shape out"),
    ({"kind": "saw", "teeth": "24"}, "[tool] teeth should be a valid integer, but got '24'"),
    ({"kind": "saw", "teeth": 24.0}, "[tool] teeth should be a valid integer, but got 24.0"),
    ({"kind": "saw", "teeth": True}, "[tool] teeth should be a valid integer, but got True"),
    ({"kind": "saw", "teeth": 24, "angle": False}, "[tool] angle should be a valid number, but got False"),
    (
        {"kind": "saw", "teeth": 24, "kind_of_wood": "elm"},
        "[tool] kind_of_wood should be 'oak' or 'pine', but got 'elm'",
    ),
    ({"kind": "hammer_head", "weights": [1, "x"]}, "[tool] weights[1] should be a valid number, but got [1, 'x']"),
    ({"kind": "hammer_head", "weights": [1], "loud": 1}, "[tool] loud should be a valid boolean, but got 1"),
    ({"kind": "saw", "teeth": 13}, "[tool] teeth = 13 brings bad luck"),
    ({"kind": "saw", "teeth": 14}, "[tool] no such blade"),
]


@pytest.mark.parametrize(("table", "sentence"), REFUSED, ids=[sentence[7:40] for _, sentence in REFUSED])
def test_what_does_not_fit_is_refused_with_its_place(table, sentence):
    with pytest.raises(InputError) as caught:
        made(table, shape=(1,))
    assert str(caught.value) == sentence


def test_an_error_keeps_its_kind_and_says_its_place_once():
    with pytest.raises(UnknownKindError):
        made({"kind": "sew"})
    with pytest.raises(DataError):
        made({"kind": "saw", "teeth": 14}, shape=())

    def nested() -> None:
        raise SpecError("[tool] inner: no")

    with pytest.raises(SpecError, match=r"^\[tool\] inner: no$"):
        call(nested, {}, "[tool]")


def test_a_bug_in_the_thing_itself_keeps_its_own_exception():
    def broken() -> None:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        call(broken, {}, "[tool]")


def test_what_takes_no_keys_says_so():
    with pytest.raises(SpecError, match=r"^\[tool\] nothing takes no key 'a'; it takes none$"):
        call(lambda: None, {"a": 1}, "[tool]", noun="nothing")
