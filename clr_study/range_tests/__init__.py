"""The LR range test."""

from clr_study.range_tests.ramps import (
    bounds_for_holes,
    ramp_schedule,
    ramp_updates,
    range_test_arm,
    range_test_runs,
    read_range_test,
)

__all__ = ["bounds_for_holes", "ramp_schedule", "ramp_updates", "range_test_arm", "range_test_runs", "read_range_test"]
