"""The phases as sources of jobs: trials that are asked for and told, and runs that are all known at the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from clr_study.data import replicate_seeds
from clr_study.search.pruning import judged_at, rungs
from clr_study.search.tuner import Asked, Tuner, changes
from clr_study.spec import (
    Arm,
    Budget,
    Ending,
    Gp,
    Job,
    NoPruner,
    Outcome,
    Patient,
    PlannedRun,
    RunKey,
    Study,
    Tpe,
    TrialSpec,
    fill,
)
from clr_study.store import Store, TrialWriter, plan_runs, scores_at

Record: TypeAlias = tuple[str, Mapping[str, str]]
Search: TypeAlias = tuple[str, int]
"""A search of an arm: the arm's name and, counted from 0, which."""


class SearchPhase:
    """Asks, prunes and tells, for all searches of all arms at once.

    Args:
        study: The study.
        arms: Its arms that have holes, each range-test hole already a range.
        budgets: By arm.
        tuners: By arm and, counted from 0, which of its searches.
        store: Where runs are planned.
        endings: How the runs that are in the store have ended, from an earlier owner.
        record: The device in words and the versions, for runs whose end the owner decides.
    """

    def __init__(
        self,
        study: Study,
        arms: Sequence[Arm],
        budgets: Mapping[str, Budget],
        tuners: Mapping[Search, Tuner],
        store: Store,
        endings: Mapping[RunKey, Ending | None],
        record: Record,
    ) -> None:
        assert study.search is not None
        self.study, self.settings, self.store, self.tuners, self.budgets = study, study.search, store, tuners, budgets
        self.arms = {arm.name: arm for arm in arms}
        self.seeds = replicate_seeds(study.name, study.seed, "search", study.searches)
        self.record = record
        self.metric = f"validation_{study.metric}"
        self.rungs = {name: rungs(self.settings.pruner, budgets[name]) for name in self.arms}
        self.specs: dict[RunKey, TrialSpec] = {}
        self.flying = dict.fromkeys(tuners, 0)
        self.writer = TrialWriter(store)
        self.inherited = {search: tuner.unfinished() for search, tuner in tuners.items()}
        self._tell_what_ended(endings)

    def step(self, outcomes: Sequence[Outcome], room: int) -> list[Job]:
        """Tells Optuna what ended, sends on what was handed back at a rung, unless it is pruned, and asks for more.

        Trials that an earlier owner left come first, then new ones. The next trial is that of the arm with the fewest
        so far, of the earliest search that may ask: trials of one search have one seed, and so are the fastest side by
        side. So what is asked for is a function of what has been asked, and an owner that goes on for another one packs
        the same batches.
        """
        seen = scores_at(self.store, [outcome.key for outcome in outcomes], self.metric)
        jobs: list[Job] = []
        pruned: list[Outcome] = []
        for outcome in outcomes:
            if outcome.ending is None:
                jobs += self._at_rung(outcome, seen[outcome.key], pruned)
            else:
                self._tell(outcome, seen[outcome.key])
        planned = list(self._asked(room - len(jobs)))
        self.writer.write(changes(self.tuners.values()), [run for run, _ in planned], pruned, *self.record)
        return jobs + [job for _, job in planned]

    def _asked(self, room: int) -> Iterator[tuple[PlannedRun, Job]]:
        for _ in range(room):
            left = [search for search in self.tuners if self.inherited[search]]
            open_searches = left or [search for search in self.tuners if self._may_ask(search)]
            if not open_searches:
                return
            yield self._next(min(open_searches, key=lambda search: (search[1], self.tuners[search].asked)))

    def _tell_what_ended(self, endings: Mapping[RunKey, Ending | None]) -> None:
        """Tells Optuna of runs that ended while no owner was there to tell."""
        ended = [
            (search, asked, ending)
            for search, left in self.inherited.items()
            for asked in left
            if (ending := endings.get(self._key(search, asked)))
        ]
        seen = scores_at(self.store, [self._key(search, asked) for search, asked, _ in ended], self.metric)
        for search, asked, ending in ended:
            self.inherited[search].remove(asked)
            run, _ = self._planned(search, asked)
            self._tell(Outcome(run.key, ending, run.spec.updates, ""), seen[run.key])
        self.writer.write(changes(self.tuners.values()))

    def _key(self, search: Search, asked: Asked) -> RunKey:
        return RunKey(self.study.name, search[0], "search", asked.number, self.seeds[search[1]])

    def _search_of(self, key: RunKey) -> Search:
        return key.arm, self.study.search_of(key.trial)

    def _may_ask(self, search: Search) -> bool:
        sampler = self.settings.sampler
        if isinstance(sampler, (Tpe, Gp)) and self.flying[search] >= sampler.batch:
            return False
        return self.tuners[search].asked < self.settings.trials

    def _next(self, search: Search) -> tuple[PlannedRun, Job]:
        asked = self.inherited[search].pop(0) if self.inherited[search] else self.tuners[search].ask()
        return self._planned(search, asked)

    def _planned(self, search: Search, asked: Asked) -> tuple[PlannedRun, Job]:
        pruned = not isinstance(self.settings.pruner, NoPruner)
        key, arm = self._key(search, asked), self.arms[search[0]]
        budget, ladder = self.budgets[arm.name], self.rungs[arm.name]
        spec = fill(self.study, arm, asked.values, budget, key.seed, cycle_ends=pruned, extra=ladder)
        self.specs[key] = spec
        self.flying[search] += 1
        return PlannedRun(key, spec, asked.values), Job(key, spec, ladder[min(asked.rungs, len(ladder) - 1)])

    def _at_rung(self, outcome: Outcome, scores: Mapping[int, float], ended: list[Outcome]) -> list[Job]:
        key, spec = outcome.key, self.specs[outcome.key]
        ladder = self.rungs[key.arm]
        step = ladder.index(outcome.updates) + 1
        judged = judged_at(spec, outcome.updates)
        before = judged_at(spec, ladder[step - 2]) if step > 1 else None
        fresh = judged is not None and judged != before
        tuner = self.tuners[self._search_of(key)]
        if judged is not None and (fresh or not isinstance(self.settings.pruner, Patient)):
            pruned = tuner.should_prune(key.trial, step, scores[judged])
            if pruned and fresh:
                end = Outcome(key, "pruned", outcome.updates, f"pruned after {outcome.updates} updates")
                ended.append(end)
                self._tell(end, scores)
                return []
        return [Job(key, spec, ladder[step])]

    def _tell(self, outcome: Outcome, scores: Mapping[int, float]) -> None:
        key, search = outcome.key, self._search_of(outcome.key)
        score = scores.get(self.specs.pop(key).updates)
        if outcome.ending == "completed" and len(self.rungs[key.arm]) > 1 and score is not None:
            self.tuners[search].report(key.trial, len(self.rungs[key.arm]), score)
        self.tuners[search].tell(key.trial, str(outcome.ending), score, outcome.note)
        self.flying[search] -= 1


class FixedPhase:
    """Runs that are all known at the start: a range test, the finalists of a search, the measure phase.

    Args:
        planned: The runs.
        store: Where they are planned, and where those that an earlier owner finished are known.
        endings: How the runs that are in the store have ended.
    """

    def __init__(self, planned: Sequence[PlannedRun], store: Store, endings: Mapping[RunKey, Ending | None]) -> None:
        plan_runs(store, planned)
        self.left = [Job(run.key, run.spec, run.spec.updates) for run in planned if not endings.get(run.key)]

    def step(self, outcomes: Sequence[Outcome], room: int) -> list[Job]:
        """Returns runs to start; nothing follows from a finished one."""
        jobs, self.left = self.left[:room], self.left[room:]
        return jobs
