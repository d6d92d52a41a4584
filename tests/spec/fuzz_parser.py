"""Feeds the parser of study files what atheris makes up (`make fuzz`): all but a study or a sentence is a bug."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["clr_study.spec"]):
    from clr_study.errors import InputError
    from clr_study.spec import parse_study


def one(data: bytes) -> None:
    text = data.decode(errors="ignore")
    try:
        parse_study(text, where="mine.toml")
    except InputError as error:
        if not str(error).isprintable():
            raise ValueError("the sentence could drive a terminal") from error


atheris.Setup(sys.argv, one)
atheris.Fuzz()
