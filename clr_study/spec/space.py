"""A search space is a trial with holes: leaves of the study file that are searched.

A table of the study file may hold, where a number or word could stand::

    { low = 1e-3, high = 1.0, log = true }                   a range
    { low = 2, high = 10, unit = "epochs" }                  a range in epochs; inside, updates are the only unit
    { choices = [16, 32, 64] }                               one of these
    { times = "max_lr", low = 0.05, high = 0.5 }             a ratio to a sibling leaf, so that no invalid pair is drawn
    { from = "range_test", times = [0.3, 1.0] }              a range whose ends a range test finds
    { value = 4, unit = "epochs" }                           not a hole: a fixed number, in epochs
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Unit: TypeAlias = Literal["updates", "epochs"]
Path: TypeAlias = tuple[str | int, ...]
Scalar: TypeAlias = float | int | str | bool
Values: TypeAlias = Mapping[str, Scalar]

LARGEST = 1_000_000_000
"""No count in a study file is above this: a longer number is a slip of the hand."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """A hole filled by a number between two ends, both included.

    Args:
        low: The lower end, in `unit`.
        high: The upper end, above `low`.
        log: Whether the number is drawn on a log scale; then `low` must be above 0.
        integer: Whether only whole numbers are drawn.
        unit: What the ends count where they count time. Without it they are taken as they stand.

    Raises:
        ValueError: `low < high` does not hold, a log range, or one with a unit, starts at or below 0, or one with a
            unit ends above `LARGEST`.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False
    unit: Unit | None = None

    def __post_init__(self) -> None:
        check_ends(self.low, self.high, self.log)
        if self.unit and not (self.low > 0 and self.high <= LARGEST):
            raise ValueError(
                f"a range of {self.unit} must lie above 0 and at most at {LARGEST:,}, but got low={self.low}, "
                f"high={self.high}"
            )
        if self.integer and (self.low != int(self.low) or self.high != int(self.high)):
            raise ValueError(f"the ends of an integer range must be whole, but got low={self.low}, high={self.high}")
        if self.integer:  # what asks for a whole number takes no 16.0
            object.__setattr__(self, "low", int(self.low))
            object.__setattr__(self, "high", int(self.high))


@dataclass(frozen=True, kw_only=True)
class Choices:
    """A hole filled by one of some values.

    Args:
        choices: At least two different values.
    """

    choices: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        if len(set(self.choices)) < 2:
            raise ValueError(f"choices must hold at least two different values, but got {list(self.choices)}")


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A hole filled by a sibling's value times a drawn ratio: the paper's base_lr as a part of max_lr.

    Args:
        times: The sibling's key in the same table.
        low: The smallest ratio, above 0.
        high: The largest ratio.
        log: Whether the ratio is drawn on a log scale.
    """

    times: str
    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        check_ends(self.low, self.high, self.log)
        if self.low <= 0:
            raise ValueError(f"a ratio must be above 0, but got low={self.low}")


@dataclass(frozen=True, kw_only=True)
class FromRangeTest:
    """A hole filled by a number near a bound that a range test finds: base_lr for a leaf of that name, else max_lr.

    Args:
        times: What the found bound is multiplied with to give the two ends.
        log: Whether the number is drawn on a log scale.
    """

    times: tuple[float, float]
    log: bool = True

    def __post_init__(self) -> None:
        check_ends(*self.times, log=self.log)
        if self.times[0] <= 0:
            raise ValueError(f"times must be above 0, but got {list(self.times)}")

    def around(self, bound: float) -> Range:
        """Returns the range that this hole is once the bound is known."""
        return Range(low=self.times[0] * bound, high=self.times[1] * bound, log=self.log)


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A fixed number with its unit; not a hole.

    Args:
        value: How many, above 0 and at most `LARGEST`.
        unit: Of what.
    """

    value: float
    unit: Unit

    def __post_init__(self) -> None:
        if not 0 < self.value <= LARGEST:
            raise ValueError(f"0 < value <= {LARGEST:,} {self.unit} must hold, but got value={self.value}")


Hole: TypeAlias = Range | Choices | Ratio | FromRangeTest


def check_ends(low: float, high: float, log: bool) -> None:
    """Raises ValueError unless the ends are finite, in order, and above 0 where the scale is a log scale."""
    if not (float("-inf") < low < high < float("inf")):
        raise ValueError(f"low < high must hold, but got low={low}, high={high}")
    if log and low <= 0:
        raise ValueError(f"a range with log = true must start above 0, but got low={low}")


def leaves(table: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields every leaf of nested tables and lists with its path, in the file's order.

    Examples:
        >>> list(leaves({"kind": "sgd", "parts": [{"lr": 1.0}]}))
        [(('kind',), 'sgd'), (('parts', 0, 'lr'), 1.0)]
    """
    if isinstance(table, Mapping):
        for key, value in table.items():
            yield from leaves(value, (*path, key))
    elif isinstance(table, (list, tuple)):
        for index, value in enumerate(table):
            yield from leaves(value, (*path, index))
    else:
        yield path, table


def parameter(path: Path, hole: Hole) -> str:
    """Returns the name under which a hole is drawn, as it stands in figures and in Optuna's tables.

    Examples:
        >>> parameter(("schedule", "step_size"), Range(low=1, high=2))
        'step_size'
        >>> parameter(("schedule", "base_lr"), Ratio(times="max_lr", low=0.1, high=0.5))
        'base_lr/max_lr'
        >>> parameter(("optim", "momentum"), Range(low=0.8, high=0.9))
        'optim.momentum'
    """
    name = ".".join(str(part) for part in (path[1:] if path[0] == "schedule" else path))
    return f"{name}/{hole.times}" if isinstance(hole, Ratio) else name


def holes(tables: Mapping[str, Any]) -> dict[str, Hole]:
    """Returns the holes of an arm's tables by the name under which each is drawn.

    Examples:
        >>> holes({"schedule": {"kind": "constant", "lr": Range(low=0.1, high=1.0)}})
        {'lr': Range(low=0.1, high=1.0, log=False, integer=False, unit=None)}
    """
    return {
        parameter(path, leaf): leaf
        for path, leaf in leaves(tables)
        if isinstance(leaf, (Range, Choices, Ratio, FromRangeTest))
    }


def with_bounds(tables: Any, bounds: Mapping[str, float], key: str = "") -> Any:
    """Returns the tables with every `from = "range_test"` hole made a range around the bound that was found.

    Args:
        tables: Nested tables with holes.
        bounds: `base_lr` and `max_lr` of the range test.
        key: The key under which `tables` stands; a leaf called base_lr goes by that bound, any other by max_lr.

    Examples:
        >>> with_bounds({"lr": FromRangeTest(times=(0.5, 1.0), log=False)}, {"base_lr": 0.25, "max_lr": 0.5})
        {'lr': Range(low=0.25, high=0.5, log=False, integer=False, unit=None)}
    """
    if isinstance(tables, Mapping):
        return {name: with_bounds(value, bounds, name) for name, value in tables.items()}
    if isinstance(tables, (list, tuple)):
        return tuple(with_bounds(value, bounds, key) for value in tables)
    if isinstance(tables, FromRangeTest):
        return tables.around(bounds["base_lr" if key == "base_lr" else "max_lr"])
    return tables


def filled(tables: Mapping[str, Any], values: Values, updates_per_epoch: float) -> dict[str, Any]:
    """Returns the tables with every hole filled and every epoch turned into updates.

    Args:
        tables: Nested tables with holes; no `FromRangeTest` is left in them.
        values: A value for each hole, by the name under which it is drawn.
        updates_per_epoch: What an epoch is worth in updates.

    Examples:
        >>> schedule = {"max_lr": Range(low=0.1, high=1.0), "base_lr": Ratio(times="max_lr", low=0.1, high=0.5)}
        >>> filled({"schedule": schedule}, {"max_lr": 0.5, "base_lr/max_lr": 0.25}, updates_per_epoch=100)
        {'schedule': {'max_lr': 0.5, 'base_lr': 0.125}}
    """

    def fill(node: Any, path: Path, siblings: Mapping[str, Any]) -> Any:
        if isinstance(node, Mapping):
            return {key: fill(value, (*path, key), node) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return tuple(fill(value, (*path, index), {}) for index, value in enumerate(node))
        if isinstance(node, Quantity):
            return in_updates(node.value, node.unit, updates_per_epoch)
        if isinstance(node, Ratio):
            whole = fill(siblings[node.times], (*path[:-1], node.times), siblings)
            return whole * values[parameter(path, node)]
        if isinstance(node, Range):
            return in_updates(values[parameter(path, node)], node.unit, updates_per_epoch)
        if isinstance(node, Choices):
            return values[parameter(path, node)]
        return node

    return {key: fill(value, (key,), tables) for key, value in tables.items()}


def in_updates(number: Any, unit: Unit | None, updates_per_epoch: float) -> Any:
    """Returns a number of epochs as the nearest whole number of updates, at least one; others as they stand.

    Examples:
        >>> in_updates(1.5, "epochs", 17), in_updates(1.5, None, 17)
        (26, 1.5)
    """
    return max(1, round(number * updates_per_epoch)) if unit == "epochs" else number


def extremes(space: Mapping[str, Hole]) -> Iterator[dict[str, Scalar]]:
    """Yields the settings at which two holes that do not go together show: all at one end, and each against the rest.

    Examples:
        >>> space = {"base_lr": Range(low=0.1, high=0.5), "max_lr": Range(low=0.4, high=1.0)}
        >>> [tuple(values.values()) for values in extremes(space)]
        [(0.1, 0.4), (0.5, 1.0), (0.5, 0.4), (0.1, 1.0)]
    """
    low, high = corner(space, "low"), corner(space, "high")
    against = [*({**low, name: high[name]} for name in space), *({**high, name: low[name]} for name in space)]
    yield from (dict(pairs) for pairs in dict.fromkeys(tuple(values.items()) for values in (low, high, *against)))


def corner(space: Mapping[str, Hole], end: Literal["low", "high"]) -> dict[str, Scalar]:
    """Returns one extreme setting of a space: every range at one end, every choice the first or the last.

    Examples:
        >>> corner({"lr": Range(low=0.1, high=1.0), "width": Choices(choices=(8, 16))}, "high")
        {'lr': 1.0, 'width': 16}
    """
    position = 0 if end == "low" else -1
    return {
        name: hole.choices[position]
        if isinstance(hole, Choices)
        else (hole.times if isinstance(hole, FromRangeTest) else (hole.low, hole.high))[position]
        for name, hole in space.items()
    }
