"""Names that a package hands on when they are asked for, so that whoever needs others does not wait for torch."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from importlib import import_module
from typing import Any


def on_demand(package: str, homes: Mapping[str, AbstractSet[str]], name: str) -> Any:
    """Returns what a package's `__getattr__` is asked for, from the module of the package that defines it.

    Args:
        package: The package's name.
        homes: The names that each of its modules defines, by the module's name within the package.
        name: What is asked for.

    Raises:
        AttributeError: No module defines it.

    Examples:
        >>> on_demand("clr_study.schedules", {"fixed": {"Constant"}}, "Constant")(lr=0.5)
        Constant(lr=0.5)
        >>> on_demand("clr_study.schedules", {"fixed": {"Constant"}}, "Konstant")
        Traceback (most recent call last):
        AttributeError: module 'clr_study.schedules' has no attribute 'Konstant'
    """
    for module, names in homes.items():
        if name in names:
            return getattr(import_module(f"{package}.{module}"), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
