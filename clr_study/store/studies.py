"""A study's place in a storage, and in what a study file differs from the one stored under the same name."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from clr_study.errors import StorageError
from clr_study.spec import Study, parse_study
from clr_study.store.connect import Store
from clr_study.store.rows import insert_missing, now
from clr_study.store.tables import studies
from clr_study.store.transact import write

# What was measured stays what it was when these change; a larger `measure.seeds` only adds to it.
MAY_DIFFER = ("name", "question", "target", "source", "measure", "arms")
PLAIN_KEYS = ("metric", "imports", "train_fn")


def add_study(store: Store, study: Study) -> None:
    """Stores a study with its file's text.

    A study of that name may be there already if what was measured stays what it was: its question and its target may
    differ, and `measure.seeds` may be larger. The text is then replaced.

    Args:
        store: The storage.
        study: The study, as `load_study` returns it.

    Raises:
        StorageError: The storage holds another study of that name.
        ValueError: The study has no text.
    """
    if not study.source:
        raise ValueError("a study needs its file's text to be stored; make it with load_study or parse_study")

    def work(connection: Connection) -> None:
        row = {"name": study.name, "question": study.question, "metric": study.metric, "source": study.source}
        connection.execute(insert_missing(connection, studies), [{**row, "created": now()}])
        found = select(studies.c.source).where(studies.c.name == study.name).with_for_update()
        text = connection.execute(found).scalar_one()
        if text == study.source:
            return
        where = f"study {study.name!r} in {store.masked_url}"
        sections = differing_sections(parse_study(text, where), study)
        if sections:
            raise StorageError(
                f"the {where} has another {', '.join(sections[:3])}{' and more' if len(sections) > 3 else ''}; "
                f"give the changed study another name, or another --storage"
            )
        connection.execute(update(studies).where(studies.c.name == study.name).values(row))

    write(store.engine, work)


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
            parts = ("schedule", "optim", "model", "train", "values")
            differing = [part for part in parts if getattr(before[name], part) != getattr(after[name], part)]
            sections += [_place(part, name, *tables) for part in differing]
    return list(dict.fromkeys(sections))


def _place(part: str, arm: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    """Returns where a part of an arm was changed: in the section that all arms share, or in the arm's own."""
    if before.get(part) != after.get(part):
        return f"[{part}]"
    return f"[arms.{arm}]" if part == "train" else f"[arms.{arm}.{part}]"
