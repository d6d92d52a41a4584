"""Options that more than one command has."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from clr_study.cli.text import plain

STORAGE_HELP = "Database URL [default: $CLR_STORAGE, or sqlite:///clr_study.db]."

scale_option = click.option(
    "--scale", type=float, metavar="PART", help="A preview: everything takes this part of its time, as 0.02."
)
scale_option = click.option(
    "--scale", type=float, metavar="FACTOR", help="A preview: every length times FACTOR, above 0 and below 1."
)
"""Makes a study shorter, under a name of its own; the command gets `scale`, None if it is not given."""


def places_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say where a study runs; the command gets them as one `where`."""

    @click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
    @click.option("--out", default="", metavar="DIR", help="Folder of the report [default: results/STUDY].")
    @click.option("--executor", default="", metavar="NAME", help="inline or processes [default: by the devices].")
    @click.option("--devices", default="auto", metavar="LIST", help="auto, cpu, cuda:0, or several with commas.")
    @click.option(
        "--lanes", default="auto", metavar="N", help="How many runs share a training step: auto, or 1 and up."
    )
    @wraps(command)
    def with_where(storage: str, out: str, executor: str, devices: str, lanes: str, **rest: Any) -> Any:
        from clr_study.errors import InputError
        from clr_study.search import Where

        if lanes != "auto" and not (lanes.isdecimal() and int(lanes) > 0):
            raise InputError(f"--lanes must be auto or a number from 1 up, but got {plain(lanes)!r}")
        number = 0 if lanes == "auto" else int(lanes)
        where = Where(storage=storage, out=out, executor=executor, devices=devices, lanes=number)
        return command(where=where, **rest)

    return with_where
