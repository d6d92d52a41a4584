"""What a terminal shows of a comparison: cells of a table, and code to paste."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_study.analysis import ArmSummary, Comparison
from clr_study.analysis.words import p_value
from clr_study.metrics import metric_of
from clr_study.report.table import plain
from clr_study.report.words import NOTHING, arguments, difference, settings, time_to_target, with_interval
from clr_study.schedules import SCHEDULES


def summary_rows(comparison: Comparison) -> list[dict[str, str]]:
    """Returns a row an arm: formatted cells under the names of their columns, in the order of the columns.

    Args:
        comparison: What `compare` says.
    """
    unit = metric_of(comparison.metric)
    reference = comparison.arms[0].arm if comparison.arms else ""
    chosen = any(summary.trial is not None for summary in comparison.arms)
    rows = []
    for summary in comparison.arms:
        row = {
            "arm": plain(summary.arm),
            "n": completed_of(summary),
            unit: with_interval(summary.final, comparison.metric),
        }
        if comparison.target is not None:
            row["updates to target"] = time_to_target(summary.to_target)
        if len(comparison.arms) > 1:
            row[f"difference to {plain(reference)}"] = difference_cell(comparison, summary.arm)
        row["winning values" if chosen else "values"] = settings(summary.schedule, summary.values)
        rows.append(row)
    return rows


def completed_of(summary: ArmSummary) -> str:
    """Returns how many measured runs an arm's mean rests on, and of how many planned ones where that is fewer."""
    completed = summary.final.n
    return f"{completed}" if completed == summary.planned else f"{completed} of {summary.planned}"


def difference_cell(comparison: Comparison, arm: str) -> str:
    """Returns an arm's difference to the first arm with its interval and adjusted p."""
    if arm == comparison.arms[0].arm:
        return "reference"
    for found in comparison.to_reference:
        if found.arm == arm:
            return f"{difference(found.estimate, comparison.metric)}, {p_value(found.p_adjusted)}"
    return NOTHING


def snippet(summary: ArmSummary) -> str:
    """Returns code that makes an arm's winning schedule in a training script; nothing while there is no winner.

    Args:
        summary: The arm.
    """
    if not summary.schedule:
        return ""
    imports, call = schedule_code(summary.schedule)
    others = [
        f"# with {key} = {value!r}" for key, value in summary.values.items() if key.startswith(("optim.", "model."))
    ]
    lines = [
        *imports,
        "",
        f"schedule = {call}",
        *others,
        "scheduler = schedule.to_torch(optimizer)  # then scheduler.step() after every optimizer.step()",
    ]
    return plain("\n".join(lines)) + "\n"


def schedule_code(schedule: Mapping[str, Any]) -> tuple[list[str], str]:
    """Returns the imports that a schedule's code needs, and the call that makes it.

    Examples:
        >>> schedule_code({"kind": "constant", "lr": 0.5})
        (['from clr_study.schedules import Constant'], 'Constant(lr=0.5)')
    """
    modules: dict[str, set[str]] = {}
    call = _code(schedule, modules)
    return [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())], call


def _code(table: Mapping[str, Any], modules: dict[str, set[str]]) -> str:
    cls = SCHEDULES[table["kind"]]
    module = "clr_study.schedules" if cls.__module__.startswith("clr_study.") else cls.__module__
    modules.setdefault(module, set()).add(cls.__name__)
    given = [f"{name}={_value(value, modules)}" for name, value in arguments(table).items()]
    return f"{cls.__name__}({', '.join(given)})"


def _value(value: Any, modules: dict[str, set[str]]) -> str:
    if isinstance(value, Mapping):
        return _code(value, modules)
    if isinstance(value, (list, tuple)):
        inside = ", ".join(_value(part, modules) for part in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return repr(value)
