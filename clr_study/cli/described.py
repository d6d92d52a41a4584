"""What a registered thing is and takes: read from its signature and its docstring, where the house keeps both."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# What the program gives, and no table may hold.
GIVEN = ("shape", "classes", "setups", "lrs", "accuracies", "losses", "results", "comparison", "outputs", "targets")


@dataclass(frozen=True)
class Argument:
    """A key of a thing's table.

    Args:
        name: The key.
        type: As the signature annotates it; empty if it does not.
        default: As Python prints it; None for a key that has to be given.
        meaning: What the docstring says: units and bounds among it.
    """

    name: str
    type: str
    default: str | None
    meaning: str


@dataclass(frozen=True)
class Described:
    """What there is to know about a registered thing.

    Args:
        kind: Its name in a study file.
        sentence: The first line of its docstring.
        text: The paragraphs after it.
        arguments: What its table may hold.
        refuses: What it refuses, from `Raises`.
        examples: As the docstring has them.
    """

    kind: str
    sentence: str
    text: str
    arguments: tuple[Argument, ...]
    refuses: tuple[str, ...]
    examples: str


def described(kind: str, thing: Callable[..., Any]) -> Described:
    """Returns what is known about a thing.

    Args:
        kind: Its name in a study file.
        thing: The callable that is registered.

    Examples:
        >>> def small(*, shape, classes, width: int = 8):
        ...     '''Builds a small network.
        ...
        ...     Args:
        ...         width: Hidden units,
        ...             at least 1.
        ...     '''
        >>> described("small", small).arguments
        (Argument(name='width', type='int', default='8', meaning='Hidden units, at least 1.'),)
    """
    prose, sections = _parts(inspect.getdoc(thing) or "")
    sentence, _, text = prose.partition("\n")
    meanings = _entries(sections.get("Args", ""))
    arguments = tuple(
        Argument(
            parameter.name,
            _type(parameter.annotation),
            None if parameter.default is parameter.empty else repr(parameter.default),
            meanings.get(parameter.name, ""),
        )
        for parameter in _parameters(thing).values()
        if parameter.name not in GIVEN and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    )
    refused = tuple(_entries(sections.get("Raises", "")).values())
    return Described(kind, sentence, _flowing(text), arguments, refused, sections.get("Examples", ""))


def _type(annotation: Any) -> str:
    """An annotation in words: that of a choice is the choices."""
    if annotation is inspect.Parameter.empty:
        return ""
    words = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    words = words.strip("\"'") if words.startswith(("'Lit", '"Lit')) else words
    chosen = re.fullmatch(r"(?:typing\.)?Literal\[(.*)\]", words)
    return chosen[1].replace(", ", " or ") if chosen else words


def _parameters(thing: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(thing).parameters
    except ValueError:  # some functions written in C do not say
        return {}


def _parts(text: str) -> tuple[str, dict[str, str]]:
    """A docstring's prose, and its sections by name."""
    prose, *rest = re.split(r"^(Args|Raises|Returns|Yields|Examples):\n", text, flags=re.MULTILINE)
    return prose.rstrip(), {name: inspect.cleandoc(body) for name, body in zip(rest[::2], rest[1::2], strict=True)}


def _flowing(text: str) -> str:
    """Prose without its line breaks, which were made for another width; lists and indented lines keep theirs."""
    return re.sub(r"(?<=\S)\n(?:  )?(?=[^\s-])", " ", text.strip("\n"))


def _entries(section: str) -> dict[str, str]:
    """The entries `name: text` of a section, each on one line."""
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        entry = re.match(r"(\w+): (.*)", line)
        if entry:
            name = entry[1]
            found[name] = entry[2]
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found
