from __future__ import annotations

import numpy as np
import pytest

from clr_study.cli.drawing import asked_for, example, sketch
from clr_study.report.gallery import draw_panels, panels
from clr_study.schedules import SCHEDULES, Triangular


@pytest.mark.parametrize("kind", sorted(SCHEDULES))
def test_every_kind_is_drawn_as_its_documentation_shows_it(kind):
    schedule, length = example(kind)
    assert SCHEDULES.kind_of(type(schedule)) == kind
    lrs = schedule.table(length)
    assert length > 2
    assert kind == "constant" or lrs.max() > lrs.min(), "the picture shows how it moves"


def test_a_table_is_drawn_for_its_length_or_three_cycles_or_what_is_asked():
    triangle = "{ kind = 'triangular', base_lr = 1, max_lr = 5, step_size = 20 }"
    assert asked_for(triangle) == (Triangular(base_lr=1, max_lr=5, step_size=20), 120)
    assert asked_for(triangle, 50)[1] == 50
    linear, length = asked_for("{ kind = 'linear', lr = 1 }", 300)
    assert (linear.updates, length) == (300, 300)
    assert asked_for("{ kind = 'linear', lr = 1, updates = 70 }")[1] == 70


def test_a_sketch_stands_on_zero_and_reaches_its_top():
    assert sketch(np.array([0, 1, 2, 4, 3.0]), rows=2) == ["   █▄", " ▄███"]
    assert sketch(np.zeros(3), rows=1) == ["   "]


def test_the_terminal_shows_each_and_its_span(clr_study):
    found = clr_study("schedules", "triangular", "step")
    assert found.exit_code == 0
    assert "Triangular(base_lr=1.0, max_lr=5.0, step_size=2.0" in found.output
    assert "update 0 to 6, lr 1 to 5" in found.output
    assert "Step(lr=8.0" in found.output
    assert "█" in found.output


def test_the_picture_is_a_page_that_needs_no_network(clr_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = clr_study("schedules", "--plot")
    assert (found.exit_code, found.output) == (0, "schedules.html\n")
    text = (tmp_path / "schedules.html").read_text()
    assert "<script src=" not in text
    assert all(f"<b>{kind}<" in text.replace("\\u003c", "<").replace("\\u003e", ">") for kind in SCHEDULES)


def test_a_panel_has_the_schedules_own_numbers():
    schedule = Triangular(base_lr=1, max_lr=5, step_size=2)
    (panel,) = panels([schedule], [9])
    assert (panel.updates[0], panel.updates[-1]) == (0, 8)
    assert set(range(9)) <= set(panel.updates), "the corners are drawn where they are"
    assert panel.lrs == tuple(schedule(np.array(panel.updates)))
    assert len(draw_panels([panel] * 5).data) == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("triangle",), "did you mean 'triangular'?"),
        (("{ kind = ",), "is not valid TOML"),
        (("{ kind = 'linear', rl = 1 }",), "takes no key 'rl'"),
        (("linear", "--out", "x.jpg"), "x.jpg must end in .html, .png or .svg"),
        (("linear", "--out", "/proc/none/x.html"), "/proc/none/x.html cannot be written"),
        (("linear", "--updates", "1"), "1 is not in the range x>=2"),
    ],
)
def test_a_mistake_is_a_sentence(clr_study, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = clr_study("schedules", *words)
    assert found.exit_code == 2
    assert said in found.stderr
    assert not list(tmp_path.iterdir())
