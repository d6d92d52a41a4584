"""Notes and figures for optuna-dashboard, in Optuna's own tables of a study that has run."""

from __future__ import annotations

import json
import sys

import pytest
from sqlalchemy import event

from clr_study.search import Where, run_study
from clr_study.search.note import SIGNED, markdown
from clr_study.search.optuna_tables import optuna_storage
from clr_study.search.push import LEAST_SECONDS, SHARE, Pushes
from clr_study.spec import parse_study
from clr_study.store import open_store, read_results

optuna = pytest.importorskip("optuna")
dashboard = pytest.importorskip("optuna_dashboard")

FILE = """
name = "tiny"
question = "Is <b>bold</b> [loud](http://example.org) *here*?"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, updates = 12, evaluations = 3 }
search = { trials = 4, confirm = { trials = 2, seeds = 2 } }
measure = { seeds = 2 }
[arms.fixed.schedule]
kind = "constant"
lr = { low = 0.01, high = 0.1 }
[arms.clr.schedule]
kind = "triangular"
max_lr = { low = 0.01, high = 0.3 }
base_lr = { times = "max_lr", low = 0.1, high = 0.5 }
step_size = { low = 2, high = 6 }
[arms.known.schedule]
kind = "constant"
lr = 0.05
"""
ARMS = ("fixed", "clr")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pushed")
    url = f"sqlite:///{folder}/s.db"
    run_study(parse_study(FILE), Where(storage=url, out=str(folder / "out"), devices="cpu"))
    return url


@pytest.fixture
def storage(url):
    storage = optuna_storage(url)
    yield storage
    storage.engine.dispose()


@pytest.fixture
def arms(storage):
    return {arm: optuna.load_study(study_name=f"tiny/{arm}", storage=storage) for arm in ARMS}


@pytest.fixture
def pushes(url, arms):
    """Pushes, what they said, and a clock to turn by hand."""
    said, clock = [], [0.0]
    with open_store(url) as store:
        made = Pushes(lambda: read_results(store, "tiny"), arms, said.append, clock=lambda: clock[0])
        yield made, said, clock


def figures(study):
    """The stored figures by name, read as the dashboard's server does."""
    from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

    attributes = study._storage.get_study_system_attrs(study._study_id)
    return {name: json.loads(text) for name, text in get_plotly_graph_objects(attributes).items()}


def test_a_run_leaves_a_note_and_figures_with_every_searched_arm(arms):
    for arm, study in arms.items():
        note = dashboard.get_note(study)
        assert note.startswith(f"## tiny: the search of {arm}")
        assert "**Verdict:**" in note
        assert "| arm | n | accuracy |" in note
        assert "4 trials of 12 updates for each arm" in note
        assert f"{arm}: trial" in note
        assert "(/report/tiny)" in note
        assert note.endswith(SIGNED)
        assert "Is \\<b\\>bold\\</b\\> \\[loud\\](http://example.org) \\*here\\*?" in note
        found = figures(study)
        assert set(found) == {"final", "learning", "effort", "step-size-map"}
        assert all({trace["type"] for trace in figure["data"]} <= {"scatter", "heatmap"} for figure in found.values())
        assert study.metric_names == ["validation accuracy"]
        assert study.direction == optuna.study.StudyDirection.MAXIMIZE
        assert all(len(json.dumps(trial.user_attrs)) < 1000 for trial in study.trials)


def test_nothing_is_written_twice_and_nothing_is_asked_before_its_time(pushes, storage):
    made, _, clock = pushes
    said = []
    event.listen(storage.engine, "before_cursor_execute", lambda c, cursor, text, *_: said.append(text))
    clock[0] = LEAST_SECONDS - 1
    made.sometimes()
    assert said == []
    clock[0] = LEAST_SECONDS
    made.sometimes()
    written = [text for text in said if text.startswith(("INSERT", "UPDATE"))]
    assert 0 < len(written) < 100
    said.clear()
    made.now()
    assert said == []


def test_it_takes_a_small_share_of_the_time(pushes):
    made, _, clock = pushes
    read = made.read

    def slowly():
        clock[0] += 10.0
        return read()

    made.read, clock[0] = slowly, 100.0
    made.now()
    assert made.due == 110.0 + SHARE * 10.0


def test_a_note_of_a_persons_own_stays(pushes, arms):
    made, *_ = pushes
    dashboard.save_note(arms["fixed"], "My own thoughts.")
    made.now()
    assert dashboard.get_note(arms["fixed"]) == "My own thoughts."
    assert dashboard.get_note(arms["clr"]).endswith(SIGNED)
    dashboard.save_note(arms["fixed"], "")


def test_without_the_package_nothing_is_read_or_said(pushes, monkeypatch):
    made, said, _ = pushes
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    monkeypatch.setattr(made, "read", lambda: pytest.fail("it was read"))
    made.now()
    assert said == []


def test_what_fails_is_said_and_stops_nothing(pushes, monkeypatch):
    made, said, _ = pushes
    monkeypatch.setattr(made, "read", lambda: 1 / 0)
    made.now()
    assert said == ["optuna-dashboard keeps its older notes and figures: ZeroDivisionError: division by zero"]


@pytest.mark.parametrize("text", ["# a", "a\n\n# b", "| a |", "`x` $y$ ~~z~~", "![x](y)", "\x1b[31mred"])
def test_free_text_has_no_markdown_in_it(text):
    shown = markdown(text)
    assert "\n" not in shown
    assert "\x1b" not in shown
    for at, letter in enumerate(shown):
        if letter in "#|`$~![<*":
            assert shown[at - 1] == "\\"
