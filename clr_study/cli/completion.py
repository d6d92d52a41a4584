"""Words that the shell completes with Tab: studies, files, pages, registered kinds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from glob import escape, glob

import click
from click.shell_completion import get_completion_class

from clr_study.errors import ClrStudyError, InputError

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_CLR_STUDY_COMPLETE"


def script(command: click.Command, shell: str) -> str:
    """Returns what a shell has to read to complete the words of `clr-study`.

    Args:
        command: The whole command line.
        shell: One of `SHELLS`.

    Raises:
        InputError: The shell is too old for it.
    """
    made = get_completion_class(shell)
    assert made is not None
    try:
        return made(command, {}, "clr-study", VARIABLE).source()
    except RuntimeError as error:  # click looks at bash's version
        raise InputError(str(error)) from None


def studies(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Completes what can be run: the shipped studies, and study files."""
    from clr_study.cli.find import shipped_studies

    return [*_starting(shipped_studies(), word), *_files(word)]


def stored(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Completes what can be looked at: the studies of the storage, and study files."""
    from clr_study.store import open_store, study_names
    from clr_study.where import Where

    try:
        with open_store(Where(storage=context.params.get("storage") or "").url, create=False) as store:
            return [*_starting(study_names(store), word), *_files(word)]
    except ClrStudyError:  # there is no storage yet, or it is away: a shell that waits for a word wants no message
        return _files(word)


def pages(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Completes the pages of a report."""
    from clr_study.shipped import shipped_folder

    return [*_starting((path.stem for path in shipped_folder("dashboards").glob("*.toml")), word), *_files(word)]


def listed(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Completes what `list` lists."""
    from clr_study.cli.listing import LISTED

    return _starting(LISTED, word)


def kinds(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Completes the kinds of one registry: of `--data` and `--model` those, else of what was asked to be listed."""
    from clr_study.cli.listing import REGISTRIES, registry

    what = {"data": "data", "model": "models", "tables": "schedules"}.get(
        parameter.name or "", context.params.get("what")
    )
    return _starting(registry(what), word) if what in REGISTRIES else []


def _starting(names: Iterable[str], word: str) -> list[str]:
    return sorted(name for name in names if name.startswith(word))


def _files(word: str) -> list[str]:
    """The TOML files that a word may become, and the folders on the way to some."""
    folders = [path + os.sep for path in glob(escape(word) + "*") if os.path.isdir(path)]
    return sorted([*glob(escape(word) + "*.toml"), *folders])
