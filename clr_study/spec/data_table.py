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


def on_other_data(table: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the tables of a study file with the data set of `data_instead` in the place of its own.

    What the study does to its data stays, unless the new table says otherwise. Its name becomes `<name>-on-<kind>`, so
    that its numbers are never taken for the study's.

    Args:
        table: The whole file.

    Raises:
        SpecError: `data_instead` is no table with a kind.
    """
    other, data = table["data_instead"], table.get("data")
    if not isinstance(other, Mapping) or not isinstance(other.get("kind"), str):
        raise SpecError('data_instead must be a table with a kind, as in { kind = "image_folder", root = "photos" }')
    kept = {key: value for key, value in data.items() if key in COMMON} if isinstance(data, Mapping) else {}
    name = f"{table['name']}-on-{other['kind'].replace(':', '.')}"
    question = f"{table.get('question', '')} (on other data: {other['kind']})".lstrip()
    return {**table, "name": name, "question": question, "data": {**kept, **other}}
