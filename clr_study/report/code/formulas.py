"""Each schedule as lines of Python without this package: in plain numbers, or in Keras's tensor operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Table: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """How a language writes the few functions that the formulas need; each is a pattern for `str.format`.

    Args:
        least: The smaller of two.
        most: The larger of two.
        floor: The whole number below.
        cos: The cosine.
        where: A condition, the value where it holds, and the value where it does not.
    """

    least: str
    most: str
    floor: str
    cos: str
    where: str


PYTHON = Words("min({}, {})", "max({}, {})", "math.floor({})", "math.cos({})", "({1} if {0} else {2})")
KERAS = Words("ops.minimum({}, {})", "ops.maximum({}, {})", "ops.floor({})", "ops.cos({})", "ops.where({}, {}, {})")


def formula(schedule: Table, words: Words) -> list[str] | None:
    """Returns the lines that compute `lr` from `t`, the update counted from 0; None where there is no short formula.

    Args:
        schedule: The schedule's table, as `Schedule.to_dict` writes it.
        words: How to write it.

    Examples:
        >>> formula({"kind": "linear", "lr": 0.5, "end_lr": 0.0, "updates": 100}, PYTHON)
        ['left = max(0.0, 1 - t / 100)', 'lr = 0.5 * left']
        >>> formula({"kind": "cosine", "lr": 0.5, "end_lr": 0.1, "updates": 100}, KERAS)
        ['left = ops.maximum(0.0, 1 - t / 100)', 'lr = 0.1 + 0.4 * (1 - ops.cos(math.pi * left)) / 2']
    """
    write = _FORMULAS.get(schedule["kind"])
    return write(schedule, words) if write else None


def _between(low: float, high: float, height: str) -> str:
    """The code of `low + (high - low) * height`, the height being a product."""
    span = repr(_short(high - low))
    return f"{span} * {height}" if low == 0 else f"{low!r} + {span} * {height}"


def _short(value: float) -> float:
    """A difference without the last digit's noise: 0.4 for 0.5 - 0.1 as much as for 0.7 - 0.3."""
    return float(f"{value:.15g}")


def _cycle(table: Table, words: Words) -> list[str]:
    """Lines that make `cycle`, the whole cycles done, and `height`, from 0 to 1 and back."""
    up = table["step_size"]
    down = table.get("step_size_down") or up
    length = up + down
    if length == int(length):
        return [
            f"cycle = {words.floor.format(f't / {length!r}')}",
            f"position = t - {length!r} * cycle",
            f"height = {words.least.format(f'position / {up!r}', f'({length!r} - position) / {down!r}')}",
        ]
    inside = words.least.format(words.most.format("0.0", f"t - {length!r} * cycle"), repr(length))
    return [
        # A length such as 10/3 is no exact number: without the last factor update 10 could fall short of cycle 3.
        f"cycle = {words.floor.format(f't / {length!r} * (1 + 9e-16)')}",
        f"position = {inside}",
        f"height = {words.least.format(f'position / {up!r}', f'({length!r} - position) / {down!r}')}",
    ]


def _cyclical(shape: Callable[[Table, Words], str]) -> Callable[[Table, Words], list[str]]:
    def write(table: Table, words: Words) -> list[str]:
        return [*_cycle(table, words), f"lr = {_between(table['base_lr'], table['max_lr'], shape(table, words))}"]

    return write


def _hann(height: str, words: Words) -> str:
    return f"(1 - {words.cos.format(f'math.pi * {height}')}) / 2"


def _exp_range(table: Table, words: Words) -> list[str]:
    lines, shrunk = _cycle(table, words), f"{table['gamma']!r}**t"
    if table["shrinks"] == "amplitude":
        return [*lines, f"lr = {_between(table['base_lr'], table['max_lr'], f'height * {shrunk}')}"]
    return [*lines, f"lr = ({_between(table['base_lr'], table['max_lr'], 'height')}) * {shrunk}"]


def _warm_restarts(table: Table, words: Words) -> list[str] | None:
    period = table["period"]
    if table["period_mult"] != 1:
        return None
    nudge = "" if period == int(period) else " * (1 + 9e-16)"
    inside = words.most.format("0.0", f"t - {period!r} * {words.floor.format(f't / {period!r}{nudge}')}")
    return [
        f"position = {inside}",
        f"left = {words.most.format('0.0', f'1 - position / {period!r}')}",
        f"lr = {_between(table['base_lr'], table['max_lr'], _hann('left', words))}",
    ]


def _to_the_end(shape: Callable[[Table, Words], str]) -> Callable[[Table, Words], list[str]]:
    def write(table: Table, words: Words) -> list[str]:
        return [
            f"left = {words.most.format('0.0', '1 - t / ' + repr(table['updates']))}",
            f"lr = {_between(table['end_lr'], table['lr'], shape(table, words))}",
        ]

    return write


def _decay(table: Table, words: Words) -> list[str]:
    left = words.most.format("0.0", f"1 - t / {table['step_size']!r}")
    return [f"left = {left}", f"lr = {_between(table['base_lr'], table['max_lr'], 'left')}"]


def _linear_ramp(table: Table, words: Words) -> list[str]:
    done = words.least.format("1.0", f"t / {table['updates']}")
    return [f"done = {done}", f"lr = {_between(table['low'], table['high'], 'done')}"]


def _exponential_ramp(table: Table, words: Words) -> list[str]:
    done = words.least.format("1.0", f"t / {table['updates']}")
    return [f"done = {done}", f"lr = {table['low']!r} * {table['high'] / table['low']!r} ** done"]


def _constant(table: Table, words: Words) -> list[str]:
    return [f"lr = {table['lr']!r}"]


def _step(table: Table, words: Words) -> list[str]:
    falls = words.floor.format(f"t / {table['every']}")
    return [f"lr = {table['lr']!r} * {table['gamma']!r} ** {falls}"]


def _multistep(table: Table, words: Words) -> list[str]:
    passed = " + ".join(words.where.format(f"t >= {update}", "1.0", "0.0") for update in table["milestones"])
    return [f"passed = {passed}", f"lr = {table['lr']!r} * {table['gamma']!r} ** passed"]


def _exponential(table: Table, words: Words) -> list[str]:
    return [f"lr = {table['lr']!r} * {table['gamma']!r} ** t"]


def _inverse(table: Table, words: Words) -> list[str]:
    return [f"lr = {table['lr']!r} * (1 + {table['gamma']!r} * t) ** -{table['power']!r}"]


def _one_cycle(table: Table, words: Words) -> list[str]:
    top, peak, last = table["max_lr"], table["warmup"] * table["updates"] - 1, table["updates"] - 1
    first = top / table["div"]
    end = first / table["final_div"]
    curve = (lambda done: _hann(done, words)) if table["anneal"] == "cosine" else (lambda done: done)
    span = _short(last - peak)
    lines = [
        f"fallen = {words.least.format('1.0', f'(t - {_short(peak)!r}) / {span!r}')}",
        f"lr = {top!r} - {top - end!r} * {curve('fallen')}",
    ]
    if peak <= 0:
        return lines
    return [
        f"risen = {words.least.format('1.0', f't / {_short(peak)!r}')}",
        lines[0],
        f"rise = {_between(first, top, curve('risen'))}",
        lines[1].replace("lr =", "fall =", 1),
        f"lr = {words.where.format(f't <= {_short(peak)!r}', 'rise', 'fall')}",
    ]


def _trapezoid(table: Table, words: Words) -> list[str]:
    warmup, cooldown = (max(1.0, table[part] * table["updates"]) for part in ("warmup", "cooldown"))
    lowest = words.least.format("rise", "fall")
    return [
        f"rise = (t + 1) / {_short(warmup)!r}",
        f"fall = ({table['updates']} - t) / {_short(cooldown)!r}",
        f"lr = {table['lr']!r} * {words.most.format('0.0', words.least.format('1.0', lowest))}",
    ]


_FORMULAS: dict[str, Callable[[Table, Words], list[str] | None]] = {
    "constant": _constant,
    "cosine": _to_the_end(lambda table, words: _hann("left", words)),
    "decay": _decay,
    "exp_range": _exp_range,
    "exponential": _exponential,
    "exponential_ramp": _exponential_ramp,
    "inverse": _inverse,
    "linear": _to_the_end(lambda table, words: "left"),
    "linear_ramp": _linear_ramp,
    "multistep": _multistep,
    "one_cycle": _one_cycle,
    "parabolic": _cyclical(lambda table, words: "(1 - (1 - height) ** 2)"),
    "polynomial": _to_the_end(lambda table, words: f"left ** {table['power']!r}"),
    "sinusoidal": _cyclical(lambda table, words: _hann("height", words)),
    "step": _step,
    "trapezoid": _trapezoid,
    "triangular": _cyclical(lambda table, words: "height"),
    "triangular2": _cyclical(lambda table, words: "height * 0.5**cycle"),
    "warm_restarts": _warm_restarts,
}
