"""`clr-study storage`: what a storage is, and its upkeep."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from clr_study.cli.completion import stored
from clr_study.cli.options import STORAGE_HELP

storage_option = click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)


@click.group(short_help="Shows a storage, upgrades it, copies a study, prunes checkpoints.")
def storage() -> None:
    """Shows what a storage holds, brings its tables up to date, copies a study elsewhere, prunes checkpoints.

    \b
    Examples:
      clr-study storage show
      clr-study storage copy quickstart sqlite:///quickstart.db
    """


@storage.command()
@storage_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def show(storage: str, as_json: bool) -> None:
    """Shows the backend, the schema's version, the size, and how much there is of each study.

    \b
    Example:
      clr-study storage show --storage postgresql+psycopg://me@host/db
    """
    from clr_study.cli.upkeep import print_overview
    from clr_study.store import overview
    from clr_study.where import Where

    found = overview(Where(storage=storage).url)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        print_overview(found)


@storage.command()
@storage_option
def upgrade(storage: str) -> None:
    """Brings the tables to the version that this clr-study needs; `run` does so too.

    \b
    Example:
      clr-study storage upgrade
    """
    from clr_study.store import upgrade_storage
    from clr_study.where import Where

    before, now = upgrade_storage(Where(storage=storage).url)
    click.echo(f"schema {now}, up to date" if before == now else f"schema {before} upgraded to {now}")


@storage.command()
@click.argument("study", shell_complete=stored)
@click.argument("target", metavar="TO_URL", default="", envvar="CLR_COPY_TO")
@storage_option
def copy(study: str, target: str, storage: str) -> None:
    """Copies STUDY (its name), with what Optuna holds of it, to the storage TO_URL, whose tables are made.

    A URL with a password is given as CLR_COPY_TO rather than as TO_URL, which a list of processes would show.

    \b
    Examples:
      clr-study storage copy quickstart sqlite:///quickstart.db
      CLR_COPY_TO=postgresql+psycopg://me:secret@host/db clr-study storage copy quickstart
    """
    from clr_study.cli.upkeep import copy_and_say

    copy_and_say(study, storage, target)


@storage.command()
@storage_option
@click.option("--out", default="", metavar="DIR", help="Folder of the report [default: results/STUDY].")
@click.option("--checkpoints", default="", metavar="DIR", help="Their folder [default: in --out].")
def prune(storage: str, out: str, checkpoints: str) -> None:
    """Removes checkpoints that no run goes on from: those of runs that ended, and files that no storage row names.

    A study that is being run is left alone.

    \b
    Example:
      clr-study storage prune
    """
    from clr_study.cli.upkeep import prune_and_say
    from clr_study.where import Where

    prune_and_say(Where(storage=storage, out=out, checkpoints=checkpoints))
