"""How the report writes results: the same words in the page, the captions and the terminal."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from clr_study.analysis import Estimate, TimeToTarget
from clr_study.analysis.words import digits, in_percent
from clr_study.analysis.words import with_interval as known_with_interval
from clr_study.report.table import plain
from clr_study.schedules import SCHEDULES

NOTHING = "–"


def duration(seconds: float) -> str:
    """Returns a time as people say it.

    Examples:
        >>> duration(12.34), duration(754), duration(7620)
        ('12.3 s', '12 min 34 s', '2 h 07 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def count(value: float) -> str:
    """Returns a number to four significant digits, a whole one in full with its thousands apart.

    Examples:
        >>> count(0.0312345), count(1234567.0), count(500.0), count(2e-6)
        ('0.03123', '1,234,567', '500', '2e-06')
    """
    if not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"


def with_interval(estimate: Estimate, metric: str) -> str:
    """Returns a mean and its 95 % interval; a dash where there is no mean.

    Examples:
        >>> with_interval(Estimate(0.972, 0.9688, 0.9752, 8), "test_accuracy")
        '97.2 % [96.9, 97.5]'
        >>> with_interval(Estimate(float("nan"), float("nan"), float("nan"), 0), "test_accuracy")
        '–'
    """
    return NOTHING if math.isnan(estimate.value) else known_with_interval(estimate, metric)


def difference(estimate: Estimate, metric: str) -> str:
    """Returns a difference between two arms with its sign, in points where the metric is in per cent.

    Examples:
        >>> difference(Estimate(0.008, 0.003, 0.013, 8), "test_accuracy")
        '+0.8 points [+0.3, +1.3]'
        >>> difference(Estimate(-0.25, float("nan"), float("nan"), 1), "test_loss")
        '-0.250'
    """
    if math.isnan(estimate.value):
        return NOTHING
    decimals, scale = digits(estimate, metric), 100 if in_percent(metric) else 1
    shown = f"{scale * estimate.value:+.{decimals}f}{' points' if in_percent(metric) else ''}"
    if math.isnan(estimate.low):
        return shown
    return f"{shown} [{scale * estimate.low:+.{decimals}f}, {scale * estimate.high:+.{decimals}f}]"


def time_to_target(time: TimeToTarget | None) -> str:
    """Returns the median time to the target with its interval, and how many runs never got there.

    Examples:
        >>> time = TimeToTarget(310.0, 290.0, None, Estimate(320.0, 300.0, 340.0, 8), misses=1, n=8)
        >>> time_to_target(time)
        '310 [290, never]; 1 of 8 missed'
    """
    if time is None:
        return NOTHING
    missed = f"{time.misses} of {time.n} missed"
    if time.median is None:
        return f"not reached by half; {missed}" if time.misses < time.n else f"never; {missed}"
    if time.n < 2 or time.low is None:
        return f"{count(time.median)}; {missed}"
    high = "never" if time.high is None else count(time.high)
    return f"{count(time.median)} [{count(time.low)}, {high}]; {missed}"


def settings(schedule: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Returns a winner's schedule with its arguments, then whatever else was drawn for it; defaults go without saying.

    Examples:
        >>> settings({"kind": "constant", "lr": 0.125}, {"lr": 0.125, "optim.momentum": 0.9})
        'constant: lr 0.125, optim.momentum 0.9'
    """
    if not schedule:
        return NOTHING
    usual = {field.name: field.default for field in fields(SCHEDULES[schedule["kind"]])}
    said = {key: value for key, value in arguments(schedule).items() if value != usual[key]}
    parts = [f"{key} {scalar(value)}" for key, value in said.items()]
    parts += [
        f"{key} {scalar(value)}" for key, value in values.items() if key.startswith(("optim.", "model.", "values."))
    ]
    return plain(f"{schedule['kind']}: {', '.join(parts)}")


def arguments(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a schedule's arguments in the order in which its class names them; a stored table has lost it.

    Examples:
        >>> arguments({"end_lr": 0.0, "kind": "linear", "lr": 0.5, "updates": 100})
        {'lr': 0.5, 'end_lr': 0.0, 'updates': 100}
    """
    order = [field.name for field in fields(SCHEDULES[schedule["kind"]])]
    return {name: schedule[name] for name in order if name in schedule}


def scalar(value: Any) -> str:
    """Returns a setting's value: a number short, a list or table by its parts, anything else as it is.

    Examples:
        >>> scalar(1234.5), scalar(True), scalar([1, {"kind": "constant", "lr": 0.5}])
        ('1234', 'True', '[1, (constant: lr 0.5)]')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return f"({settings(value, {})})" if "kind" in value else str(dict(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(scalar(part) for part in value)}]"
    return str(value)


def inert(text: str) -> str:
    """Returns free text for Plotly, which takes some HTML in labels: without tags and control characters.

    Examples:
        >>> inert('<a href="x">y</a>')
        '&lt;a href="x"&gt;y&lt;/a&gt;'
    """
    return html.escape(plain(text), quote=False)
