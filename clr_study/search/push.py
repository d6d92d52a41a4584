"""What optuna-dashboard shows beside the trials: a note and a few figures for each arm, renewed while a study runs."""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import optuna

from clr_study.analysis import compare
from clr_study.report import pushed_figures
from clr_study.search.note import SIGNED, note_of
from clr_study.search.source import Source, Watched
from clr_study.spec import Results

PACKAGE = "optuna_dashboard"
LEAST_SECONDS = 30.0
SHARE = 50  # pushing takes at most one part in so many of the time


class Pushes:
    """Pushes notes and figures to the Optuna studies of the arms; does nothing where optuna-dashboard is not installed.

    What fails here is said, and stops nothing: it shows what is stored, and is no part of it.

    Args:
        read: Returns all that is stored of the study.
        arms: The Optuna study of each arm that is searched.
        say: Gets a sentence if something is wrong.
        clock: Seconds, rising.
    """

    def __init__(
        self,
        read: Callable[[], Results],
        arms: Mapping[str, optuna.Study],
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.read, self.arms, self.say, self.clock = read, dict(arms), say, clock
        self.due = clock() + LEAST_SECONDS
        self.sent: dict[tuple[str, str], str] = {}

    def sometimes(self) -> None:
        """Pushes what is new, if the last time is long enough ago."""
        if self.clock() >= self.due:
            self.now()

    def now(self) -> None:
        """Pushes what is new."""
        package = _package()
        if package is None or not self.arms:
            return
        begun = self.clock()
        try:
            self._push(package, self.read())
        except Exception as error:
            self.say(f"optuna-dashboard keeps its older notes and figures: {type(error).__name__}: {error}")
        ended = self.clock()
        self.due = ended + max(LEAST_SECONDS, SHARE * (ended - begun))

    def beside(self, source: Source) -> Source:
        """Returns a source of jobs that pushes now and then when some come back."""
        return Watched(source, lambda _: self.sometimes())

    def _push(self, package: Any, results: Results) -> None:
        comparison = compare(results)
        figures = pushed_figures(results, comparison)
        for arm, study in self.arms.items():
            note = note_of(results, comparison, arm)
            if self._is_new(arm, "note", note) and _is_ours(package.get_note(study)):
                package.save_note(study, note)
            for name, figure in figures.items():
                if self._is_new(arm, name, figure.to_json()):
                    package.save_plotly_graph_object(study, figure, graph_object_id=name)

    def _is_new(self, arm: str, name: str, text: str) -> bool:
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self.sent.get((arm, name)) == digest:
            return False
        self.sent[arm, name] = digest
        return True


def _is_ours(note: str) -> bool:
    """Whether a note may be renewed: there is none yet, or it is signed as ours."""
    return not note.strip() or SIGNED in note


def _package() -> Any:
    try:
        return importlib.import_module(PACKAGE)
    except ModuleNotFoundError:
        return None
