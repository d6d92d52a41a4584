"""Verdicts on printed rows: only full runs of the shipped study count, and the band decides."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from clr_study.analysis.evidence import ArmEvidence, Evidence
from clr_study.analysis.paper import Question, answer, judge
from clr_study.shipped import shipped_folder
from clr_study.spec import PaperRow, PrintedRow

SOURCE = (shipped_folder("studies") / "paper-table1.toml").read_text()
ROW = PrintedRow(id="r", source="table 1", what="decay", accuracy=78.5)
PAPER = PaperRow(row="r", arms=("decay",), band=1.0)


def arm(*values: float) -> ArmEvidence:
    return ArmEvidence(25_000, dict(enumerate(values)))


def evidence(source: str = SOURCE, **arms: ArmEvidence) -> Evidence:
    return Evidence("paper-table1", "paper-table1", source, "test_accuracy", 3, arms)


def verdict(paper=PAPER, found=None):
    judged = judge(ROW, "paper-table1", paper, 3, found)
    return judged.verdict, judged.note


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.785, 0.786, 0.784), "reproduced"),
        ((0.7949, 0.7949, 0.7949), "reproduced"),
        ((0.7951, 0.7952, 0.7951), "not reproduced"),
        ((0.7749, 0.7749, 0.7749), "not reproduced"),
        ((0.785, 0.785), "not run"),
        ((0.785, 0.785, math.nan), "not reproduced"),
        ((math.nan, math.nan, math.nan), "not reproduced"),
    ],
)
def test_the_band_decides_over_all_planned_seeds(values, expected):
    assert verdict(found=evidence(decay=arm(*values)))[0] == expected


def test_the_note_says_by_how_much_a_row_was_missed():
    assert verdict(found=evidence(decay=arm(0.8, 0.8, 0.8)))[1] == "decay +1.5 points"
    assert "1 of 3 lost" in verdict(found=evidence(decay=arm(0.8, 0.8, math.nan)))[1]
    assert verdict(found=evidence(decay=arm(0.785)))[1] == "decay: 1 of 3 runs have ended"
    assert verdict() == ("not run", "")
    assert judge(ROW, "", None, 0, None).note == "no study here reads this row"


PREVIEWS = {
    "scale = 0.02\n": "a preview at 0.02 of its length",
    "seeds_instead = 1\n": "a preview on 1 of its 10 seeds",
    "scale = 0.02\nseeds_instead = 3\n": "a preview at 0.02 of its length and on 3 of its 10 seeds",
    'data_instead = { kind = "npz", path = "x" }\n': "on other data (npz)",
    "# seeds = 1\n": "of another study file than the one here",
}


@pytest.mark.parametrize("prefix", PREVIEWS)
def test_what_is_not_the_shipped_study_never_counts_however_close_it_comes(prefix):
    found = evidence(prefix + SOURCE, decay=arm(0.785, 0.785, 0.785))
    assert verdict(found=found) == ("not run", f"{PREVIEWS[prefix]}, which does not count")


def test_one_of_several_readings_suffices_and_all_must_fail():
    paper = replace(PAPER, arms=("decay", "other"))
    hit, miss = arm(0.785, 0.785, 0.785), arm(0.7, 0.7, 0.7)
    assert verdict(paper, evidence(decay=miss, other=hit)) == ("reproduced", "by other, of 2 readings")
    assert verdict(paper, evidence(decay=miss)) == ("not run", "1 of 2 readings were run")
    assert verdict(paper, evidence(decay=miss, other=miss))[0] == "not reproduced"


def test_a_question_is_answered_with_paired_numbers():
    question = Question(title="?", study="paper-table1", pairs=(("a", "b"), ("a", "c")), spread=("a",))
    better, worse = arm(0.80, 0.81, 0.82, 0.81, 0.81, 0.81), arm(0.79, 0.80, 0.81, 0.80, 0.80, 0.80)
    said = answer(question, evidence(a=better, b=replace(worse, updates=70_000)))
    assert said[0] == (
        "a 81.00 % against b 80.00 %, after 25,000 and 70,000 updates: "
        "+1.00 points [+1.00, +1.00], n = 6 pairs, adjusted p = 0.031; a is better."
    )  # all signs alike, or all turned round: 2 of 2^6 patterns
    assert said[1] == "Not run: a against c; nothing is measured of c."
    # 0.632 points; Student's t of 5 degrees of freedom is 2.571, and 2.571 * sqrt(2) * 0.632 = 2.30.
    assert said[2] == (
        "a: a run's standard deviation over seeds is 0.63 points, n = 6; "
        "of two single runs of it 19 pairs in 20 lie no more than 2.3 points apart."
    )
    for nothing in (None, evidence("scale = 0.1\n" + SOURCE)):
        assert answer(question, nothing) == ("Not run: nothing is measured of paper-table1.",)
    assert "they decide nothing" in answer(question, evidence("scale = 0.1\n" + SOURCE, a=better, b=worse))[0]


def test_no_difference_comes_with_what_it_may_still_be():
    question = Question(title="?", study="paper-table1", pairs=(("a", "b"),))
    a, b = arm(0.80, 0.81, 0.80, 0.81, 0.80, 0.81), arm(0.81, 0.80, 0.81, 0.80, 0.81, 0.80)
    (said,) = answer(question, evidence(a=a, b=b))
    low, high = (float(end) for end in said.split("[")[1].split("]")[0].split(", "))
    assert low < 0 < high
    assert said.endswith(f"no difference shown, no more than {max(-low, high):.2f} points apart.")


def test_five_pairs_are_too_few_however_far_apart_they_lie():
    """As in a study's own report: of five pairs no p is below 2 / 2^5, so their page must not say more."""
    question = Question(title="?", study="paper-table1", pairs=(("a", "b"),))
    five = {"a": arm(0.8, 0.8, 0.8, 0.8, 0.8), "b": arm(0.5, 0.51, 0.5, 0.52, 0.5)}
    assert answer(question, evidence(**five))[0].endswith("n = 5 pairs; too few to show a difference.")


def test_a_difference_is_shown_after_all_pairs_of_the_question_are_adjusted_for():
    """Of 8 seeds a is ahead in all but the least; alone that is shown, beside five pairs of pure luck it is not."""
    luck = np.random.default_rng(0).normal(0, 0.01, size=(6, 8))
    b = 0.8 + luck[0]
    arms = {"b": arm(*b), "a": arm(*(b + np.array([1, 2, 3, 2, 1, 3, 2, -1]) / 200))}
    arms |= {f"c{index}": arm(*(0.8 + values)) for index, values in enumerate(luck[1:])}
    pairs = (("a", "b"), *((f"c{index}", "b") for index in range(5)))
    (alone,) = answer(Question(title="?", study="s", pairs=pairs[:1]), evidence(**arms))
    among = answer(Question(title="?", study="s", pairs=pairs), evidence(**arms))
    assert alone.endswith("a is better.")
    assert "no difference shown" in among[0]
    own, adjusted = (float(said.split("adjusted p = ")[1].split(";")[0]) for said in (alone, among[0]))
    assert own < 0.05 < adjusted


def test_lost_runs_and_single_ones_are_said():
    question = Question(title="?", study="s", pairs=(("a", "b"),), spread=("a",))
    assert answer(question, evidence(a=arm(0.8), b=arm(0.7)))[0].endswith(
        "+10.00 points, no interval, n = 1 pair; too few to show a difference."
    )
    assert "too few for a spread" in answer(question, evidence(a=arm(0.8), b=arm(0.7)))[1]
    lost = answer(question, evidence(a=arm(math.nan, 0.8), b=arm(0.8, math.nan)))[0]
    assert "(1 of 2 runs lost)" in lost
    assert "no pair of runs completed" in lost
    few = answer(question, evidence(a=arm(*[math.nan] * 7, 0.81), b=arm(*[0.8] * 8)))[0]
    # Ranks of 7 losses at 5 each and a gain at 1: 4 of 2^8 patterns of signs give a sum of 34 or more.
    assert few.endswith("n = 1 pair, adjusted p = 0.016; a is worse, counting the runs that were lost.")


def test_evidence_comes_back_from_its_file():
    found = replace(evidence(a=arm(0.8, math.nan), b=arm(0.7, 0.71)), hardware=("H200",), versions={"torch": ("2.15",)})
    again = Evidence.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict()
    assert math.isnan(again.arms["a"].finals[1])
    assert again.arms["b"] == found.arms["b"]
    whole = found.to_dict()
    sources = ({**whole, "source": text} for text in ("data_instead = 3", 'scale = "much"', "scale ="))
    for broken in ({}, {"format": 1}, {**whole, "arms": 3}, {**whole, "format": 9}, *sources):
        with pytest.raises(ValueError, match=r"format|lacks|Invalid|Unknown"):
            Evidence.from_dict(broken)
