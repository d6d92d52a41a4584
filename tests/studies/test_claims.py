"""Every claim's study measures what its file says that it measures, on results that are made, not trained."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from made_results import make_results
from paper_studies import NAMES, shipped

from clr_study.analysis import compare, variance_split
from clr_study.report.figures.effort import Effort, EffortInfo
from clr_study.report.figures.sensitivity import Sensitivity, SensitivityInfo
from clr_study.report.joint import StudyToStudy

NOISE = ("claims-label-noise-0", "claims-label-noise-20", "claims-label-noise-40")


def compared(name, **options):
    results = make_results(shipped(name), **options)
    return results, compare(results, resamples=100)


def test_there_is_a_study_for_each_claim():
    claims = {"sensitivity", "generalisation-gap", "time-to-target", "bad-start"}
    assert {name for name in NAMES if name.startswith("claims-")} == {f"claims-{name}" for name in claims} | set(NOISE)


def test_sensitivity_shows_the_spread_over_random_settings_and_the_width_of_the_good_region():
    results, comparison = compared("claims-sensitivity")
    assert isinstance(Effort().summarise(results, comparison), EffortInfo)
    info = Sensitivity().summarise(results, comparison)
    assert isinstance(info, SensitivityInfo)
    assert info.refused == ()
    for arm in info.arms:
        assert arm.near.n == results.study.search.trials
        assert variance_split(results, arm.arm).setting > 0


def test_label_noise_shows_what_each_arm_loses_from_study_to_study():
    comparisons = {name: compared(name)[1] for name in NOISE}
    info = StudyToStudy().summarise(comparisons)
    assert info.studies == NOISE
    assert [arm.arm for arm in info.arms] == [arm.name for arm in shipped(NOISE[0]).arms]
    assert all(math.isfinite(moved.low) for arm in info.arms for moved in arm.changes)


def test_the_generalisation_gap_is_measured_of_every_arm():
    _, comparison = compared("claims-generalisation-gap")
    for arm in comparison.arms:
        assert arm.gap.n == 8
        assert arm.gap.low < arm.gap.value < arm.gap.high


@pytest.mark.parametrize("name", ["claims-time-to-target", "claims-bad-start"])
def test_updates_to_the_target_count_the_runs_that_never_get_there(name):
    study = shipped(name)
    never = replace(study, target=replace(study.target, value=0.9999))
    results = make_results(never)
    comparison = compare(results, resamples=100)
    assert all(arm.to_target.misses == arm.n == study.measure.seeds for arm in comparison.arms)
    assert compared(name)[1].arms[0].to_target.n == study.measure.seeds
