"""`clr-study list`: what there is, from the registries themselves."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clr_study.cli.find import shipped_studies
from clr_study.cli.text import plain
from clr_study.errors import InputError, did_you_mean

# Where each registry lives; imported when asked for, since some of them bring torch.
REGISTRIES = {
    "schedules": ("clr_study.schedules", "SCHEDULES"),
    "data": ("clr_study.data", "DATASETS"),
    "models": ("clr_study.models", "MODELS"),
    "optimizers": ("clr_study.optim", "OPTIMIZERS"),
    "metrics": ("clr_study.metrics", "METRICS"),
    "executors": ("clr_study.executors", "EXECUTORS"),
    "figures": ("clr_study.report", "FIGURES"),
    "bound-rules": ("clr_study.analysis", "BOUND_RULES"),
}


def print_list(what: str | None) -> None:
    """Prints the studies, the things of one registry, or what can be listed.

    Raises:
        InputError: Nothing is called that.
    """
    console = Console()
    if what is None:
        console.print(
            Text("clr-study list WHAT, where WHAT is one of: " + ", ".join(("studies", *REGISTRIES))), soft_wrap=True
        )
        return
    if what == "studies":
        console.print(_studies())
        return
    if what not in REGISTRIES:
        raise InputError(f"nothing to list is called {what!r}; {did_you_mean(what, ('studies', *REGISTRIES))}")
    module, name = REGISTRIES[what]
    registry = getattr(import_module(module), name)
    table = Table(title=what, title_justify="left")
    for column in ("kind", "arguments", "what it is"):
        table.add_column(column, overflow="fold")
    for kind in registry:
        table.add_row(kind, arguments_of(registry[kind]), Text(first_sentence(registry[kind])))
    console.print(table)


def _studies() -> Table:
    table = Table(title="shipped studies", title_justify="left")
    for column in ("name", "question"):
        table.add_column(column, overflow="fold")
    for name, path in shipped_studies().items():
        table.add_row(name, Text(plain(tomllib.loads(path.read_text()).get("question", ""))))
    return table


def arguments_of(thing: Callable[..., Any]) -> str:
    """Returns what a registered thing takes from its table, with the defaults.

    Examples:
        >>> def small(*, shape, classes, width: int = 8): ...
        >>> arguments_of(small)
        'width = 8'
    """
    given = ("shape", "classes", "setups", "lrs", "accuracies", "losses", "results", "comparison", "outputs", "targets")
    shown = []
    for name, parameter in inspect.signature(thing).parameters.items():
        if name not in given:
            required = parameter.default is parameter.empty
            shown.append(name if required else f"{name} = {parameter.default!r}")
    return ", ".join(shown)


def first_sentence(thing: Callable[..., Any]) -> str:
    """Returns the first line of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n", 1)[0]
