"""Every number of the comparison, as the page keeps it behind "every number"."""

import math

import pytest

from clr_study.analysis import variance_split
from clr_study.report.numbers import arm_table, time_rows


def test_each_arm_has_each_quantity_with_its_interval_and_n(results, comparison):
    splits = {arm.name: variance_split(results, arm.name) for arm in results.study.arms}
    rows = {(arm, name): rest for arm, name, *rest in arm_table(comparison, splits).rows}
    decay = comparison.arm("decay")
    assert len(rows) == 4 * 8
    for name, known in {
        "mean test_accuracy": decay.final,
        "interquartile mean": decay.interquartile_mean,
        "at its best evaluation": decay.at_best,
        "area under its curve": decay.area,
        "generalisation gap": decay.gap,
    }.items():
        assert rows["decay", name] == [known.value, known.low, known.high, known.n]
    assert rows["decay", "variance over seeds"] == [splits["decay"].seed, None, None, 8]
    assert rows["fixed", "mean test_accuracy"][-1] == 7
    assert decay.area.value < decay.final.value


def test_epochs_and_samples_are_updates_in_other_words(comparison):
    summary = comparison.arm("decay")
    rows = {row[1]: row for row in time_rows(summary)}
    assert list(rows) == ["updates", "samples", "seconds"]  # made results do not know their epochs
    assert [50 * number for number in rows["updates"][4:10]] == pytest.approx(rows["samples"][4:10])
    assert rows["seconds"][4] == pytest.approx(0.004 * rows["updates"][4])
    assert math.isfinite(rows["updates"][10])
