"""Options that more than one command has."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from clr_study.cli.text import plain

OF_WHERE = ("storage", "out", "executor", "devices", "workers", "gpus_per_worker", "cpus_per_worker", "checkpoints")
STORAGE_HELP = "Database URL [default: $CLR_STORAGE, or sqlite:///clr_study.db]."


scale_option = click.option(
    "--scale", type=float, metavar="FACTOR", help="A preview: every length times FACTOR, above 0 and below 1."
)
data_option = click.option(
    "--data", default="", metavar="TABLE", help='Other data: \'{ kind = "image_folder", root = "DIR" }\'.'
)


def change_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that change a study and its name; the command gets them as `changes`."""

    @scale_option
    @data_option
    @click.option("--seeds", type=int, metavar="N", help="A preview: measured on fewer seeds than its own.")
    @wraps(command)
    def with_changes(scale: float | None, data: str, seeds: int | None, **rest: Any) -> Any:
        return command(changes=(scale, data, seeds), **rest)

    return with_changes


quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print nothing but the report's path, and errors.")


def places_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say where a study runs; the command gets them as one `where`."""

    @click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
    @click.option("--out", default="", metavar="DIR", help="Folder of the report [default: results/STUDY].")
    @click.option("--executor", default="", metavar="NAME", help="One of `list executors` [default: by the workers].")
    @click.option("--devices", default="auto", metavar="LIST", help="auto, cpu, cuda:0, or several with commas.")
    @click.option(
        "--lanes", default="auto", metavar="N", help="How many runs share a training step: auto, or 1 and up."
    )
    @click.option("--workers", default=0, metavar="N", help="How many workers [default: one a device].")
    @click.option("--gpus-per-worker", default=0.0, metavar="SHARE", help="Of a GPU, 0 to 1, as 0.5 for two on each.")
    @click.option("--cpus-per-worker", default=0, metavar="N", help="Threads of a worker [default: cores shared out].")
    @click.option("--address", metavar="HOST:PORT", help="Of a Ray cluster: auto for the one of this machine.")
    @click.option("--checkpoints", default="", metavar="DIR", help="Their folder, or none [default: in --out].")
    @click.option(
        "--option", "-o", "pairs", multiple=True, metavar="NAME=VALUE", help="What else the executor takes; repeatable."
    )
    @wraps(command)
    def with_where(lanes: str, address: str | None, pairs: tuple[str, ...], **rest: Any) -> Any:
        from clr_study.errors import InputError
        from clr_study.where import Where

        if lanes != "auto" and not (lanes.isdecimal() and int(lanes) > 0):
            raise InputError(f"--lanes must be auto or a number from 1 up, but got {plain(lanes)!r}")
        own = {name: rest.pop(name) for name in OF_WHERE}
        options = dict(map(_pair, pairs)) | ({"address": address} if address else {})
        where = Where(**own, lanes=0 if lanes == "auto" else int(lanes), options=options, may_spread=True)
        return command(where=where, **rest)

    return with_where


def _pair(text: str) -> tuple[str, Any]:
    """A name and its value, written as in TOML; what is not TOML is a text."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"--option must be NAME=VALUE, but got {plain(text)!r}")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value
