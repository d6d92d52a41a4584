import numpy as np

from clr_study.analysis import compare
from clr_study.analysis.profiles import median_times, profile


def test_the_profile_against_its_definition():
    rng = np.random.default_rng(0)
    times = {f"s{k}": {arm: float(rng.integers(1, 9)) for arm in "abc"} for k in range(7)}
    times["s3"]["b"] = np.inf
    found = profile(times)
    for row, arm in enumerate(found.arms):
        for column, ratio in enumerate(found.ratios):
            brute = np.mean([table[arm] / min(table.values()) <= ratio for table in times.values()])
            assert found.solved[row, column] == brute
    assert found.solved[1, -1] == 6 / 7
    assert found.studies == 7


def test_only_arms_that_every_study_has_and_studies_nobody_solved():
    found = profile({"x": {"a": 1.0, "b": 2.0}, "y": {"a": np.inf, "b": np.inf, "c": 3.0}})
    assert found.arms == ("a", "b")
    assert found.ratios.tolist() == [1.0, 2.0]
    assert found.solved.tolist() == [[0.5, 0.5], [0.0, 0.5]]


def test_no_study_and_no_common_arm():
    assert profile({}).solved.shape == (0, 1)
    assert profile({"x": {"a": 1.0}, "y": {"b": 1.0}}).arms == ()


def test_medians_come_from_comparisons_with_a_target(made):
    results = made.results(made.finals("fixed", [0.9] * 3) + made.finals("clr", [0.4] * 3))
    without = made.results(made.finals("fixed", [0.9] * 3), target=None)
    times = median_times({"a": compare(results), "b": compare(without)})
    assert times == {"a": {"fixed": 30.0, "clr": np.inf}}
