"""Numbers as a reader wants them: accuracies in per cent, with as many digits as their interval deserves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from clr_study.analysis.comparison import Estimate
from clr_study.metrics import is_share


def in_percent(metric: str) -> bool:
    """Returns whether a column is told in per cent: accuracies are, losses are not."""
    return is_share(metric)


def digits(estimate: Estimate, metric: str) -> int:
    """Returns how many decimals an estimate deserves: as many as its interval's width can bear.

    Examples:
        >>> digits(Estimate(0.973, 0.969, 0.977, 8), "test_accuracy")
        1
        >>> digits(Estimate(0.97312, 0.97301, 0.97323, 8), "test_accuracy")
        3
        >>> digits(Estimate(0.0213, 0.0201, 0.0225, 8), "test_loss")
        4
    """
    least, scale = (1, 100) if in_percent(metric) else (_decimals(estimate.value), 1)
    width = scale * (estimate.high - estimate.low)
    if not math.isfinite(width) or width <= 0:
        return least
    return min(max(least, -math.floor(math.log10(width / 2.5))), least + 3)


def number(value: float, metric: str, decimals: int | None = None) -> str:
    """Returns a value of a metric, an accuracy in per cent.

    Examples:
        >>> number(0.95, "test_accuracy"), number(0.25, "validation_loss"), number(float("nan"), "test_loss")
        ('95.0 %', '0.250', 'unknown')
        >>> number(53.216, "test_rmse")
        '53.22'
    """
    if math.isnan(value):
        return "unknown"
    if in_percent(metric):
        return f"{100 * value:.{1 if decimals is None else decimals}f} %"
    return f"{value:.{_decimals(value) if decimals is None else decimals}f}"


def _decimals(value: float) -> int:
    """Three decimals below 10, and one fewer for each digit more."""
    whole_digits = math.floor(math.log10(max(abs(value), 1.0))) if math.isfinite(value) else 0
    return max(0, 3 - whole_digits)


def with_interval(estimate: Estimate, metric: str) -> str:
    """Returns an estimate with its interval in brackets.

    Examples:
        >>> with_interval(Estimate(0.973, 0.969, 0.977, 8), "test_accuracy")
        '97.3 % [96.9, 97.7]'
        >>> with_interval(Estimate(0.5, float("nan"), float("nan"), 1), "test_accuracy")
        '50.0 %'
    """
    decimals = digits(estimate, metric)
    text = number(estimate.value, metric, decimals)
    if math.isnan(estimate.low):
        return text
    scale = 100 if in_percent(metric) else 1
    return f"{text} [{scale * estimate.low:.{decimals}f}, {scale * estimate.high:.{decimals}f}]"


def gap(estimate: Estimate, metric: str) -> str:
    """Returns the size of a difference with its interval, turned so that the difference is positive.

    Examples:
        >>> gap(Estimate(0.006, 0.003, 0.009, 8), "test_accuracy")
        '0.6 points [0.3, 0.9]'
        >>> gap(Estimate(-0.25, -0.375, -0.125, 8), "test_loss")
        '0.250 [0.125, 0.375]'
    """
    low, high = (estimate.low, estimate.high) if estimate.value >= 0 else (-estimate.high, -estimate.low)
    turned = Estimate(abs(estimate.value), low, high, estimate.n)
    return with_interval(turned, metric).replace(" %", " points")


def at_most(value: float, metric: str) -> str:
    """Returns the size of a difference, rounded up, as what no difference is shown to exceed.

    Examples:
        >>> at_most(0.0041, "test_accuracy"), at_most(0.0041, "test_loss")
        ('0.5 points', '0.005')
    """
    decimals = digits(Estimate(value, 0.0, 4 * value, 0), metric)
    step = 10.0 ** -(decimals + (2 if in_percent(metric) else 0))
    return number(math.ceil(value / step - 1e-9) * step, metric, decimals).replace(" %", " points")


def p_value(p: float) -> str:
    """Returns a p as it is printed.

    Examples:
        >>> p_value(0.0156), p_value(0.4321), p_value(1e-5)
        ('p = 0.016', 'p = 0.43', 'p < 0.001')
    """
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def updates(count: float) -> str:
    """Returns a number of updates, thousands apart.

    Examples:
        >>> updates(70000), updates(1)
        ('70,000 updates', '1 update')
    """
    return f"{count:,.0f} update{'' if round(count) == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Returns words as a sentence lists them.

    Examples:
        >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
        ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))


def column(metric: str) -> str:
    """Returns a column's name as words.

    Examples:
        >>> column("test_accuracy")
        'test accuracy'
    """
    return metric.replace("_", " ")


def one_by_one(unfusable: Mapping[str, str]) -> list[str]:
    """Returns which arms train without sharing a step, and why, a line for each reason.

    Args:
        unfusable: The reason, by arm.

    Examples:
        >>> one_by_one({"fixed": "It draws.", "clr": "It draws."})
        ['fixed, clr: runs train one by one: It draws.']
    """
    arms: dict[str, list[str]] = {}
    for arm, reason in unfusable.items():
        arms.setdefault(reason, []).append(arm)
    return [f"{', '.join(names)}: runs train one by one: {reason}" for reason, names in arms.items()]
