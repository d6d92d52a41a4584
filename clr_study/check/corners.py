"""Builds a study at its corners before anything trains: a typo costs a second, not a night."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from clr_study.analysis import BOUND_RULES
from clr_study.check.goal import check_goal
from clr_study.data import Split
from clr_study.engine import Task, Training, fuse_key, load_task, try_compiler, why_unrecorded
from clr_study.errors import ClrStudyError, SpecError, place_of, short_trace
from clr_study.metrics import ALWAYS, METRICS
from clr_study.models import build_model, why_unfusable
from clr_study.optim import build_optimizer
from clr_study.spec import (
    Arm,
    Budget,
    Choices,
    Hole,
    Range,
    Ratio,
    Scalar,
    Study,
    TrialSpec,
    check_lengths,
    corner,
    fill,
    loop_of,
    needs_range_test,
    with_bounds,
)

SAMPLES = 8
RANDOM_CORNERS = 2
# Any bounds do for building: those that a range test finds lie within its own ends.
SOME_BOUNDS = {"base_lr": 0.01, "max_lr": 0.1}


@dataclass(frozen=True)
class CheckReport:
    """What a check has found to be in order.

    Args:
        corners: Settings that were built and took a step.
        budgets: The budget of each arm, by name.
        samples: Sizes of the splits: train, validation, test; None where the user's own loop feeds itself.
        unfusable: Why runs cannot share a step, by arm; empty where they can.
        scaling: How the inputs are scaled before a model gets them, in words.
        doubts: What looks like a mistake although it can be trained, a sentence each.
    """

    corners: int
    budgets: dict[str, Budget]
    samples: tuple[int, int, int] | None
    unfusable: dict[str, str]
    scaling: str = ""
    doubts: tuple[str, ...] = ()


def check_study(study: Study, task: Task | None = None) -> CheckReport:
    """Fills every arm's holes with lows, highs and random corners, builds each, and takes one step on 8 samples.

    Args:
        study: The study.
        task: Its data, if they are loaded already.

    Raises:
        SpecError: Something in the study cannot be built.
        DataError: The data cannot be had, or are too few.
    """
    if study.train_fn:
        return _check_own_loop(study)
    try:
        task = task or load_task(study.task)
    except ClrStudyError as error:
        raise _at(error, "[data]") from error.__cause__
    _check_metric(study, task)
    _check_rule(study)
    if any(arm.train.compile for arm in study.arms):
        try_compiler()
    budgets = {arm.name: Budget.of(arm.train, len(task.train), f"[arms.{arm.name}] train") for arm in study.arms}
    specs = _settings(study, budgets)
    unfusable, doubts = {}, []
    small = replace(
        task,
        train=_few(task.train),
        validation=task.validation and _few(task.validation),
        test=task.test and _few(task.test),
    )
    groups: dict[str, list[tuple[str, TrialSpec]]] = defaultdict(list)
    for arm, spec in specs:
        reason, doubt = _buildable(arm, spec, task)
        doubts.append(doubt)
        if reason:
            unfusable[arm] = reason
        groups[fuse_key(spec)].append((arm, spec))
    doubts += _unrecorded(study, task, unfusable)
    for group in groups.values():
        refusal = _one_step(group, small, fused=not any(arm in unfusable for arm, _ in group))
        if refusal:
            unfusable |= {arm: refusal for arm, _ in group}
    sizes = (len(task.train), len(task.validation or ()), len(task.test or ()))
    said = tuple(dict.fromkeys(doubt for doubt in doubts if doubt))
    return CheckReport(len(specs), budgets, sizes, unfusable, task.normalise.in_words(task.train.inputs.dtype), said)


def _unrecorded(study: Study, task: Task, unfusable: Mapping[str, str]) -> Iterator[str]:
    """What stands in the way of the CUDA graphs that a study asks for."""
    asked = [arm.name for arm in study.arms if arm.train.cuda_graphs]
    if asked and not torch.cuda.is_available():
        yield "cuda_graphs = true: torch finds no GPU on this machine, and on a CPU such a study does not run"
    for name in asked:
        reason = why_unrecorded(task, unfusable.get(name))
        if reason:
            yield f"{name}: updates are taken kernel by kernel, not as CUDA graphs: {reason}"


def _check_own_loop(study: Study) -> CheckReport:
    """A loop of the user's own is found, and every corner makes a schedule; a step of it cannot be taken alone."""
    loop_of(study.train_fn)
    if needs_range_test(study):
        raise SpecError('{ from = "range_test" } needs our own loop; with train_fn write low and high yourself')
    budgets = {arm.name: Budget.of(arm.train, 0, f"[arms.{arm.name}] train") for arm in study.arms}
    reason = "A training loop of your own trains one run at a time."
    return CheckReport(len(_settings(study, budgets)), budgets, None, {arm.name: reason for arm in study.arms})


def _check_metric(study: Study, task: Task) -> None:
    asked = {study.metric, study.target.metric if study.target else study.metric}
    if task.classes is None and not task.binary and "accuracy" in asked:
        given = task.train.targets
        raise SpecError(
            f"the data are regression (targets of shape {tuple(given.shape)} and type {given.dtype}), which has no "
            'accuracy: write metric = "loss", "rmse" or "r2", and such a target; for classes give whole numbers [N]'
        )
    if study.search and task.validation is None:
        raise SpecError("[data] validation = 0 leaves nothing to select settings on; hold some samples out")
    if task.validation is None and task.test is None:
        raise SpecError("[data] the data have no test split and validation = 0, so there is nothing to measure on")
    seen = task.validation or task.test
    if study.metric not in ALWAYS and seen is not None:
        targets = seen.targets.cpu().numpy()
        shape = targets.shape if task.classes is None or task.binary else (*targets.shape, task.outputs)
        try:
            METRICS[study.metric](np.zeros(shape, np.float32), targets)
        except ClrStudyError as error:
            raise _at(error, "[metric]") from None
        except Exception as error:
            raise SpecError(
                f"[metric] {study.metric} of outputs of shape {shape} and targets of shape {targets.shape} failed: "
                f"{type(error).__name__}: {error}"
            ) from error


def _check_rule(study: Study) -> None:
    try:
        BOUND_RULES[study.range_test.rule]
    except ClrStudyError as error:
        raise _at(error, "[range_test] rule:") from None


def _settings(study: Study, budgets: Mapping[str, Budget]) -> list[tuple[str, TrialSpec]]:
    """The corners of every arm; times in epochs that a preview leaves too little of are refused as a preview's."""
    try:
        for arm in study.arms:
            check_lengths(arm, budgets[arm.name].per_epoch)
        return [spec for arm in study.arms for spec in _corners(study, arm, budgets[arm.name])]
    except SpecError as error:
        scale = tomllib.loads(study.source).get("scale")
        if scale is None:
            raise
        raise SpecError(f"scale = {scale:g} leaves too little time: {error}") from None


def _corners(study: Study, arm: Arm, budget: Budget) -> Iterator[tuple[str, TrialSpec]]:
    known = replace(arm, **with_bounds(arm.tables, SOME_BOUNDS))
    settings = [corner(known.space, "low"), corner(known.space, "high")] if known.space else [{}]
    generator = np.random.default_rng(0)
    for _ in range(RANDOM_CORNERS if known.space else 0):
        settings.append({name: _some_end(hole, generator) for name, hole in known.space.items()})
    for values in settings:
        yield arm.name, fill(study, known, values, budget, seed=study.seed)


def _some_end(hole: Hole, generator: np.random.Generator) -> Scalar:
    if isinstance(hole, Choices):
        return hole.choices[generator.integers(len(hole.choices))]
    assert isinstance(hole, (Range, Ratio))
    return (hole.low, hole.high)[generator.integers(2)]


def _buildable(arm: str, spec: TrialSpec, task: Task) -> tuple[str | None, str]:
    """Builds what the tables name; returns why the model cannot be fused, and what is doubtful about it."""
    try:
        model = build_model(spec.model, task.sample_shape, task.outputs, spec.seed)
    except ClrStudyError as error:
        raise _at(error, f"[model] of arm {arm}") from error.__cause__
    try:
        build_optimizer(spec.optim)
    except ClrStudyError as error:
        raise _at(error, f"[optim] of arm {arm}") from error.__cause__
    doubt = check_goal(model, task, f"[model] of arm {arm}: {spec.model['kind']}")
    return why_unfusable(spec.model, model), doubt


def _one_step(group: list[tuple[str, TrialSpec]], task: Task, fused: bool) -> str | None:
    """Takes a step of each; returns why vmap cannot take the model, where only a step of a run alone works."""
    # Compiled, recorded or neither, a step asks the same of a network.
    few = min(SAMPLES, len(task.train))
    plain = [replace(spec, compile=False, cuda_graphs=False) for _, spec in group]
    short = [replace(spec, batch_size=few, updates=1, evaluate_at=(1,)) for spec in plain]
    if fused:
        try:
            list(Training(short if len(short) > 1 else short * 2, task).run())  # one alone does not meet vmap
            return None
        except ClrStudyError:
            raise
        except Exception as error:
            refusal = f"{type(error).__name__}: {str(error).split('. ')[0]} ({place_of(error)})"
    for spec in short:
        try:
            list(Training([spec], task).run())
        except ClrStudyError:
            raise
        except Exception as error:
            arms = ", ".join(sorted({arm for arm, _ in group}))
            raise SpecError(
                f"one step of {arms} with model {dict(spec.model)} on samples of shape {task.sample_shape} failed: "
                f"{short_trace(error)}"
            ) from error
    return f"vmap cannot take the model ({refusal})" if fused else None


def _few(split: Split) -> Split:
    return split.take(np.arange(min(SAMPLES, len(split))))


def _at(error: ClrStudyError, where: str) -> ClrStudyError:
    text = str(error)
    return error if text.startswith("[") else type(error)(f"{where} {text}")
