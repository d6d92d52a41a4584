"""What a comparison does not show, in words: a sentence each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from clr_study.analysis import significance, words
from clr_study.analysis.bootstrap import FEW
from clr_study.analysis.comparison import Comparison
from clr_study.analysis.verdict import ALPHA, did_not_complete, shown
from clr_study.spec import changes
from clr_study.spec.study import Study


def limits(comparison: Comparison, study: Study) -> tuple[str, ...]:
    """Returns what was not tested, and what weakens the answer, the gravest first.

    Args:
        comparison: The comparison that they belong to.
        study: The study, for what it held fixed.
    """
    return tuple(
        sentence
        for part in (_preview, _unfinished, _incomplete, _budgets, _target, _seeds, _tuning, _split, _fixed)
        for sentence in part(comparison, study)
    )


def _preview(comparison: Comparison, study: Study) -> Iterator[str]:
    table = tomllib.loads(study.source)
    told = changes(table)
    if told:
        yield f"This is not {table['name']} as it stands but {told}: it answers nothing in that study's place."


def _unfinished(comparison: Comparison, study: Study) -> Iterator[str]:
    if not comparison.finished:
        done = sum(min(summary.n, summary.planned) for summary in comparison.arms)
        planned = sum(summary.planned for summary in comparison.arms)
        yield f"The measure phase is not finished: {done} of {planned} runs have ended. All of this is provisional."


def _incomplete(comparison: Comparison, study: Study) -> Iterator[str]:
    for summary in comparison.arms:
        if summary.incomplete:
            rest = f"; its mean is over the other {summary.final.n}" if summary.final.n else ""
            yield (
                f"{summary.arm}: {summary.incomplete} of {summary.n} measured runs did not complete"
                f" ({did_not_complete([summary])}){rest}. In p and in the part of the seeds that it is better on, they"
                " count as lost."
            )


def _budgets(comparison: Comparison, study: Study) -> Iterator[str]:
    budgets = {summary.arm: summary.updates for summary in comparison.arms if summary.updates}
    if len(set(budgets.values())) < 2:
        return
    told = words.listed([f"{arm} {words.updates(count)}" for arm, count in budgets.items()])
    if comparison.by == "target":
        yield f"The budgets differ ({told}): arms are compared by their time to target, not by their final value."
    else:
        yield f"The budgets differ ({told}) and there is no target: the final values are not like for like."


def _target(comparison: Comparison, study: Study) -> Iterator[str]:
    times = [summary.to_target for summary in comparison.arms if summary.to_target is not None]
    if not times:
        return
    metric, target = str(comparison.target_metric), comparison.target or 0.0
    if all(each.misses == each.n for each in times):
        yield f"No run of any arm reached the target, {words.column(metric)} {words.number(target, metric)}."
    else:
        yield "A time to target is that of the first evaluation that met it; it may have been met since the one before."


def _seeds(comparison: Comparison, study: Study) -> Iterator[str]:
    counted = [summary.final.n for summary in comparison.arms if summary.n]
    if counted and min(counted) == 1:
        yield "An arm with one completed run has no interval: nothing says how much of its value is luck."
    elif counted and 1 < min(counted) < FEW:
        yield (
            f"Over fewer than {FEW} runs the intervals are Student's t, which takes values to spread like a normal;"
            " bands around curves and the ends of median times are narrower than their 95 % say."
        )
    family = comparison.target_to_best if comparison.by == "target" else comparison.to_best
    pairs = [difference.estimate.n for difference in family]
    if pairs and significance.smallest_p(min(pairs)) >= ALPHA:
        yield (
            f"{min(pairs)} shared seed{'s are' if min(pairs) != 1 else ' is'} too few for any difference to reach"
            f" p < {ALPHA}; the smallest that they can give is {significance.smallest_p(min(pairs)):g}."
        )
    if len(family) > 1 and any(map(shown, family)):
        yield (
            "The best arm was picked on the same runs that it is compared on. Its p allows for that; its mean and the"
            " size of its lead do not, and are a little flattered."
        )


def _tuning(comparison: Comparison, study: Study) -> Iterator[str]:
    tuned = [arm.name for arm in study.arms if arm.space]
    if study.search is None or not tuned:
        yield "Nothing was tuned: every arm ran with the setting in the study file."
        return
    untuned = [arm.name for arm in study.arms if not arm.space]
    if untuned:
        verb = "was" if len(untuned) == 1 else "were"
        yield f"{words.listed(untuned)} {verb} not tuned, having nothing to search; the other arms were."
    confirmed = study.search.confirmed
    again = f", of which the best {confirmed} were run again on {study.search.confirm.seeds} seeds" if confirmed else ""
    if study.searches > 1:
        yield (
            f"Each arm was tuned anew for each of {study.searches} seeds, with {study.search.trials}"
            f" {study.search.sampler.kind} trials{again}: the intervals hold what such a search comes to, its luck"
            " included. The values shown are of one search, the best confirmed one."
        )
        return
    yield (
        f"Each arm was tuned once, with {study.search.trials} {study.search.sampler.kind} trials{again}; the intervals"
        " hold the settings found, and another search may find others."
    )


def _split(comparison: Comparison, study: Study) -> Iterator[str]:
    measured = any(summary.n for summary in comparison.arms)
    if measured and comparison.metric.startswith("validation") and study.search is not None:
        yield "The values are of the validation split, which the settings were chosen on."


def _fixed(comparison: Comparison, study: Study) -> Iterator[str]:
    def kinds(tables: list[Any]) -> str:
        return words.listed(list(dict.fromkeys(str(table.get("kind")) for table in tables)))

    budgets = sorted({summary.updates for summary in comparison.arms if summary.updates})
    told = f" and {words.listed([words.updates(count) for count in budgets])}" if budgets else ""
    if study.train_fn:
        yield f"Tested with the training loop {study.train_fn}{told}; nothing else was."
        return
    models, sizes = [arm.model for arm in study.arms], {arm.train.batch_size for arm in study.arms}
    yield (
        f"Tested on {study.data.table.get('kind')} with {kinds(models)}, {kinds([arm.optim for arm in study.arms])},"
        f" batch size {words.listed([str(size) for size in sorted(sizes)])}{told}{_rounding(study)}; nothing else was."
    )


def _rounding(study: Study) -> str:
    """How the steps were taken, where that is not kernel by kernel in float32."""
    modes: set[str] = {str(arm.train.precision) for arm in study.arms} - {"float32"}
    modes |= {"compiled steps" for arm in study.arms if arm.train.compile}
    modes |= {"CUDA graphs" for arm in study.arms if arm.train.cuda_graphs}
    return f", in {words.listed(sorted(modes))}" if modes else ""
