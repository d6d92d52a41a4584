"""Imports the modules that a study file names, so that what they register can stand in it."""

from __future__ import annotations

import traceback
from importlib import import_module

from clr_study.errors import SpecError


def import_user_module(name: str) -> None:
    """Imports a module that the study file names; it registers the user's own things.

    Raises:
        SpecError: It is not there, or fails: the last line of its own trace says where.
    """
    try:
        import_module(name)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise SpecError(
            f"imports: the module {name!r} cannot be imported: {type(error).__name__}: {error} "
            f"({last.filename}, line {last.lineno})"
        ) from error
