"""`clr-study list`: what there is, from the registries themselves."""

from __future__ import annotations

import tomllib
from importlib import import_module
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from clr_study.cli.described import Argument, Described, described
from clr_study.cli.find import make_importable, shipped_studies
from clr_study.cli.text import plain
from clr_study.errors import InputError, did_you_mean
from clr_study.registry import Registry

# Where each registry lives; imported when asked for, since some of them bring torch.
REGISTRIES = {
    "schedules": ("clr_study.schedules", "SCHEDULES"),
    "data": ("clr_study.data", "DATASETS"),
    "models": ("clr_study.models", "MODELS"),
    "optimizers": ("clr_study.optim", "OPTIMIZERS"),
    "augmentations": ("clr_study.data", "AUGMENTATIONS"),
    "losses": ("clr_study.losses", "LOSSES"),
    "metrics": ("clr_study.metrics", "METRICS"),
    "executors": ("clr_study.executors", "EXECUTORS"),
    "figures": ("clr_study.report", "FIGURES"),
    "joint-figures": ("clr_study.report", "JOINT_FIGURES"),
    "bound-rules": ("clr_study.analysis", "BOUND_RULES"),
}
LISTED = ("studies", *REGISTRIES)


def registry(what: str) -> Registry[Any]:
    """Returns a registry by the name that `list` has for it."""
    module, name = REGISTRIES[what]
    found: Registry[Any] = getattr(import_module(module), name)
    return found


def print_list(what: str | None, kind: str | None = None) -> None:
    """Prints the studies, the things of one registry, all about one thing, or what can be listed.

    Args:
        what: One of `LISTED`, or the kind of a thing in any registry.
        kind: A thing of the registry `what`; also one by path, `my_package.nets:make_net`.

    Raises:
        InputError: Nothing is called that.
    """
    console = Console(highlight=False)
    if what is None:
        console.print(Text("clr-study list WHAT, where WHAT is one of:\n" + ", ".join(LISTED)))
    elif what == "studies" and kind is None:
        console.print(_studies())
    elif what in REGISTRIES and kind is None:
        things = registry(what)
        console.print(Group(*(_in_short(described(one, things[one])) for one in things)))
        console.print(Text(f"all about one of them: clr-study list {what} KIND", style="dim"))
    elif what in REGISTRIES and kind is not None:
        make_importable()
        console.print(_in_full(described(kind, registry(what)[kind])))
    else:
        console.print(_in_full(_anywhere(what)))


def _anywhere(kind: str) -> Described:
    for what in REGISTRIES:
        things = registry(what)
        if kind in things:
            return described(kind, things[kind])
    raise InputError(f"nothing to list is called {plain(kind)!r}; {did_you_mean(kind, LISTED)}")


def _studies() -> Table:
    table = Table(title="shipped studies", title_justify="left")
    for column in ("name", "question"):
        table.add_column(column, overflow="fold")
    for name, path in shipped_studies().items():
        table.add_row(name, Text(plain(tomllib.loads(path.read_text()).get("question", ""))))
    return table


def _in_short(thing: Described) -> RenderableType:
    """Kind and sentence, and below them each argument with what it means."""
    parts: list[RenderableType] = [Text(thing.kind, style="bold"), _indented(thing.sentence)]
    return Group(*parts, *([_arguments(thing.arguments)] if thing.arguments else []), "")


def _in_full(thing: Described) -> RenderableType:
    """Everything that the docstring says."""
    parts: list[RenderableType] = [Text(thing.kind, style="bold"), "", Text(plain(thing.sentence))]
    parts += ["", Text(plain(thing.text))] if thing.text else []
    parts += ["", Text("arguments", style="bold"), _arguments(thing.arguments)] if thing.arguments else []
    parts += ["", Text("refuses", style="bold"), *(_indented(one) for one in thing.refuses)] if thing.refuses else []
    parts += ["", Text("examples", style="bold"), Text(plain(thing.examples))] if thing.examples else []
    return Group(*parts)


def _indented(text: str) -> Padding:
    return Padding(Text(plain(text)), (0, 0, 0, 2))


def _arguments(arguments: tuple[Argument, ...]) -> RenderableType:
    """A line or more for each argument: its name, its type with the default, what it means."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="cyan", overflow="fold")
    table.add_column(max_width=24, overflow="fold")
    table.add_column(overflow="fold")
    for one in arguments:
        default = "required" if one.default is None else f"= {one.default}"
        table.add_row(one.name, Text(plain(f"{one.type}\n{default}".strip())), Text(plain(one.meaning)))
    return Padding(table, (0, 0, 0, 2))
