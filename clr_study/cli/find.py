"""Finds a study: a shipped one by its name, or a file by its path."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from clr_study.errors import SpecError, did_you_mean
from clr_study.shipped import shipped_folder
from clr_study.spec import Study, load_study, parse_study, scaled


def shipped_studies() -> dict[str, Path]:
    """Returns the shipped study files by name."""
    return {path.stem: path for path in sorted(shipped_folder("studies").glob("*.toml"))}


def find_study(name: str, scale: float | None = None, data: str = "", seeds: int | None = None) -> Study:
    """Returns the study of a shipped name or of a path that ends in `.toml`.

    Args:
        name: The name or the path.
        scale: The part of its length that is wanted, for a preview; None for all of it.
        data: A table of TOML, the data to run it on instead of its own; empty for its own.
        seeds: Of its measure phase, fewer than its own, for a preview; None for its own.

    Raises:
        SpecError: There is no such study, or it cannot be.
    """
    path = _path(name)
    study = load_study(path)
    if seeds is not None:
        study = parse_study(f"seeds_instead = {seeds}\n{study.source}", where=f"{path} with --seeds")
    if data:
        study = parse_study(_with_data(study.source, data), where=f"{path} with --data")
    return study if scale is None else scaled(study, scale)


def _path(name: str) -> Path:
    shipped = shipped_studies()
    if name in shipped:
        return shipped[name]
    if not name.endswith(".toml"):
        if Path(f"{name}.toml").is_file():
            raise SpecError(f"no shipped study is called {name!r}; did you mean the file {name}.toml?")
        near = did_you_mean(name, shipped)
        hint = near if near.endswith("?") else "`clr-study list studies` shows them"
        raise SpecError(
            f"no shipped study is called {name!r}; {hint}; for a file of your own give its path, ending in .toml"
        )
    make_importable(Path(name).resolve().parent)
    return Path(name)


def _with_data(source: str, data: str) -> str:
    """The text of a study file that says itself on which other data it runs, as the storage keeps it."""
    try:
        if list(tomllib.loads(f"data_instead = {data}")) != ["data_instead"]:
            raise ValueError("it must be one table")
    except ValueError as error:
        raise SpecError(
            f'--data must be a table, as in \'{{ kind = "image_folder", root = "photos" }}\': {error}'
        ) from None
    return f"data_instead = {data}\n{source}"


def make_importable(*folders: Path) -> None:
    """Puts folders and the current one on Python's path, for what a study file imports; worker processes get it too.

    They go to the end: a user's file that is called as a module of Python's must not take its place.
    """
    for folder in (*folders, Path.cwd()):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
