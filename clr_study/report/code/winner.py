"""What an arm's winner is, taken out of the results for the code that makes it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clr_study.analysis import Comparison
from clr_study.report.words import scalar, with_interval
from clr_study.spec import Results, TrialSpec


@dataclass(frozen=True)
class Winner:
    """What an arm's winner is, as the forms need it.

    Args:
        arm: The arm's name.
        schedule: Its schedule's table.
        optim: The optimizer's table with which it was measured.
        model: The model's table, if something in it was searched; else None.
        updates: How many updates a run has.
        head: What is said above the code, a paragraph each.
        own_budget: Whether the arm's runs are not as long as other arms' are.
        values: What a training loop of the user's own was given, if something in it was searched; else None.
    """

    arm: str
    schedule: Mapping[str, Any]
    optim: Mapping[str, Any]
    model: Mapping[str, Any] | None
    updates: int
    head: tuple[str, ...]
    own_budget: bool = False
    values: Mapping[str, Any] | None = None


def winner_of(results: Results, comparison: Comparison, arm: str) -> Winner | None:
    """Returns an arm's winner; None while none of its runs is measured.

    Args:
        results: What was measured.
        comparison: What `compare` says of it.
        arm: The arm's name.
    """
    summary = comparison.arm(arm)
    measured = [run for run in results.of(arm, "measure") if summary.trial in (None, run.key.trial)]
    if not measured or not summary.final.n:
        return None
    spec = measured[0].spec
    head = (
        f"{results.study.name}, arm {arm}: {comparison.metric} {with_interval(summary.final, comparison.metric)} "
        f"over {summary.final.n} seeds{_each_its_own(results)}.",
        comparison.verdict,
        _measured_with(spec),
    )
    return Winner(
        arm=arm,
        schedule=spec.schedule,
        optim=spec.optim,
        model=spec.model if any(name.startswith("model.") for name in summary.values) else None,
        updates=spec.updates,
        head=head,
        own_budget=len({run.spec.updates for run in results.runs if run.key.phase == "measure"}) > 1,
        values=spec.values if any(name.startswith("values.") for name in summary.values) else None,
    )


def _each_its_own(results: Results) -> str:
    if results.study.searches < 2:
        return ""
    return ", each with the winner of a search of its own; these are the values of the one that was confirmed best"


# How `normalise` of the data left the inputs.
_TO_ONE = "Inputs were scaled to mean 0 and variance 1 on the training split"
SCALED = {
    "auto": _TO_ONE,
    "channel": f"{_TO_ONE}, channel by channel",
    "feature": f"{_TO_ONE}, entry by entry",
    "mean_image": "Inputs had the mean image of the training split taken off",
    "none": "Inputs were left as they are",
}


def _measured_with(spec: TrialSpec) -> str:
    """What an update was, and what took it."""
    if spec.own_loop:
        given = ", ".join(f"{key} {scalar(value)}" for key, value in spec.values.items())
        told = f", given {given}" if given else ""
        return (
            f"An update is a step of the training loop {spec.data['train_fn']}{told}; a run has {spec.updates} of them."
        )
    optim = ", ".join(f"{key} {scalar(value)}" for key, value in spec.optim.items() if key != "kind")
    return (
        f"An update is an optimizer step over {spec.batch_size} samples; a run has {spec.updates} of them. Measured "
        f"with the optimizer {spec.optim['kind']}{': ' if optim else ''}{optim}. "
        f"{SCALED[spec.data.get('normalise', 'auto')]}: a learning rate belongs to that scale."
    )
