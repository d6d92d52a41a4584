"""Where the shipped studies and pages lie: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def shipped_folder(name: Literal["studies", "dashboards"]) -> Path:
    """Returns the folder of the shipped TOML files.

    Args:
        name: Which files.

    Examples:
        >>> shipped_folder("dashboards").name
        'dashboards'
    """
    package = Path(__file__).resolve().parent
    installed = package / "shipped" / name
    return installed if installed.is_dir() else package.parent / name
