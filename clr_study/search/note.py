"""The note that optuna-dashboard shows beside an arm's trials, in Markdown."""

from __future__ import annotations

import re

from clr_study.analysis import Comparison
from clr_study.report import plain, summary_rows
from clr_study.report.progress import missing
from clr_study.search.words import found
from clr_study.spec import Results

SIGNED = "*Written by clr-study, which renews it while the study runs. Take this line out to keep a note of your own.*"


def note_of(results: Results, comparison: Comparison, arm: str) -> str:
    """Returns the note of an arm's Optuna study: the question, the verdict so far, the budget, where the report is.

    Args:
        results: What the study has measured so far.
        comparison: What `compare` says about it.
        arm: Whose note it is.
    """
    study, owed = results.study, missing(results)
    measured = any(summary.final.n for summary in comparison.arms)
    parts = [f"## {study.name}: the search of {arm}", f"> {markdown(study.question)}"]
    if measured:
        parts += [f"**{'So far' if owed else 'Verdict'}:** {markdown(comparison.verdict)}", _table(comparison)]
    parts += [_budget(results, arm), *_winner(results, arm)]
    if owed:
        parts.append("\n".join(["Still to do:", "", *(f"- {markdown(sentence)}" for sentence in owed)]))
    parts.append(
        f"[The report](/report/{study.name}) opens where `clr-study dashboard` serves this page; elsewhere "
        f"`clr-study report {study.name}` writes it."
    )
    return "\n\n".join([*parts, SIGNED])


def markdown(text: str) -> str:
    """Returns free text in which Markdown finds nothing to do.

    Examples:
        >>> markdown("<b>5 * 3</b> [here](x)")
        '\\\\<b\\\\>5 \\\\* 3\\\\</b\\\\> \\\\[here\\\\](x)'
    """
    return re.sub(r"([\\`*_{}\[\]<>#|~$!])", r"\\\1", " ".join(plain(text).split()))


def _budget(results: Results, arm: str) -> str:
    study = results.study
    assert study.search is not None
    tried = results.of(arm, "search")
    updates = f" of {tried[0].spec.updates:,} updates" if tried else ""
    confirmed, seeds = study.search.confirmed, study.search.confirm.seeds
    again = f"the best {confirmed} of them again on {seeds} fresh seeds, " if confirmed else ""
    then = f"then {study.measure.seeds} fresh seeds of each winner"
    if study.searches > 1:
        then = f"then a fresh seed of the winner; this is the first of {study.searches} such searches"
    return (
        f"Budget: {study.search.trials} trials{updates} for each arm, judged by validation {study.metric}, {again}"
        f"{then}."
    )


def _winner(results: Results, arm: str) -> list[str]:
    number = results.winners.get(arm)
    return [markdown(found(arm, run, results)) + "." for run in results.of(arm, "search") if run.key.trial == number]


def _table(comparison: Comparison) -> str:
    rows = summary_rows(comparison)
    lines = [" | ".join(map(markdown, rows[0])), " | ".join(["---"] * len(rows[0]))]
    lines += [" | ".join(map(markdown, row.values())) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)
