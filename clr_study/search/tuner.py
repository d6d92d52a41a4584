"""The only door to Optuna: one Optuna study a search of an arm, asked and told by the owner alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from optuna.storages import InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from clr_study.data import generator
from clr_study.metrics import higher_is_better
from clr_study.search.optuna_tables import optuna_name
from clr_study.search.pruning import optuna_pruner
from clr_study.search.quiet import quietly
from clr_study.search.samplers import Counted, GridOfPoints, Sobol, distribution, grid_of
from clr_study.spec import Arm, Gp, Grid, Qmc, Study, Tpe
from clr_study.store import TunedTrial, patiently

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
        number: Its number within the arm, counted on from search to search.
        values: A value for each hole, by name.
        rungs: At how many rungs it has been judged, by an earlier owner.
    """

    number: int
    values: Mapping[str, Any]
    rungs: int = 0


class Tuner:
    """Draws the settings of one search of an arm and remembers how each did.

    It works on trials in memory, which cost a hundredth of those in a database. Whoever has asked, reported or told
    writes the `changes` of all arms into the storage in one transaction; a trial of which the storage knows nothing was
    never begun.

    Args:
        storage: Optuna's storage.
        study: The study.
        arm: The arm, its range-test holes already ranges.
        search: Which of the arm's searches, counted from 0.
    """

    def __init__(self, storage: RDBStorage, study: Study, arm: Arm, search: int = 0) -> None:
        assert study.search is not None
        self.settings, self.arm, self.study_name = study.search, arm, study.name
        self.first = search * self.settings.trials
        self.name = optuna_name(study.name, arm.name, search)
        self.space = {name: distribution(hole) for name, hole in arm.space.items()}
        best = StudyDirection.MAXIMIZE if higher_is_better(study.metric) else StudyDirection.MINIMIZE
        self.optuna = optuna.create_study(
            storage=InMemoryStorage(),
            study_name=self.name,
            direction=best,
            sampler=RandomSampler(seed=0),
            pruner=optuna_pruner(self.settings.pruner),
        )
        self.optuna.add_trials(patiently(storage.url, lambda: _stored(storage, self.name, best, study.metric)))
        # Told apart by the caller, not by the constructor: an arm may have been asked before this process began.
        self.asked = len(self._trials())
        self._changed: set[int] = set()

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.optuna.get_trials(deepcopy=False, states=states or None)

    def unfinished(self) -> list[Asked]:
        """Returns the trials that were asked and never told: the owner's own work, to be continued."""
        return [self._complete(trial) for trial in self._trials(TrialState.RUNNING)]

    def ask(self) -> Asked:
        """Draws one more trial."""
        self.optuna.sampler = self._sampler(self.asked)
        trial = self.optuna.ask(self.space)
        self.asked += 1
        self._changed.add(trial.number)
        return Asked(self.first + trial.number, dict(trial.params))

    def tell(self, number: int, ending: str, score: float | None, note: str = "") -> None:
        """Records how a trial ended; telling again what was told changes nothing."""
        frozen = self._trials()[number - self.first]
        if frozen.state.is_finished():
            return
        if note:
            self._trial(frozen).set_user_attr("ending", f"{ending}: {note.splitlines()[-1][:200]}")
        state = STATES[ending]
        self.optuna.tell(frozen.number, score if state == TrialState.COMPLETE else None, state=state)
        self._changed.add(frozen.number)

    def should_prune(self, number: int, step: int, score: float) -> bool:
        """Reports a score at a rung and returns whether the pruner would stop the trial there."""
        return self._report(number, step, score).should_prune()

    def report(self, number: int, step: int, score: float) -> None:
        """Reports a score at a rung where nothing is to be decided."""
        self._report(number, step, score)

    def _report(self, number: int, step: int, score: float) -> Trial:
        trial = self._trial(self._trials()[number - self.first])
        trial.report(score, step)
        self._changed.add(trial.number)
        return trial

    def _trial(self, frozen: FrozenTrial) -> Trial:
        return Trial(self.optuna, frozen._trial_id)

    def _complete(self, frozen: FrozenTrial) -> Asked:
        """Draws what is missing of a trial, as an owner may have left it that asked for one value at a time."""
        self.optuna.sampler = self._sampler(frozen.number)
        trial = self._trial(frozen)
        values = {name: _suggest(trial, name, space) for name, space in self.space.items()}
        if values.keys() != frozen.params.keys():
            self._changed.add(frozen.number)
        return Asked(self.first + frozen.number, values, max(frozen.intermediate_values, default=0))

    def changed(self) -> list[TunedTrial]:
        """Returns the trials of which the storage does not know all, and takes it that it will."""
        trials = self._trials()
        numbers, self._changed = sorted(self._changed), set()
        return [_tuned(trials[number]) for number in numbers]

    def _sampler(self, number: int) -> BaseSampler:
        """The sampler for a trial, by its number here, its seed a function of it: two owners draw what one would."""
        chosen, purpose = self.settings.sampler, f"sampler {self.study_name}/{self.arm.name}"
        seed = int(generator(self.settings.seed, self.first + number, purpose).integers(2**31))
        if isinstance(chosen, Tpe):
            return TPESampler(seed=seed, n_startup_trials=chosen.startup_trials, constant_liar=True)
        if isinstance(chosen, Gp):
            return GPSampler(seed=seed, n_startup_trials=chosen.startup_trials, warn_independent_sampling=False)
        fixed = int(generator(self.settings.seed, self.first, purpose).integers(2**31))
        if isinstance(chosen, Qmc):
            return Sobol(self.space, fixed, number)
        if isinstance(chosen, Grid):
            return GridOfPoints(grid_of(self.arm.space, chosen.points), seed=fixed)
        return Counted(seed)


def changes(tuners: Iterable[Tuner]) -> dict[str, list[TunedTrial]]:
    """Returns what is new of the trials of some arms, as a `TrialWriter` takes it."""
    return {tuner.name: tuner.changed() for tuner in tuners}


def _stored(storage: RDBStorage, name: str, best: StudyDirection, metric: str) -> list[FrozenTrial]:
    """The trials that the storage holds of an Optuna study, which is made if it is not there."""
    found = optuna.create_study(storage=storage, study_name=name, direction=best, load_if_exists=True)
    if not found.metric_names:
        with quietly():
            found.set_metric_names([f"validation {metric}"])
    return found.get_trials(deepcopy=False)


def _tuned(trial: FrozenTrial) -> TunedTrial:
    assert trial.datetime_start is not None
    spaces = trial.distributions
    return TunedTrial(
        number=trial.number,
        state=trial.state.name,
        started=_utc(trial.datetime_start),
        ended=_utc(trial.datetime_complete) if trial.datetime_complete else None,
        params={
            name: (spaces[name].to_internal_repr(value), distribution_to_json(spaces[name]))
            for name, value in trial.params.items()
        },
        value=trial.value,
        reports=trial.intermediate_values,
        user={key: json.dumps(value) for key, value in trial.user_attrs.items()},
        system={key: json.dumps(value) for key, value in trial.system_attrs.items()},
    )


def _utc(moment: datetime) -> datetime:
    """A time as Optuna keeps it in a database, from one as its trials have it: local, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _suggest(trial: Trial, name: str, space: BaseDistribution) -> Any:
    if isinstance(space, CategoricalDistribution):
        return trial.suggest_categorical(name, space.choices)
    if isinstance(space, IntDistribution):
        return trial.suggest_int(name, space.low, space.high, log=space.log)
    assert isinstance(space, FloatDistribution)
    return trial.suggest_float(name, space.low, space.high, log=space.log)
