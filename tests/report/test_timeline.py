"""The timeline: who worked when, pauses cut out, neighbours drawn as one."""

from dataclasses import replace

import pytest

from clr_study.analysis import compare
from clr_study.report import FIGURES, LIGHT, Absent
from clr_study.spec import Stint

START = 1.7e9


def summarised(results, comparison, *stints):
    made = tuple(
        Stint(f"host/{worker}", "cpu", phase, arms, START + a, START + b) for worker, phase, arms, a, b in stints
    )
    return FIGURES["timeline"]().summarise(replace(results, stints=made), comparison)


def test_a_long_pause_of_everybody_is_cut_out(results, comparison):
    day = 86_400
    info = summarised(
        results,
        comparison,
        (1, "search", {"a": 2}, 0, 10),
        (2, "search", {"b": 1}, 5, 20),
        (1, "measure", {"a": 1}, day, day + 10),
    )
    assert [(bar.worker, bar.phase, bar.start, bar.seconds) for bar in info.bars] == [
        (0, "search", 0, 10),
        (1, "search", 5, 15),
        (0, "measure", 20, 10),
    ]
    assert (info.workers, info.span) == (2, 30)
    assert info.pauses == ((20, day - 20),)
    caption = FIGURES["timeline"]().caption(info)
    assert "2 workers over 30.0 s, at work for 58 % of it" in caption
    assert "cut out: 23 h 59 min" in caption


def test_calls_right_after_each_other_are_one_bar(results, comparison):
    calls = [(1, "search", {"a": 4, "b": 4}, number, number + 0.999) for number in range(1000)]
    info = summarised(results, comparison, *calls, (1, "measure", {"a": 2}, 1000, 1010))
    assert [(bar.stints, bar.phase) for bar in info.bars] == [(1000, "search"), (1, "measure")]
    assert info.bars[0].runs == (("a", 4000), ("b", 4000))
    assert info.pauses == ()
    drawing = FIGURES["timeline"]().draw(info, LIGHT.of(["a", "b"]))
    assert [list(trace.base) for trace in drawing.data] == [[1000], [0]]
    assert list(drawing.data[1].x) == pytest.approx([999.999])


def test_a_study_from_before_the_record_says_so(results, comparison):
    absent = summarised(results, comparison)
    assert isinstance(absent, Absent)
    assert absent.why == "When which worker trained was not recorded."
    assert compare(results, resamples=50).best
