"""`results.json`: what a study has found, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from clr_study.analysis import ArmSummary, Comparison, Difference, Estimate, TimeToTarget
from clr_study.report.files import write_whole
from clr_study.report.progress import missing
from clr_study.spec import Results, RunResult
from clr_study.version import __version__

FORMAT = 2


def results_document(results: Results, comparison: Comparison) -> dict[str, Any]:
    """Returns what a study has found as plain JSON values; null stands where a number is not known.

    Args:
        results: All that it measured.
        comparison: What `compare` says about it.

    Returns:
        `format` (the version of this layout), `study`, `question`, `metric`, `higher_is_better`, `target`, `verdict`,
        `limits`, `best`, `finished`, `missing`, `analysis`, `versions`, `devices`, `arms` (one table an arm),
        `to_reference`, `to_best` and `target_to_best` (paired differences) and `runs` (one table a run: what it saw
        last, and of a measured run the whole curve; `clr-study export` writes the curves of all).
    """
    study = results.study
    document = {
        "format": FORMAT,
        "clr_study": __version__,
        "study": study.name,
        "question": study.question,
        "metric": comparison.metric,
        "higher_is_better": comparison.higher_is_better,
        "target": None
        if comparison.target is None
        else {"metric": comparison.target_metric, "value": comparison.target},
        "verdict": comparison.verdict,
        "limits": comparison.limits,
        "best": comparison.best,
        "by": comparison.by,
        "finished": not missing(results),
        "missing": missing(results),
        "analysis": {"resamples": comparison.resamples, "seed": comparison.seed, "level": 0.95},
        "versions": versions(results),
        "devices": sorted({run.device for run in results.runs if run.device}),
        "arms": {summary.arm: _arm(summary, study.metric) for summary in comparison.arms},
        "to_reference": [_difference(difference) for difference in comparison.to_reference],
        "to_best": [_difference(difference) for difference in comparison.to_best],
        "target_to_best": [_difference(difference) for difference in comparison.target_to_best],
        "range_tests": [
            {"name": test.arm, "ramp": test.ramp, "seeds": test.seeds, "bounds": test.bounds}
            for test in results.range_tests
        ],
        "runs": [_run(run) for run in results.runs],
        "source": study.source,
    }
    return plain_json(document)


def write_results(results: Results, path: str | Path, comparison: Comparison) -> Path:
    """Writes `results.json`, whole or not at all, and returns its path."""
    return write_whole(path, _in_lines(results_document(results, comparison)))


def _in_lines(document: Mapping[str, Any]) -> str:
    """A line a key, and a line each entry of a list: people can read it, and a curve does not take a line a number."""
    return "{\n" + ",\n".join(f"{_text(key)}: {_value(value)}" for key, value in document.items()) + "\n}\n"


def _value(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f" {_text(entry)}" for entry in value) + "\n]"
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def versions(results: Results) -> dict[str, list[str]]:
    """Returns every version of everything that the runs ran on; several where a study was continued elsewhere."""
    found: dict[str, set[str]] = {}
    for run in results.runs:
        for name, version in run.versions.items():
            found.setdefault(name, set()).add(version)
    return {name: sorted(found[name]) for name in sorted(found)}


def plain_json(value: Any) -> Any:
    """Returns a value as JSON knows it: arrays and tuples as lists, None for a number that is not finite.

    Examples:
        >>> plain_json({"a": (1, float("nan")), "b": np.array([0.5, np.inf])})
        {'a': [1, None], 'b': [0.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain_json(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain_json(part) for part in value]
    if isinstance(value, np.generic):
        return plain_json(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _arm(summary: ArmSummary, metric: str) -> dict[str, Any]:
    return {
        "n": summary.n,
        "planned": summary.planned,
        "outcomes": summary.endings,
        metric: _estimate(summary.final),
        f"{metric}_interquartile_mean": _estimate(summary.interquartile_mean),
        f"{metric}_at_best": _estimate(summary.at_best),
        f"{metric}_area": _estimate(summary.area),
        "generalisation_gap": _estimate(summary.gap),
        "updates_to_target": _time(summary.to_target),
        "seconds_to_target": _time(summary.to_target_seconds),
        "trial": summary.trial,
        "values": summary.values,
        "schedule": summary.schedule,
        "updates": summary.updates,
        "batch_size": summary.batch_size,
        "updates_an_epoch": summary.updates_an_epoch,
        "seconds": summary.seconds,
    }


def _time(time: TimeToTarget | None) -> dict[str, Any] | None:
    if time is None:
        return None
    return {
        "median": time.median,
        "low": time.low,
        "high": time.high,
        "misses": time.misses,
        "n": time.n,
        "restricted_mean": _estimate(time.restricted_mean),
        "speed_up": None if time.speed_up is None else _estimate(time.speed_up),
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"mean": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def _difference(difference: Difference) -> dict[str, Any]:
    return {**asdict(difference), "estimate": _estimate(difference.estimate)}


def _run(run: RunResult) -> dict[str, Any]:
    known = {name: column for name, column in run.metrics.items() if np.isfinite(column).any()}
    told: dict[str, Any] = {
        "arm": run.key.arm,
        "phase": run.key.phase,
        "trial": run.key.trial,
        "seed": run.key.seed,
        "values": run.values,
        "outcome": run.ending,
        "note": run.note,
        "updates": run.updates[-1] if len(run.updates) else 0,
        "seconds": run.seconds[-1] if len(run.seconds) else 0.0,
        "device": run.device,
        "last": {name: column[-1] for name, column in known.items()},
    }
    if run.key.phase == "measure":
        told["curve"] = {"updates": run.updates, "seconds": run.seconds, **known}
    return told
