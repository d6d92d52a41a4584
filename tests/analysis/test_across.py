"""What several studies say together."""

import pytest

from clr_study.analysis import compare
from clr_study.analysis.across import across

HIGH, LOW, SAME = [0.9, 0.91, 0.92] * 3, [0.5, 0.52, 0.51] * 3, [0.91, 0.9, 0.92] * 3


@pytest.fixture
def study(made):
    def one(fixed, clr, **more):
        runs = made.finals("fixed", fixed) + made.finals("clr", clr)
        return compare(made.results(runs, **{"seeds": 9, **more}), resamples=200)

    return one


def test_an_arm_that_leads_everywhere_and_where_that_is_sure(study):
    found = across({"x": study(LOW, HIGH), "y": study(SAME, HIGH)})
    assert found.leads["x"] == "clr"
    assert found.sure == ("x",)
    assert found.arms == found.shared == ("fixed", "clr")
    assert found.verdict.endswith("The lead over every other arm is shown (adjusted p < 0.05) for clr in x.")


def test_arms_that_share_the_studies_are_counted_the_commonest_first(study):
    found = across({"x": study(HIGH, LOW), "y": study(LOW, HIGH), "z": study(LOW, HIGH)})
    assert found.verdict.startswith("Of 3 studies the best arm is clr in 2 (y and z) and fixed in 1 (x). The lead")
    assert found.sure == ("x", "y", "z")


def test_both_studies_and_no_study(study, made):
    assert across({"x": study(LOW, HIGH), "y": study(LOW, HIGH)}).verdict.startswith("clr leads in both studies. ")
    empty = compare(made.results([]), resamples=50)
    assert across({"x": empty}).verdict == "In none of the studies can an arm be called best."
    mixed = across({"x": empty, "y": study(LOW, HIGH)})
    assert mixed.leads == {"x": None, "y": "clr"}
    assert "Of 2 studies the best arm is clr in 1 (y). In 1 no arm can be called best." in mixed.verdict


def test_an_unfinished_lead_is_not_sure_and_the_limits_say_so(study, made):
    found = across({"x": study(LOW, HIGH, seeds=12), "y": study(LOW, HIGH, target=None)})
    assert found.sure == ("y",)
    assert found.limits[0] == "y has no target, so no time to it counts."
    assert "Not finished: x." in found.limits
    apart = across({"x": study(LOW, HIGH), "y": compare(made.results([], arms=("other",)), resamples=50)})
    assert apart.shared == ()
    assert "No arm stands in every study, so no arm can be followed through all of them." in apart.limits
