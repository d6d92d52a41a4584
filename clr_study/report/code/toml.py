"""A table of a study file as TOML text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def toml_table(name: str, table: Mapping[str, Any]) -> str:
    """Returns a table under its header, its kind first; what stands within it goes onto its line.

    Args:
        name: The header, as `arms.fixed.schedule`.
        table: Its keys; tables and lists within it as well.

    Examples:
        >>> print(toml_table("arms.a.schedule", {"lr": 0.1, "kind": "constant"}), end="")
        [arms.a.schedule]
        kind = "constant"
        lr = 0.1
    """
    keys = sorted(table, key=lambda key: key != "kind")
    return "\n".join([f"[{name}]", *(f"{_key(key)} = {toml_value(table[key])}" for key in keys)]) + "\n"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)


def toml_value(value: Any) -> str:
    """Returns a value as TOML writes it, a table within braces.

    Examples:
        >>> toml_value({"low": 0.1, "log": True, "tags": ["a"]})
        '{ low = 0.1, log = true, tags = ["a"] }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {toml_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return repr(value)
