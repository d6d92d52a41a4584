"""Whatever stands in a study file, the border returns a study or says in one line what is wrong with it."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from study_files import NUMBERS, PLACES, TEXT, WHOLE, WORDS, changed

from clr_study.errors import InputError
from clr_study.spec import Study, parse_study

QUIET = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
scalars = st.sampled_from([*WORDS, *NUMBERS, float("nan"), float("inf"), True, False])
holes = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("low", "high", "log", "integer", "unit", "times", "from", "value", "kind"), scalars)
)
values = st.one_of(
    scalars,
    holes,
    st.lists(st.one_of(scalars, holes), max_size=3),
    st.fixed_dictionaries({"choices": st.lists(scalars, max_size=3)}),
    st.sampled_from([value for key, value in WHOLE.items() if key != "arms"]),
)


def assert_a_study_or_a_sentence(text: str) -> None:
    try:
        study = parse_study(text, where="mine.toml")
    except InputError as error:
        message = str(error)
        assert message.startswith("mine.toml: ")
        assert message.isprintable(), "more than a line, or a terminal's control codes"
        assert 15 < len(message) < 800
    else:
        assert isinstance(study, Study)
        assert study.source == text


def test_the_whole_file_is_good():
    assert [arm.name for arm in parse_study(TEXT).arms] == ["fixed", "clr", "stages"]
    assert parse_study(changed(("name",), "replace", "whole")).arms == parse_study(TEXT).arms


@settings(QUIET, max_examples=250)
@given(st.sampled_from(PLACES), st.sampled_from(["replace", "replace", "replace", "remove", "rename", "copy"]), values)
def test_a_changed_value_gives_a_study_or_a_sentence(path, action, value):
    assert_a_study_or_a_sentence(changed(path, action, value))


@settings(QUIET, max_examples=100)
@given(
    st.integers(0, len(TEXT) - 1),
    st.integers(0, 12),
    st.text(st.sampled_from("{}[]=\"',.#\n\\\\ -0e1_abk\x00\t\ré\U0001f600"), max_size=4),
)
def test_a_changed_text_gives_a_study_or_a_sentence(start, length, patch):
    assert_a_study_or_a_sentence(TEXT[:start] + patch + TEXT[start + length :])
