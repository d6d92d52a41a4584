"""Finds a study: a shipped one by its name, or a file by its path."""

from __future__ import annotations

import sys
from pathlib import Path

from clr_study.errors import SpecError, did_you_mean
from clr_study.shipped import shipped_folder
from clr_study.spec import Study, load_study, scaled


def shipped_studies() -> dict[str, Path]:
    """Returns the shipped study files by name."""
    return {path.stem: path for path in sorted(shipped_folder("studies").glob("*.toml"))}


def find_study(name: str, scale: float | None = None) -> Study:
    """Returns the study of a shipped name or of a path that ends in `.toml`.

    Args:
        name: The name or the path.
        scale: The part of its length that is wanted, for a preview; None for all of it.

    Raises:
        SpecError: There is no such study, or it cannot be.
    """
    study = _found(name)
    return study if scale is None else scaled(study, scale)


def _found(name: str) -> Study:
    shipped = shipped_studies()
    if name in shipped:
        return load_study(shipped[name])
    if not name.endswith(".toml"):
        hint = did_you_mean(name, shipped)
        raise SpecError(
            f"no shipped study is called {name!r}; {hint}; for a file of your own give its path, ending in .toml"
        )
    make_importable(Path(name).resolve().parent)
    return load_study(name)


def make_importable(*folders: Path) -> None:
    """Puts folders and the current one on Python's path, for what a study file imports; worker processes get it too.

    They go to the end: a user's file that is called as a module of Python's must not take its place.
    """
    for folder in (*folders, Path.cwd()):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
