"""Reads a table with holes: the one place that knows how a hole is written in TOML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_study.errors import SpecError, did_you_mean
from clr_study.spec.make import call
from clr_study.spec.space import Choices, FromRangeTest, Quantity, Range, Ratio

HOLE_FORMS = (
    '{ low, high }, { choices }, { times = KEY, low, high }, { from = "range_test", times = [LOW, HIGH] } '
    "or { value, unit }"
)


def parse_template(table: Any, where: str) -> Any:
    """Returns a kind's table with its holes parsed.

    Args:
        table: `kind` and keys, each a value, a hole, or again a table with a kind.
        where: The place in the file, for messages.

    Raises:
        SpecError: It is no table, or a hole in it cannot be.

    Examples:
        >>> parse_template({"kind": "constant", "lr": {"low": 0.1, "high": 1}}, "[arms.a.schedule]")["lr"]
        Range(low=0.1, high=1.0, log=False, integer=False, unit=None)
    """
    if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
        raise SpecError(f"{where} must be a table with a kind, but got {table!r}")
    return {key: _node(value, table, f"{where} {key}") for key, value in table.items()}


def parse_values(table: Any, where: str) -> Any:
    """Returns what a training loop of the user's own is given, its holes parsed: a table without a kind.

    Raises:
        SpecError: It is no table, or a hole in it cannot be.

    Examples:
        >>> parse_values({"width": {"choices": [8, 16]}, "depth": 2}, "[values]")
        {'width': Choices(choices=(8, 16)), 'depth': 2}
    """
    if not isinstance(table, Mapping):
        raise SpecError(f"{where} must be a table, but got {table!r}")
    return {key: _node(value, table, f"{where} {key}") for key, value in table.items()}


def _node(value: Any, siblings: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, list):
        return tuple(_node(part, {}, f"{where}[{index}]") for index, part in enumerate(value))
    if not isinstance(value, Mapping):
        return value
    if "kind" in value:
        return parse_template(value, where)
    return _hole(value, siblings, where)


def _hole(table: Mapping[str, Any], siblings: Mapping[str, Any], where: str) -> Any:
    if "choices" in table:
        return call(Choices, table, where, noun="a list of choices")
    if "from" in table:
        if table["from"] != "range_test":
            raise SpecError(f"{where} from: known is 'range_test', but got {table['from']!r}")
        rest = {key: value for key, value in table.items() if key != "from"}
        return call(FromRangeTest, rest, where, noun="a range from a test")
    if "times" in table:
        return _ratio(table, siblings, where)
    if "value" in table:
        return call(Quantity, table, where, noun="a quantity")
    if "low" in table or "high" in table:
        return call(Range, table, where, noun="a range")
    raise SpecError(f"{where} is a table that is no hole: {dict(table)!r}; it may be {HOLE_FORMS}")


def _ratio(table: Mapping[str, Any], siblings: Mapping[str, Any], where: str) -> Ratio:
    ratio: Ratio = call(Ratio, table, where, noun="a ratio")
    key = where.split()[-1]
    if ratio.times not in siblings or ratio.times == key:
        others = [name for name in siblings if name not in ("kind", key)]
        raise SpecError(
            f"{where} times: there is no key {ratio.times!r} beside it; {did_you_mean(ratio.times, others)}"
        )
    whole = siblings[ratio.times]
    if isinstance(whole, Mapping) and "times" in whole and "from" not in whole:
        raise SpecError(f"{where} times: {ratio.times!r} is itself a ratio; name a key with a value or a range")
    if not _numeric(whole):
        raise SpecError(f"{where} times: {ratio.times!r} is no number, but {whole!r}")
    if key.endswith("_lr") and ratio.high >= 1:
        raise SpecError(
            f"{where} a ratio of learning rates must lie in (0, 1), but got low={ratio.low}, high={ratio.high}"
        )
    return ratio


def _numeric(value: Any) -> bool:
    """Whether what stands there is a number, or a hole for one; a hole's own ends are checked where it is parsed."""
    if isinstance(value, Mapping):
        return "kind" not in value and all(map(_numeric, value.get("choices", ())))
    return isinstance(value, (int, float)) and not isinstance(value, bool)
