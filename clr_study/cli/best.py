"""`clr-study best`: the winning schedule as code to paste."""

from __future__ import annotations

from clr_study.cli.stored import read_stored
from clr_study.errors import InputError, UnfinishedError, did_you_mean


def best_of(study: str, storage: str, arm: str, form: str) -> str:
    """Returns the code of a stored study's winner, or of one of its arms.

    Args:
        study: The study's name.
        storage: The database's URL; empty for the usual one.
        arm: The arm's name; empty for the best one.
        form: One of `clr_study.report.code.FORMS`.

    Raises:
        InputError: There is no such arm, or no such form.
        UnfinishedError: Nothing is measured that could win.
    """
    results = read_stored(study, storage)
    # What compares and writes takes seconds to import, and there may be nothing stored.
    from clr_study.analysis import compare
    from clr_study.report.code import FORMS, code, winner_of

    if form not in FORMS:
        raise InputError(f"--as: there is no form {form!r}; {did_you_mean(form, FORMS)}")
    arms = [one.name for one in results.study.arms]
    if arm and arm not in arms:
        raise InputError(f"--arm: {study} has no arm {arm!r}; {did_you_mean(arm, arms)}")
    comparison = compare(results)
    chosen = arm or comparison.best
    winner = winner_of(results, comparison, chosen) if chosen else None
    if winner is None:
        raise UnfinishedError(
            f"{study} has no measured winner{f' in arm {arm}' if arm else ''} yet; `clr-study run {study}` goes on "
            f"with it, and `clr-study show {study}` says how far it is"
        )
    return code(winner, form)
