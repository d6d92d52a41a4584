"""What is seen of a study on its way, drawn from a real storage in a state that was made."""

import io
import threading
from dataclasses import replace

import pytest
from rich.console import Console

from clr_study.cli.pace import Cadence, Pace, expected_updates
from clr_study.cli.watch import Watch
from clr_study.spec import Evaluation, Outcome, PlannedRun, RunKey, TrialSpec, parse_study
from clr_study.store import add_study, append, finish, open_store, plan_runs, progress

FILE = """
name = "made"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp" }
train = { batch_size = 32, updates = 100, evaluations = 4 }
search = { trials = 4, confirm = { trials = 1 } }
measure = { seeds = 2 }
[arms.fixed.schedule]
kind = "constant"
lr = { low = 0.01, high = 0.1 }
[arms.an_arm_with_a_name_far_too_long_for_any_table.schedule]
kind = "triangular"
base_lr = 0.1
max_lr = { low = 0.2, high = 0.5 }
step_size = 25
[arms.known.schedule]
kind = "constant"
lr = 0.05
"""
LONG = "an_arm_with_a_name_far_too_long_for_any_table"
SCHEDULES = {
    "fixed": {"kind": "constant", "lr": 0.1},
    LONG: {"kind": "triangular", "base_lr": 0.0, "max_lr": 0.4, "step_size": 50.0},
}


def planned(arm, trial):
    spec = TrialSpec(
        study="made",
        data={"kind": "digits"},
        model={"kind": "mlp"},
        optim={"kind": "sgd"},
        schedule=SCHEDULES[arm],
        batch_size=32,
        updates=100,
        evaluate_at=(25, 50, 75, 100),
        seed=7,
        test=False,
    )
    return PlannedRun(RunKey("made", arm, "search", trial, 7), spec, {})


def looks(run, scores):
    return [
        (
            run.key,
            Evaluation(
                update=at,
                epoch=1.0,
                seconds=0.1,
                lr=0.1,
                train_loss=1.0,
                validation_loss=1.0,
                validation_accuracy=score,
                test_loss=float("nan"),
                test_accuracy=float("nan"),
                losses=[1.0],
            ),
        )
        for at, score in zip((25, 50, 75, 100), scores, strict=False)
    ]


@pytest.fixture
def store(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        add_study(store, parse_study(FILE))
        yield store


@pytest.fixture
def halfway(store):
    """Two trials of one arm are done and one diverged; two of the other are in training."""
    runs = [planned("fixed", trial) for trial in range(3)] + [planned(LONG, trial) for trial in range(2)]
    plan_runs(store, runs)
    for run, scores in zip(runs[:2], [(0.25, 0.5, 0.75, 0.875), (0.1, 0.2, 0.3, 0.4)], strict=True):
        append(store, looks(run, scores))
        finish(store, [Outcome(run.key, "completed", 100)], "cpu", {})
    finish(store, [Outcome(runs[2].key, "diverged", 10)], "cpu", {})
    append(store, looks(runs[3], (0.5, 0.625)) + looks(runs[4], (0.25, 0.125)))
    return store


def watch_of(store, looks=((0.0, True),)):
    times = iter([0.0, *(at for at, _ in looks), *[looks[-1][0]] * 1000])
    watch = Watch(parse_study(FILE), clock=lambda: next(times))
    for _, curves in looks:
        watch.look(store, curves)
    return watch


def drawn(watch, width=80, **options):
    console = Console(
        file=io.StringIO(), width=width, **{"height": 24, "force_terminal": True, "record": True} | options
    )
    console.print(watch)
    return console


def test_the_panel_says_how_far_each_arm_is_and_draws_what_leads_it(halfway):
    lines = drawn(watch_of(halfway)).export_text().splitlines()
    assert lines[0].rstrip() == "0 s; search 3/8 runs; 28 % of all updates in 2 lanes"
    assert lines[1].split() == ["arm", "runs", "best", "lr", "accuracy"]
    assert lines[2].split()[:2] == ["fixed", "3/4"]
    assert "87.50 %" in lines[2]
    assert lines[2].rstrip().endswith("█" * 12 + "  ▁▁▁▄▄▄▇▇▇███")
    assert lines[3].startswith("an_arm_with_~  ")
    assert "0/4" in lines[3]
    assert "62.50 %" in lines[3], "the best of those in training, while none has completed"
    assert lines[3].rstrip().endswith("▁▂▄▅▆██▇▅▄▃▁  ▁▁▁███")
    assert len(lines) == 4, "an arm without a search has no line yet"


@pytest.mark.parametrize("width", [80, 72, 60, 40])
def test_no_line_is_wider_than_the_window(halfway, width):
    for line in drawn(watch_of(halfway), width).export_text().splitlines():
        assert len(line) <= width


def test_without_colour_there_is_none(halfway, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = drawn(watch_of(halfway)).file.getvalue()
    assert "\x1b[3" not in text
    assert "\x1b[2m" in text, "dim is no colour"


def test_a_terminal_that_knows_ascii_only_gets_nothing_else(halfway):
    class Ascii(io.StringIO):
        encoding = "ascii"

    console = Console(file=Ascii(), width=80, force_terminal=True)
    console.print(watch_of(halfway))
    assert console.file.getvalue().isascii()


def test_a_low_window_shows_what_is_still_to_do(store):
    runs = [planned("fixed", trial) for trial in range(4)] + [planned(LONG, 0)]
    plan_runs(store, runs)
    finish(store, [Outcome(run.key, "completed", 100) for run in runs[:4]], "cpu", {})
    text = drawn(watch_of(store), height=6).export_text()
    assert "an_arm" in text
    assert "fixed" not in text
    assert "and 1 more" in text


def paced(*looks: tuple[float, int]) -> Pace:
    pace = Pace()
    for at, done in looks:
        pace.see(at, done)
    return pace


def test_a_line_for_the_log(halfway):
    watch = watch_of(halfway, looks=((0.0, True), (10.0, False)))
    assert watch.line() == "search 3/8 runs, best 87.50 % (fixed); 28 % of all updates in 2 lanes"
    append(halfway, [looks(planned(LONG, 0), (0, 0, 0.5))[2]])
    watch = watch_of(halfway, looks=((0.0, False),))
    watch.pace = paced((-20.0, 0), (-10.0, watch._done() - 250), (0.0, watch._done()))
    # 200 + 10 + 125 updates are done, of 12 runs that take 100 each, but one that was lost after 10.
    assert watch.line().endswith("; 25 updates/s in 2 lanes, about 31 s left")
    assert watch.summary() == "search 3/8 runs, best 87.50 % (fixed), 30 % of all updates"
    watch.pace = paced((-110.0, 0), (-100.0, watch._done() - 250), (0.0, watch._done()))
    assert "; 2.5 updates/s in 2 lanes" in watch.line()


def test_what_is_expected_counts_every_arm_and_phase(halfway):
    study, seen = parse_study(FILE), progress(halfway, "made")
    # Two arms of 4 trials and 2 seeds; the third has not begun, so its length is not known yet.
    assert expected_updates(study, seen) == 2 * 6 * 100 - 90


def test_an_arm_without_a_winner_owes_no_measured_runs(halfway):
    study = parse_study(FILE)
    measured = replace(planned(LONG, 0), key=RunKey("made", LONG, "measure", 0, 8))
    plan_runs(halfway, [measured])
    seen = progress(halfway, "made")
    # 3 trials of one arm, one of them cut short, 2 trials and one measured run of the other: nothing else is to come.
    assert expected_updates(study, seen) == 3 * 100 - 90 + 2 * 100 + 100
    watch = watch_of(halfway)
    assert [row[0] for row in watch.rows()] == [LONG]
    assert watch.summary().startswith("measure 0/1 runs,")


def test_nothing_planned_is_getting_ready(store):
    watch = watch_of(store)
    assert watch.line() == "getting ready"
    assert drawn(watch).export_text() == "0 s; getting ready\n"


def test_a_log_is_spoken_to_soon_then_at_every_twentieth_then_every_five_minutes():
    cadence = Cadence(begun=0.0)
    said = [now for now in range(1200) if cadence.due(now, part=min(now, 100) / 1000)]
    assert said == [5, 55, 355, 655, 955]
    quick = Cadence(begun=0.0)
    assert [now for now in range(60) if quick.due(now, part=now / 60)] == [5, 15, 25, 35, 45, 55]


def test_a_pace_follows_the_last_looks():
    pace = Pace()
    assert pace.left(100, 0.0) is None
    for at in range(40):
        pace.see(float(at), 10 * at if at < 20 else 200 + 100 * (at - 20))
    assert pace.rate == 100.0
    assert pace.left(total=2200, now=39.0) == 1.0
    assert pace.left(total=2200, now=99.0) == 0.0


def test_starting_and_compiling_slow_no_pace_but_one_long_wait_tells_more_than_nothing():
    assert paced((0.0, 0), (20.0, 100)).rate is None
    assert paced((0.0, 0), (20.0, 100), (21.0, 200)).rate == 100.0
    assert paced((0.0, 0), (100.0, 100)).rate == 1.0
    assert paced((0.0, 300), (1.0, 300), (2.0, 300)).rate is None, "what an earlier owner has done"


def test_it_waits_for_a_storage_and_reads_it_until_told_to_stop(tmp_path):
    url, stop, lines = f"sqlite:///{tmp_path}/later.db", threading.Event(), []
    times = iter(range(0, 100000, 5))
    watch = Watch(parse_study(FILE), clock=lambda: float(next(times)))

    def log(line):
        lines.append(line)
        stop.set()

    thread = threading.Thread(target=watch.keep_looking, args=(url, stop, log))
    thread.start()
    with open_store(url) as store:
        add_study(store, parse_study(FILE))
        plan_runs(store, [planned("fixed", 0)])
        thread.join(timeout=60)
    assert lines == ["search 0/8 runs; 0 % of all updates"]
