"""What a run may ask for in the place of a study file's own: other data, fewer seeds; and what it is called then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_study.errors import SpecError
from clr_study.spec.data_table import COMMON
from clr_study.spec.sections import Measure


def changes(table: Mapping[str, Any]) -> str:
    """Returns what a study file asks for in the place of its own, in words; empty for a file as it stands.

    Args:
        table: The whole file, with `scale`, `seeds_instead` and `data_instead` where they were asked for.

    Examples:
        >>> changes({"scale": 0.02, "seeds_instead": 1, "measure": {"seeds": 10}})
        'a preview at 0.02 of its length and on 1 of its 10 seeds'
        >>> changes({"data_instead": {"kind": "npz"}})
        'on other data (npz)'
    """
    less = [f"at {table['scale']:g} of its length"] if "scale" in table else []
    if "seeds_instead" in table:
        less.append(f"on {table['seeds_instead']} of its {_own_seeds(table)} seeds")
    found = [f"a preview {' and '.join(less)}"] if less else []
    found += [f"on other data ({table['data_instead']['kind']})"] if "data_instead" in table else []
    return ", ".join(found)


def asked(table: Mapping[str, Any]) -> str:
    """Returns the question of a study file, which says what the file asks for in the place of its own.

    Args:
        table: The whole file.

    Examples:
        >>> asked({"question": "Which?", "scale": 0.02})
        'Which? A preview at 0.02 of its length.'
    """
    question, told = str(table.get("question", "")), changes(table)
    return f"{question} {told[0].upper()}{told[1:]}.".lstrip() if told else question


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
    return {**table, "name": name, "data": {**kept, **other}}


def on_fewer_seeds(table: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the tables of a study file with `seeds_instead` in the place of its measure phase's seeds: a preview.

    Its name becomes `<name>-n<seeds>`, so that its intervals are never taken for the study's.

    Args:
        table: The whole file.

    Raises:
        SpecError: `seeds_instead` is no whole number from 1 to one less than the study's own.
    """
    seeds, own = table["seeds_instead"], _own_seeds(table)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not (isinstance(own, int) and 0 < seeds < own):
        words = f"a whole number of at least 1 and below the study's own, {own!r}"
        raise SpecError(f"seeds_instead must be {words}, but got {seeds!r}")
    measure = {**table.get("measure", {}), "seeds": seeds}
    return {**table, "name": f"{table['name']}-n{seeds}", "measure": measure}


def _own_seeds(table: Mapping[str, Any]) -> Any:
    measure = table.get("measure", {})
    return measure.get("seeds", Measure().seeds) if isinstance(measure, Mapping) else measure
