"""Finds a study: a shipped one by its name, or a file by its path."""

from __future__ import annotations

from pathlib import Path

from clr_study.errors import SpecError, did_you_mean
from clr_study.shipped import shipped_folder
from clr_study.spec import Study, load_study


def shipped_studies() -> dict[str, Path]:
    """Returns the shipped study files by name."""
    return {path.stem: path for path in sorted(shipped_folder("studies").glob("*.toml"))}


def find_study(name: str) -> Study:
    """Returns the study of a shipped name or of a path that ends in `.toml`.

    Raises:
        SpecError: There is no such study, or it cannot be.
    """
    shipped = shipped_studies()
    if name in shipped:
        return load_study(shipped[name])
    if not name.endswith(".toml"):
        hint = did_you_mean(name, shipped)
        raise SpecError(
            f"no shipped study is called {name!r}; {hint}; for a file of your own give its path, ending in .toml"
        )
    return load_study(name)
