"""The `data` table of a study file: the data set's own keys, and those of what is done to any data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_study.errors import SpecError
from clr_study.spec.make import call
from clr_study.spec.sections import Data

COMMON = ("validation", "subset", "label_noise", "normalise", "augment")


def parse_data(table: Any) -> Data:
    """Returns what the `data` table of a study file says.

    Raises:
        SpecError: It has no kind, or something in it cannot be.
    """
    if not isinstance(table, Mapping) or "kind" not in table:
        raise SpecError("[data] must be a table with a kind")
    common = {key: table[key] for key in COMMON if key in table}
    augment = common.get("augment", [])
    if not isinstance(augment, list):
        raise SpecError(f"[data] augment must be a list, but got {augment!r}")
    if not all(isinstance(part, Mapping) and "kind" in part for part in augment):
        raise SpecError('[data] augment must be a list of tables with a kind, as in [{ kind = "flip" }]')
    own = {key: value for key, value in table.items() if key not in common}
    return call(Data, common, "[data]", given={"table": own})
