"""Imports the modules that a study file names, so that what they register can stand in it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from clr_study.registry import imported
from clr_study.spec.study import Study


def import_user_module(name: str) -> None:
    """Imports a module that the study file names; it registers the user's own things.

    Raises:
        SpecError: It is not there, or fails: the end of its own trace says where.
    """
    imported(name, "imports")


def user_modules(study: Study) -> tuple[str, ...]:
    """Returns the modules of the user that a study names: in its `imports`, by a kind's path, as its training loop."""
    named = [*_kinds(tomllib.loads(study.source)), study.train_fn]
    by_path = sorted({path.partition(":")[0] for path in named if ":" in path})
    return tuple(dict.fromkeys([*study.imports, *by_path]))


def _kinds(table: Any) -> Iterator[str]:
    if isinstance(table, dict):
        if isinstance(table.get("kind"), str):
            yield table["kind"]
        table = list(table.values())
    if isinstance(table, list):
        for part in table:
            yield from _kinds(part)
