"""In what a study file differs from the one that a storage holds under the same name."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from typing import Any

from clr_study.spec import Study

# What was measured stays what it was when these change; a larger `measure.seeds` only adds to it.
MAY_DIFFER = ("name", "question", "target", "source", "measure", "arms")
PLAIN_KEYS = ("metric", "imports")


def differing_sections(stored: Study, given: Study) -> list[str]:
    """Returns the places in the file whose change would mix two questions in one set of results.

    Args:
        stored: The study in the storage.
        given: The study of the same name that is to be run.

    Examples:
        >>> from clr_study.spec import parse_study
        >>> text = '''name = "s"
        ... data = { kind = "digits" }
        ... model = { kind = "mlp" }
        ... train = { epochs = 2 }
        ... [arms.fixed.schedule]
        ... kind = "constant"
        ... lr = 0.1
        ... '''
        >>> differing_sections(parse_study(text), parse_study(text.replace("0.1", "0.2").replace("digits", "mnist")))
        ['[data]', '[arms.fixed.schedule]']
    """
    names = [item.name for item in fields(Study) if item.name not in MAY_DIFFER]
    changed = [name for name in names if getattr(stored, name) != getattr(given, name)]
    sections = [name if name in PLAIN_KEYS else f"[{name}]" for name in changed]
    if given.measure.seeds < stored.measure.seeds:
        sections.append(f"[measure] seeds, {given.measure.seeds} after {stored.measure.seeds}")
    return sections + _arms(stored, given)


def _arms(stored: Study, given: Study) -> list[str]:
    before, after = ({arm.name: arm for arm in study.arms} for study in (stored, given))
    sections = [f"[arms.{name}]" for name in {**before, **after} if name not in before or name not in after]
    if not sections and list(before) != list(after):
        sections.append("the order of [arms]")
    tables = (tomllib.loads(stored.source), tomllib.loads(given.source))
    for name in before:
        if name in after:
            parts = ("schedule", "optim", "model", "train")
            differing = [part for part in parts if getattr(before[name], part) != getattr(after[name], part)]
            sections += [_place(part, name, *tables) for part in differing]
    return list(dict.fromkeys(sections))


def _place(part: str, arm: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    """Returns where a part of an arm was changed: in the section that all arms share, or in the arm's own."""
    if before.get(part) != after.get(part):
        return f"[{part}]"
    return f"[arms.{arm}]" if part == "train" else f"[arms.{arm}.{part}]"
