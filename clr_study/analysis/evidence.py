"""What a study's measured runs are worth as evidence: values by arm and seed, where from, and whether they count."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clr_study.analysis import measured
from clr_study.analysis.bootstrap import estimate
from clr_study.analysis.comparison import Estimate
from clr_study.shipped import shipped_folder
from clr_study.spec import changes
from clr_study.spec.results import Results

FORMAT = 1


@dataclass(frozen=True)
class ArmEvidence:
    """The measured runs of an arm that have ended.

    Args:
        updates: The budget of a run.
        finals: The deciding metric at its end by seed; NaN where a run did not complete.
    """

    updates: int
    finals: Mapping[int, float]

    @property
    def mean(self) -> Estimate:
        """The mean over the completed runs with its interval."""
        return estimate(np.array(list(self.finals.values()), dtype=float))

    @property
    def deviation(self) -> float:
        """The standard deviation over the completed runs; NaN with fewer than two."""
        values = [value for value in self.finals.values() if math.isfinite(value)]
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan

    @property
    def lost(self) -> int:
        """How many of the runs did not complete."""
        return sum(not math.isfinite(value) for value in self.finals.values())


@dataclass(frozen=True)
class Evidence:
    """The measured runs of a study.

    Args:
        study: The name of the shipped study whose question they answer.
        name: The name under which they were measured; another one for a preview.
        source: The study file that was run.
        metric: What was measured, as `test_accuracy`.
        planned: How many seeds an arm.
        arms: Those of which a run has ended.
        hardware: The devices, in words.
        versions: Of what the runs ran on.
        commit: Of the repository from which they were written down; empty outside of one.
    """

    study: str
    name: str
    source: str
    metric: str
    planned: int
    arms: Mapping[str, ArmEvidence]
    hardware: tuple[str, ...] = ()
    versions: Mapping[str, tuple[str, ...]] | None = None
    commit: str = ""

    @property
    def reservation(self) -> str:
        """Why these runs count for nothing but themselves: they are not of the study file as shipped; or nothing."""
        told = changes(tomllib.loads(self.source))
        if told:
            return told
        path = shipped_folder("studies") / f"{self.study}.toml"
        if not path.is_file() or path.read_text(encoding="utf-8") != self.source:
            return "of another study file than the one here"
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: what `from_dict` reads, and beside it the means for a reader."""
        arms = {}
        for name, arm in self.arms.items():
            mean = arm.mean
            arms[name] = {
                "updates": arm.updates,
                "n": mean.n,
                "mean": _plain(mean.value),
                "low": _plain(mean.low),
                "high": _plain(mean.high),
                "deviation": _plain(arm.deviation),
                "finals": {str(seed): _plain(value) for seed, value in arm.finals.items()},
            }
        return {
            "format": FORMAT,
            "study": self.study,
            "name": self.name,
            "reservation": self.reservation,
            "metric": self.metric,
            "planned": self.planned,
            "arms": arms,
            "hardware": list(self.hardware),
            "versions": {name: list(found) for name, found in (self.versions or {}).items()},
            "commit": self.commit,
            "source": self.source,
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Evidence:
        """Returns what `to_dict` wrote.

        Raises:
            ValueError: It is of another format, or cut short.
        """
        if table.get("format") != FORMAT:
            raise ValueError(f"format must be {FORMAT}, but is {table.get('format')!r}")
        try:
            arms = {
                name: ArmEvidence(
                    arm["updates"],
                    {int(seed): math.nan if value is None else value for seed, value in arm["finals"].items()},
                )
                for name, arm in table["arms"].items()
            }
            texts = {key: table[key] for key in ("study", "name", "source", "metric", "planned", "commit")}
            versions = {name: tuple(found) for name, found in table["versions"].items()}
            changes(tomllib.loads(table["source"]))  # a file that cannot say whether it counts is none
            return cls(**texts, arms=arms, hardware=tuple(table["hardware"]), versions=versions)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"lacks or misspells {error}") from None


def evidence_of(results: Results, commit: str = "") -> Evidence:
    """Returns the measured runs of a study as evidence.

    Args:
        results: What is stored of it.
        commit: The repository's.
    """
    study = results.study
    runs = {arm.name: measured.ended(results, arm.name) for arm in study.arms}
    ended = [run for found in runs.values() for run in found]
    versions: dict[str, set[str]] = {}
    for run in ended:
        for name, version in run.versions.items():
            versions.setdefault(name, set()).add(version)
    return Evidence(
        study=tomllib.loads(study.source)["name"],
        name=study.name,
        source=study.source,
        metric=results.metric,
        planned=study.measure.seeds,
        arms={
            name: ArmEvidence(found[0].spec.updates, measured.finals(found, results.metric))
            for name, found in runs.items()
            if found
        },
        hardware=tuple(sorted({run.device for run in ended if run.device})),
        versions={name: tuple(sorted(found)) for name, found in sorted(versions.items())},
        commit=commit,
    )


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
