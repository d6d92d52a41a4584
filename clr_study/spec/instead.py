"""What a run may ask for in the place of a study file's own: other data, fewer seeds. Each gets a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_study.errors import SpecError
from clr_study.spec.data_table import COMMON
from clr_study.spec.sections import Measure


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


def on_fewer_seeds(table: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the tables of a study file with `seeds_instead` in the place of its measure phase's seeds: a preview.

    Its name becomes `<name>-n<seeds>`, so that its intervals are never taken for the study's.

    Args:
        table: The whole file.

    Raises:
        SpecError: `seeds_instead` is no whole number from 1 to one less than the study's own.
    """
    seeds, measure = table["seeds_instead"], table.get("measure", {})
    own = measure.get("seeds", Measure().seeds) if isinstance(measure, Mapping) else measure
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not (isinstance(own, int) and 0 < seeds < own):
        words = f"a whole number of at least 1 and below the study's own, {own!r}"
        raise SpecError(f"seeds_instead must be {words}, but got {seeds!r}")
    question = f"{table.get('question', '')} (on {seeds} of its {own} seeds: a preview)".lstrip()
    return {**table, "name": f"{table['name']}-n{seeds}", "question": question, "measure": {**measure, "seeds": seeds}}
