"""All numbers of a comparison as plain tables: what the page keeps behind "more numbers", and what is exported."""

from __future__ import annotations

from collections.abc import Mapping

from clr_study.analysis import ArmSummary, Comparison, Difference, Estimate, VarianceSplit
from clr_study.report.table import Cell, Table

TIME_COLUMNS = (
    "arm",
    "unit",
    "n",
    "misses",
    "median",
    "median low",
    "median high",
    "restricted mean",
    "restricted mean low",
    "restricted mean high",
    "speed-up",
    "speed-up low",
    "speed-up high",
)
NONE = (None, None, None)


def arm_table(comparison: Comparison, splits: Mapping[str, VarianceSplit]) -> Table:
    """Returns a row an arm and quantity: its means with their intervals, and where their variance comes from.

    Args:
        comparison: What `compare` says.
        splits: The variance of each arm, split.
    """
    rows: list[tuple[Cell, ...]] = []
    for each in comparison.arms:
        split = splits[each.arm]
        told = {
            f"mean {comparison.metric}": each.final,
            "interquartile mean": each.interquartile_mean,
            "at its best evaluation": each.at_best,
            "area under its curve": each.area,
            "generalisation gap": each.gap,
        }
        rows += [(each.arm, name, *ends(estimate), estimate.n) for name, estimate in told.items()]
        rows.append((each.arm, "seconds a run", each.seconds, None, None, each.final.n))
        rows.append((each.arm, "variance over seeds", split.seed, None, None, split.seeds))
        rows.append((each.arm, "variance over settings", split.setting, None, None, split.trials))
    return Table.of(("arm", "quantity", "value", "low", "high", "n"), rows)


def time_rows(summary: ArmSummary) -> tuple[tuple[Cell, ...], ...]:
    """Returns an arm's time to target in updates, epochs, samples and seconds, a row each, as `TIME_COLUMNS` says.

    Epochs and samples are updates in other words, so the speed-up stands with the updates alone.

    Args:
        summary: The arm.
    """
    time, seconds = summary.to_target, summary.to_target_seconds
    if time is None or seconds is None:
        return ()
    epoch = summary.updates_an_epoch
    units = {"updates": 1.0, **({"epochs": 1 / epoch} if epoch else {}), "samples": float(summary.batch_size)}
    rows: list[tuple[Cell, ...]] = []
    for unit, factor in units.items():
        numbers = (time.median, time.low, time.high, *ends(time.restricted_mean))
        told = tuple(None if number is None else factor * number for number in numbers)
        faster = ends(time.speed_up) if time.speed_up and unit == "updates" else NONE
        rows.append((summary.arm, unit, time.n, time.misses, *told, *faster))
    numbers = (seconds.median, seconds.low, seconds.high, *ends(seconds.restricted_mean))
    rows.append((summary.arm, "seconds", seconds.n, seconds.misses, *numbers, *NONE))
    return tuple(rows)


def difference_table(comparison: Comparison) -> Table:
    """Returns a row a difference of two arms: to the reference, of the best arm, of the best arm in time.

    Args:
        comparison: What `compare` says.
    """
    families = (
        ("to_reference", comparison.metric, comparison.to_reference),
        ("to_best", comparison.metric, comparison.to_best),
        ("target_to_best", "updates to target", comparison.target_to_best),
    )
    columns = ("family", "in", "arm", "minus", "mean", "low", "high", "pairs", "p", "p_holm", "p_adjusted")
    return Table.of(
        (*columns, "probability_of_improvement", "effect_size", "none_larger_shown_than"),
        [(family, unit, *_difference(each)) for family, unit, found in families for each in found],
    )


def ends(estimate: Estimate) -> tuple[float, float, float]:
    """Returns an estimate's value and the ends of its interval.

    Examples:
        >>> ends(Estimate(0.5, 0.25, 0.75, 8))
        (0.5, 0.25, 0.75)
    """
    return estimate.value, estimate.low, estimate.high


def _difference(found: Difference) -> tuple[Cell, ...]:
    sure = (found.p, found.p_holm, found.p_adjusted, found.improvement, found.effect_size, found.within)
    return (found.arm, found.reference, *ends(found.estimate), found.estimate.n, *sure)
