"""The only door to Optuna: one Optuna study an arm, asked and told by the owner alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, GridSampler, QMCSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from clr_study.data import generator
from clr_study.errors import SpecError
from clr_study.metrics import higher_is_better
from clr_study.search.pruning import optuna_pruner
from clr_study.search.quiet import quietly
from clr_study.spec import Arm, Choices, FromRangeTest, Gp, Grid, Hole, Qmc, Range, Ratio, Study, Tpe
from clr_study.store import patiently

# The states of a trial that has come to an end, by how its run ended. A diverged run has no score: FAIL, never inf.
STATES = {
    "completed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.FAIL,
    "failed": TrialState.FAIL,
}


@dataclass(frozen=True)
class Asked:
    """A trial that has been drawn.

    Args:
        number: Its number within the arm.
        values: A value for each hole, by name.
        rungs: At how many rungs it has been judged, by an earlier owner.
    """

    number: int
    values: Mapping[str, Any]
    rungs: int = 0


class Tuner:
    """Draws the settings of one arm and remembers how each did; a database that is away for a minute is waited for.

    Args:
        storage: Optuna's storage.
        study: The study.
        arm: The arm, its range-test holes already ranges.
    """

    def __init__(self, storage: RDBStorage, study: Study, arm: Arm) -> None:
        assert study.search is not None
        self.url = storage.url
        self.settings, self.arm, self.study_name = study.search, arm, study.name
        self.space = {name: distribution(hole) for name, hole in arm.space.items()}
        self.optuna = patiently(self.url, lambda: self._load(storage, study, arm))
        # Told apart by the caller, not by the constructor: an arm may have been asked before this process began.
        self.asked = len(self._trials())

    def _load(self, storage: RDBStorage, study: Study, arm: Arm) -> optuna.Study:
        found = optuna.create_study(
            storage=storage,
            study_name=f"{study.name}/{arm.name}",
            direction=StudyDirection.MAXIMIZE if higher_is_better(study.metric) else StudyDirection.MINIMIZE,
            sampler=RandomSampler(seed=0),
            pruner=optuna_pruner(self.settings.pruner),
            load_if_exists=True,
        )
        with quietly():
            found.set_metric_names([f"validation {study.metric}"])
        return found

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return patiently(self.url, lambda: self.optuna.get_trials(deepcopy=False, states=states or None))

    def unfinished(self) -> list[Asked]:
        """Returns the trials that were asked and never told: the owner's own work, to be continued."""
        running = self._trials(TrialState.RUNNING)
        return [patiently(self.url, partial(self._complete, trial)) for trial in running]

    def ask(self) -> Asked:
        """Draws one more trial."""
        tries = count()
        asked = patiently(self.url, lambda: self._ask(cut_off=next(tries) > 0))
        self.asked += 1
        return asked

    def _ask(self, cut_off: bool) -> Asked:
        begun = self._trials()[self.asked :] if cut_off else []
        if begun:
            return self._complete(begun[0])
        self.optuna.sampler = self._sampler(self.asked)
        trial = self.optuna.ask(self.space)
        return Asked(trial.number, dict(trial.params))

    def tell(self, number: int, ending: str, score: float | None, note: str = "") -> None:
        """Records how a trial ended; telling again what was told changes nothing."""
        patiently(self.url, lambda: self._tell(number, ending, score, note))

    def _tell(self, number: int, ending: str, score: float | None, note: str) -> None:
        state = STATES[ending]
        values = score if state == TrialState.COMPLETE else None
        if note:
            frozen = self._trials()[number]
            if not frozen.state.is_finished():
                self._trial(frozen).set_user_attr("ending", f"{ending}: {note.splitlines()[-1][:200]}")
        self.optuna.tell(number, values, state=state, skip_if_finished=True)

    def should_prune(self, number: int, step: int, score: float) -> bool:
        """Reports a score at a rung and returns whether the pruner would stop the trial there."""
        return patiently(self.url, lambda: self._report(number, step, score).should_prune())

    def report(self, number: int, step: int, score: float) -> None:
        """Reports a score at a rung where nothing is to be decided."""
        patiently(self.url, lambda: self._report(number, step, score))

    def _report(self, number: int, step: int, score: float) -> Trial:
        trial = self._trial(self._trials()[number])
        trial.report(score, step)
        return trial

    def _trial(self, frozen: FrozenTrial) -> Trial:
        return Trial(self.optuna, frozen._trial_id)

    def _complete(self, frozen: FrozenTrial) -> Asked:
        """Draws what is missing of a trial whose owner died while asking."""
        self.optuna.sampler = self._sampler(frozen.number)
        trial = self._trial(frozen)
        values = {name: _suggest(trial, name, space) for name, space in self.space.items()}
        return Asked(frozen.number, values, max(frozen.intermediate_values, default=0))

    def _sampler(self, number: int) -> BaseSampler:
        """The sampler for a trial, its seed a function of the trial: two owners in turn draw what one would."""
        chosen, purpose = self.settings.sampler, f"sampler {self.study_name}/{self.arm.name}"
        seed = int(generator(self.settings.seed, number, purpose).integers(2**31))
        if isinstance(chosen, Tpe):
            return TPESampler(seed=seed, n_startup_trials=chosen.startup_trials, constant_liar=True)
        if isinstance(chosen, Gp):
            return GPSampler(seed=seed, n_startup_trials=chosen.startup_trials, warn_independent_sampling=False)
        fixed = int(generator(self.settings.seed, 0, purpose).integers(2**31))
        if isinstance(chosen, Qmc):
            return _Sobol(self.space, fixed, number)
        if isinstance(chosen, Grid):
            return _Grid(grid_of(self.arm.space, chosen.points), seed=fixed)
        return _Counted(seed)


class _Counted(RandomSampler):
    """Random search in which a value is a function of the trial and the hole, and of nothing that came before."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.base = seed

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        seed = int(generator(self.base, 0, param_name).integers(2**31))
        return RandomSampler(seed).sample_independent(study, trial, param_name, param_distribution)


class _Grid(GridSampler):
    """Optuna's, which at its last point would stop a loop that is not Optuna's here."""

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        pass


class _Sobol(QMCSampler):
    """Optuna's, told its space and its place in the sequence.

    On its own it learns its space from the first finished trial, too late for a batch, and counts its draws, of which
    an owner that dies while asking would lose one.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], seed: int, number: int) -> None:
        with quietly():
            super().__init__(scramble=True, seed=seed, warn_asynchronous_seeding=False, warn_independent_sampling=False)
        self.space, self.number = dict(space), number

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
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


def _suggest(trial: Trial, name: str, space: BaseDistribution) -> Any:
    if isinstance(space, CategoricalDistribution):
        return trial.suggest_categorical(name, space.choices)
    if isinstance(space, IntDistribution):
        return trial.suggest_int(name, space.low, space.high, log=space.log)
    assert isinstance(space, FloatDistribution)
    return trial.suggest_float(name, space.low, space.high, log=space.log)
