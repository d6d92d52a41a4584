"""Optuna's samplers, made functions of the trial; and the holes of a study in Optuna's words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import GridSampler, QMCSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from clr_study.data import generator
from clr_study.errors import SpecError
from clr_study.search.quiet import quietly
from clr_study.spec import Choices, FromRangeTest, Grid, Hole, Range, Ratio, Study


class Counted(RandomSampler):
    """Random search in which a value is a function of the trial and the hole, and of nothing that came before."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.base = seed

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draws a value from a seed of the trial's and the hole's own."""
        # Seeded again, which costs a hundredth of making a new generator and draws the same.
        self._rng.rng.seed(int(generator(self.base, 0, param_name).integers(2**31)))
        return super().sample_independent(study, trial, param_name, param_distribution)


class GridOfPoints(GridSampler):
    """Optuna's, which at its last point would stop a loop that is not Optuna's here."""

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Stops nothing."""


class Sobol(QMCSampler):
    """Optuna's, told its space and its place in the sequence.

    On its own it learns its space from the first finished trial, too late for a batch, and counts its draws, of which
    an owner that dies while asking would lose one.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], seed: int, number: int) -> None:
        with quietly():
            super().__init__(scramble=True, seed=seed, warn_asynchronous_seeding=False, warn_independent_sampling=False)
        self.space, self.number = dict(space), number

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Returns the space that it was told."""
        return self.space

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, BaseDistribution]) -> int:
        return self.number


def distribution(hole: Hole) -> BaseDistribution:
    """Returns a hole in Optuna's words.

    Examples:
        >>> distribution(Ratio(times="max_lr", low=0.1, high=0.5))
        FloatDistribution(high=0.5, log=False, low=0.1, step=None)
    """
    if isinstance(hole, Choices):
        return CategoricalDistribution(hole.choices)
    assert isinstance(hole, (Range, Ratio)), f"{hole} is resolved before it is drawn"
    if isinstance(hole, Range) and hole.integer:
        return IntDistribution(int(hole.low), int(hole.high), log=hole.log)
    return FloatDistribution(hole.low, hole.high, log=hole.log)


def grid_of(space: Mapping[str, Hole], points: int) -> dict[str, list[Any]]:
    """Returns the grid over a space: evenly spread points, on the log scale where the range has one.

    Examples:
        >>> grid_of({"lr": Range(low=0.01, high=1.0, log=True)}, 3)
        {'lr': [0.01, 0.1, 1.0]}
    """
    grid: dict[str, list[Any]] = {}
    for name, hole in space.items():
        if isinstance(hole, Choices):
            grid[name] = list(hole.choices)
            continue
        assert isinstance(hole, (Range, Ratio))
        parts = [step / (points - 1) for step in range(points)] if points > 1 else [0.5]
        spread = [
            hole.low * (hole.high / hole.low) ** part if hole.log else hole.low + (hole.high - hole.low) * part
            for part in parts
        ]
        spread = [min(max(float(f"{value:.12g}"), hole.low), hole.high) for value in spread]
        whole = isinstance(hole, Range) and hole.integer
        grid[name] = sorted({round(value) for value in spread}) if whole else spread
    return grid


def check_budget(study: Study) -> None:
    """Refuses a search that its sampler cannot give.

    Raises:
        SpecError: A grid has fewer points than trials are asked for.
    """
    if study.search is None or not isinstance(study.search.sampler, Grid):
        return
    for arm in study.arms:
        points = study.search.sampler.points
        sizes = [
            points if isinstance(hole, FromRangeTest) else len(grid_of({"": hole}, points)[""])
            for hole in arm.space.values()
        ]
        size = math.prod(sizes)
        if arm.space and size < study.search.trials:
            raise SpecError(
                f"[search] trials = {study.search.trials}, but the grid of arm {arm.name} has only {size} points; "
                "give the sampler more points or ask for fewer trials"
            )
