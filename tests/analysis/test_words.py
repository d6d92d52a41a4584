import math

import pytest

from clr_study.analysis import words
from clr_study.analysis.comparison import Estimate

NAN = float("nan")


@pytest.mark.parametrize(
    ("low", "high", "decimals"), [(0.9, 0.9, 1), (NAN, NAN, 1), (0.5, 0.9, 1), (0.901, 0.902, 2), (0.9, 0.9 + 1e-9, 4)]
)
def test_decimals_follow_the_interval_within_reason(low, high, decimals):
    assert words.digits(Estimate(0.9, low, high, 8), "test_accuracy") == decimals


def test_both_ends_can_be_told_apart():
    for width in (0.3, 0.05, 0.004, 0.0007):
        text = words.with_interval(Estimate(0.5, 0.5 - width / 2, 0.5 + width / 2, 8), "validation_accuracy")
        low, high = text.split("[")[1].rstrip("]").split(", ")
        assert float(low) < 50 < float(high)


@pytest.mark.parametrize("metric", ["test_accuracy", "test_loss"])
@pytest.mark.parametrize("value", [0.0, 1e-6, 0.00412, 0.05, 0.3])
def test_at_most_is_never_below_the_value(metric, value):
    told = float(words.at_most(value, metric).split()[0]) / (100 if "accuracy" in metric else 1)
    assert told >= value - 1e-12
    assert told <= value + 0.0021


def test_a_gap_is_turned_with_its_ends():
    turned = words.gap(Estimate(-0.02, -0.03, 0.01, 8), "test_accuracy")
    assert turned == words.gap(Estimate(0.02, -0.01, 0.03, 8), "test_accuracy") == "2.0 points [-1.0, 3.0]"


def test_p_values_are_never_told_as_zero():
    assert words.p_value(1e-300) == "p < 0.001"
    assert [words.p_value(p) for p in (0.001, 0.0999, 0.1, 1.0)] == ["p = 0.001", "p = 0.100", "p = 0.10", "p = 1.00"]


def test_an_unknown_number_is_called_so():
    assert words.with_interval(Estimate(math.nan, NAN, NAN, 0), "test_accuracy") == "unknown"
