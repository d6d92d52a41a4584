"""Runs a whole study: check, range test, search, measure, report. The same call again goes on where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from clr_study.check import CheckReport, check_study
from clr_study.data import replicate_seeds
from clr_study.engine import MOST_LANES, Task, load_task
from clr_study.errors import SpecError
from clr_study.range_tests import bounds_for_holes, ramp_updates, range_test_runs, read_range_test
from clr_study.search.ending import conclude
from clr_study.search.lanes import LaneCounts
from clr_study.search.loop import drive
from clr_study.search.optuna_tables import arm_studies, check_optunas, optuna_storage
from clr_study.search.phases import FixedPhase, Record, SearchPhase
from clr_study.search.push import Pushes
from clr_study.search.samplers import check_budget
from clr_study.search.source import Source, Watched
from clr_study.search.spread import spread
from clr_study.search.tuner import Tuner
from clr_study.search.winners import confirm_runs, measure_runs, winner_of, winners_of
from clr_study.search.words import beginning, confirming, found, measuring, searching
from clr_study.search.workers import Workers
from clr_study.spec import (
    Arm,
    Outcome,
    PlannedRun,
    RangeTestResult,
    Results,
    RunResult,
    Study,
    build_extremes,
    needs_range_test,
    with_bounds,
)
from clr_study.store import (
    Store,
    add_range_test,
    add_study,
    finish,
    open_store,
    own,
    read_results,
    run_endings,
    set_winner,
    study_names,
)
from clr_study.where import Where, check_folders, told_by_environment
from clr_study.worker import closing_stores

Say = Callable[[str], None]


def run_study(
    study: Study,
    where: Where | None = None,
    say: Say = lambda _: None,
    heard: Callable[[Sequence[Outcome]], None] | None = None,
) -> Results:
    """Runs a study to its end and writes its report.

    Args:
        study: The study.
        where: The storage, the devices, the folder of the report.
        say: Gets a sentence at each stage.
        heard: Gets the outcomes of runs as they come back.

    Returns:
        All that was measured.

    Raises:
        InputError: Something in the study or in where it is to run cannot be; nothing was written.
        UnfinishedError: Some runs failed; the report shows what there is.
    """
    where = where or Where()
    task = None if study.train_fn else load_task(study.task)
    report = check_study(study, task)
    check_budget(study)
    if needs_range_test(study):
        _check_range_test(study, report)
    with _Crew(study, spread(where, study, report, task), report, task, heard) as crew:
        crew.begin(say)
        arms = crew.arms_with_bounds(say)
        winners = crew.search(arms, say)
        crew.measure(arms, winners, say)
        if crew.pushes:
            crew.pushes.now()  # which reads them too, and lets them go
        results = read_results(crew.store, study.name)
    conclude(results, where.folder(study.name))
    return results


def run_range_test(study: Study, where: Where | None = None, say: Say = lambda _: None) -> RangeTestResult:
    """Runs a study's range test and stores it; one that is stored already is not run again.

    Args:
        study: The study.
        where: The storage and the devices.
        say: Gets a sentence at each stage.

    Raises:
        InputError: Something in the study or in where it is to run cannot be; nothing was written.
        UnfinishedError: Some runs failed; the report shows what there is.
    """
    where = where or Where()
    if study.train_fn:
        raise SpecError("a range test needs our own loop: range_test(model, data), or a study with data and a model")
    task = load_task(study.task)
    report = check_study(study, task)
    _check_range_test(study, report)
    with _Crew(study, where, report, task) as crew:
        crew.begin(say)
        result = crew.range_test(say)
        results = read_results(crew.store, study.name)
    conclude(results, where.folder(study.name))
    return result


class _Crew:
    """The owner with its storage, its lease and its workers."""

    def __init__(
        self,
        study: Study,
        where: Where,
        report: CheckReport,
        task: Task | None,
        heard: Callable[[Sequence[Outcome]], None] | None = None,
    ) -> None:
        self.study, self.where, self.report, self.task, self.heard = study, where, report, task, heard
        check_folders(where, study.name)
        self.workers = Workers(study, where)
        self.store: Store
        self._open = ExitStack()
        self.lanes: LaneCounts
        self.pushes: Pushes | None = None

    def __enter__(self) -> _Crew:
        with ExitStack() as stack:
            # Made before anything is written, since it may refuse; ended before the lease is given back.
            stack.enter_context(self.workers.executor)
            if self.study.search:
                check_optunas(self.where.url)
            self.store = stack.enter_context(open_store(self.where.url))
            if self.study.name not in study_names(self.store):
                add_study(self.store, self.study)  # there is nothing to own before it is there
            stack.enter_context(own(self.store, self.study.name))
            add_study(self.store, self.study)
            stack.enter_context(told_by_environment(self.store.url))
            stack.enter_context(closing_stores())  # of a worker inside this process
            stack.callback(self.workers.executor.shutdown)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.__exit__(*error)  # type: ignore[arg-type]

    def drive(self, source: Source) -> None:
        slots = len(self.workers.places)
        # With several workers a batch more is asked for ahead. One worker is told everything first: what it asks for
        # then is the same after a kill.
        most = (slots + (slots > 1)) * (self.where.lanes or MOST_LANES)
        watched = self.pushes.beside(source) if self.pushes else source
        watched = Watched(watched, self.heard) if self.heard else watched
        drive(watched, self.workers.executor, slots, self.lanes, most, self.give_up)
        folder = self.where.checkpoint_folder(self.study.name)
        if folder:
            # Every run of the phase has ended; what is left is of workers that were killed.
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()

    def give_up(self, outcomes: Sequence[Outcome]) -> None:
        """Stores how runs ended whose workers could not."""
        finish(self.store, outcomes, *self.record)

    def drive_planned(self, planned: Sequence[PlannedRun]) -> None:
        """Runs what is all known at the start, but for what an earlier owner has finished."""
        self.drive(FixedPhase(planned, self.store, run_endings(self.store, self.study.name)))

    @property
    def record(self) -> Record:
        """What the owner writes beside a run whose end it decides itself."""
        return self.workers.capacity.device, self.workers.capacity.versions

    def begin(self, say: Say) -> None:
        self.lanes = LaneCounts(self.study.name, self.store, self.workers, self.where.lanes, self.task, say)
        before = run_endings(self.store, self.study.name)
        workers = len(self.workers.places)
        for sentence in beginning(self.workers.capacity.device, workers, before, self.report):
            say(sentence)

    def range_test(self, say: Say) -> RangeTestResult:
        test = self.study.range_test
        stored = read_results(self.store, self.study.name)
        for result in stored.range_tests:
            if result.ramp == test.ramp and len(result.seeds) == test.seeds:
                return result
        say(f"range test: {test.seeds} runs, learning rate from {test.low:g} to {test.high:g}")
        seeds = replicate_seeds(self.study.name, self.study.seed, "range_test", test.seeds)
        planned = range_test_runs(self.study, self.report.budgets[self.study.arms[0].name], seeds)
        self.drive_planned(planned)
        runs = read_results(self.store, self.study.name).of(planned[0].key.arm, "range_test")
        result = read_range_test(test, runs, self.study.metric)
        add_range_test(self.store, self.study.name, result)
        return result

    def arms_with_bounds(self, say: Say) -> list[Arm]:
        """The arms, their range-test holes made ranges by a range test, where there are any."""
        if not needs_range_test(self.study):
            return list(self.study.arms)
        bounds = bounds_for_holes(self.study.range_test, self.range_test(say))
        say(f"range test: base_lr {bounds['base_lr']:.4g}, max_lr {bounds['max_lr']:.4g}")
        arms = [replace(arm, **with_bounds(arm.tables, bounds)) for arm in self.study.arms]
        for arm in arms:
            build_extremes(self.study, arm, self.report.budgets[arm.name])
        return arms

    def search(self, arms: list[Arm], say: Say) -> Mapping[str, Sequence[RunResult]]:
        searched = [arm for arm in arms if arm.space]
        if self.study.search is None or not searched:
            return {}
        say(searching(self.study, len(searched)))
        storage = optuna_storage(self.store.url)
        self._open.callback(storage.engine.dispose)
        tuners = {
            (arm.name, search): Tuner(storage, self.study, arm, search)
            for search in range(self.study.searches)
            for arm in searched
        }
        self.pushes = Pushes(
            lambda: read_results(self.store, self.study.name),
            arm_studies(storage, self.study.name, [arm.name for arm in searched]),
            say,
        )
        endings = run_endings(self.store, self.study.name)
        self.drive(SearchPhase(self.study, searched, self.report.budgets, tuners, self.store, endings, self.record))
        results = read_results(self.store, self.study.name)
        again = confirm_runs(self.study, searched, self.report.budgets, results)
        if again:
            del results  # it is read anew, and of a large study one copy is enough
            say(confirming(self.study))
            self.drive_planned(again)
            results = read_results(self.store, self.study.name)
        for arm in searched:
            winner = winner_of(results, arm.name)
            if winner:
                set_winner(self.store, self.study.name, arm.name, winner.key.trial)
            say(found(arm.name, winner, results))
        return {arm.name: winners_of(results, arm.name) for arm in searched}

    def measure(self, arms: list[Arm], winners: Mapping[str, Sequence[RunResult]], say: Say) -> None:
        planned = measure_runs(self.study, arms, self.report.budgets, winners)
        if planned:
            say(measuring(self.study, tuned=bool(winners)))
        self.drive_planned(planned)


def _check_range_test(study: Study, report: CheckReport) -> None:
    ramp_updates(study.range_test, report.budgets[study.arms[0].name])
    if report.samples and not report.samples[1]:
        raise SpecError("[data] validation = 0 leaves nothing to read a range test on; hold some samples out")
