"""Three hundred broken study files, as they are typed: exit 2, one message, nothing written."""

from __future__ import annotations

import random

import pytest
from study_files import NUMBERS, PLACES, TEXT, WORDS, changed

from clr_study.errors import InputError
from clr_study.spec import parse_study

FILES = 300
TRICKS = ["../../etc/passwd", "/etc/passwd", "a/b", "..", "nul\x00l", "\u202egnp", "\ud7ff\uffff", "x" * 10_000]
VALUES = [
    *WORDS,
    *NUMBERS,
    *TRICKS,
    float("nan"),
    float("-inf"),
    True,
    [],
    [[]],
    {},
    {"kind": 3},
    {"low": 2, "high": 1},
]
CUTS = ["", "\x00", "= =", "[[", "\n[name]\n", "\U0001f600", "'" * 3]


def broken_files():
    """The same files each time: a value replaced, a key removed, renamed or copied, or the text itself cut."""
    draw = random.Random(0)
    while True:
        if draw.random() < 0.15:
            at = draw.randrange(len(TEXT))
            text = TEXT[:at] + draw.choice(CUTS) + TEXT[at + draw.randint(0, 40) :]
        else:
            action = draw.choice(["replace", "replace", "replace", "remove", "rename", "copy"])
            text = changed(draw.choice(PLACES), action, draw.choice(VALUES))
        try:
            parse_study(text)
        except InputError:
            yield text


@pytest.fixture(scope="module")
def files():
    made = broken_files()
    return [next(made) for _ in range(FILES)]


@pytest.mark.parametrize("command", ["run", "check", "plan", "range-test"])
def test_each_is_refused_in_one_message_and_nothing_is_written(command, files, clr_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    place = tmp_path / "mine.toml"
    for text in files if command == "run" else files[:10]:
        place.write_bytes(text.encode("utf-8", "surrogatepass"))
        result = clr_study(command, "mine.toml")
        assert result.exit_code == 2, (text, result.output)
        assert isinstance(result.exception, SystemExit), (text, result.exception)
        (line,) = result.stderr.splitlines()
        assert line.startswith("clr-study: mine.toml: "), line
        assert line.isprintable()
        assert result.stdout == ""
        assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"], text
