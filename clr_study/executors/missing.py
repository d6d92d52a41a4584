"""Executors of other packages: what is not installed is said in a sentence."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from clr_study.errors import InputError


def optional(module: str, extra: str) -> ModuleType:
    """Imports a package that an extra installs.

    Args:
        module: Its name.
        extra: The extra of clr_study that installs it, and the executor that needs it.

    Raises:
        InputError: It is not installed.

    Examples:
        >>> optional("no_such_package", "ray")
        Traceback (most recent call last):
        clr_study.errors.InputError: --executor ray needs a package that is not installed, no_such_package: \
pip install 'clr_study[ray]'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise InputError(
            f"--executor {extra} needs a package that is not installed, {module}: pip install 'clr_study[{extra}]'"
        ) from None
