import dataclasses

import numpy as np
import pytest
from sqlalchemy import func, select

from clr_study.errors import StorageError
from clr_study.spec import CheckpointRef, Outcome, RangeTestResult, RunKey, parse_study
from clr_study.store import (
    Standing,
    add_range_test,
    add_study,
    append,
    finish,
    open_store,
    plan_runs,
    read_losses,
    read_results,
    run_endings,
    set_winner,
    standings,
    stored_study,
    study_names,
    tables,
)

NAN = float("nan")


def count(store, table) -> int:
    with store.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar()


def test_a_study_is_stored_once(store, study):
    add_study(store, study)
    add_study(store, study)
    assert study_names(store) == ("small",)
    assert stored_study(store, "small") == study
    assert stored_study(store, "small").source == study.source


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Which one?", "Which one is best?"),
        ("accuracy = 0.9", "accuracy = 0.95"),
        ("target = { accuracy = 0.9 }\n", ""),
        ("seeds = 3", "seeds = 8"),
        ("batch_size = 32", "evaluations = 20, batch_size = 32"),  # the default, written out
        ("[arms.fixed.schedule]", "# a comment\n[arms.fixed.schedule]"),
    ],
)
def test_what_leaves_the_measurements_alone_may_change(store, text, before, after):
    changed = parse_study(text.replace(before, after))
    add_study(store, changed)
    assert stored_study(store, "small").source == changed.source != text
    assert stored_study(store, "small") == changed


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ('"digits"', '"mnist"', "[data]"),
        ('kind = "mlp"', 'kind = "small_cnn"', "[model]"),
        ("updates = 100", "updates = 200", "[train]"),
        ("trials = 4", "trials = 5", "[search]"),
        ("seeds = 3", "seeds = 2", "[measure] seeds, 2 after 3"),
        ("low = 1e-3", "low = 1e-4", "[arms.fixed.schedule]"),
        ("[arms.fixed.schedule]", "[arms.flat.schedule]", "[arms.fixed], [arms.flat]"),
        ("[arms.clr.schedule]", "[arms.clr]\nupdates = 50\n[arms.clr.schedule]", "[arms.clr]"),
        ("[arms.clr.schedule]", '[arms.clr.optim]\nkind = "adam"\n[arms.clr.schedule]', "[arms.clr.optim]"),
        ("measure =", "range_test = { high = 3.0 }\nmeasure =", "[range_test]"),
        ("target = { accuracy = 0.9 }", 'metric = "loss"', "metric"),
    ],
)
def test_a_study_of_that_name_with_another_question_is_refused(store, text, before, after, names):
    assert before in text
    with pytest.raises(StorageError) as caught:
        add_study(store, parse_study(text.replace(before, after)))
    assert f"has another {names}; give the changed study another name, or another --storage" in str(caught.value)
    assert stored_study(store, "small").source == text


def test_the_order_of_arms_is_part_of_the_study(store, text):
    head, fixed, clr = text.split("[arms.")
    with pytest.raises(StorageError, match=r"another the order of \[arms\]"):
        add_study(store, parse_study(f"{head}[arms.{clr}\n[arms.{fixed}"))


def test_many_differences_are_named_in_part(store, text):
    changed = text.replace('"digits"', '"mnist"').replace("trials = 4", "trials = 5").replace("= 100", "= 200")
    with pytest.raises(StorageError, match=r"another \[data\], \[search\], \[train\];"):
        add_study(store, parse_study(changed))
    with pytest.raises(StorageError, match=r"another \[data\], \[search\], \[arms\.fixed\.schedule\] and more;"):
        add_study(store, parse_study(changed.replace("low = 1e-3", "low = 1e-4")))


def test_a_study_without_its_text_is_a_bug(store, study):
    with pytest.raises(ValueError, match="needs its file's text"):
        add_study(store, dataclasses.replace(study, source=""))


def test_runs_are_planned_once(store, run):
    planned = [run(trial=trial) for trial in range(3)]
    plan_runs(store, planned)
    plan_runs(store, [*planned, run(arm="clr")])
    plan_runs(store, [])
    assert len(run_endings(store, "small")) == count(store, tables.runs) == 4
    with pytest.raises(ValueError, match=r"RunKey\(.*trial=1.*was planned with another spec"):
        plan_runs(store, [run(trial=3), run(trial=1, lr=0.2)])
    assert count(store, tables.runs) == 4, "the transaction was not undone"


def test_runs_of_a_study_that_is_not_there_are_refused(store, run):
    with pytest.raises(StorageError, match=r"holds no study 'smal'; did you mean 'small'\?"):
        plan_runs(store, [run(study="smal")])


def test_keys_differ_by_the_case_of_their_letters(store, run):
    plan_runs(store, [run(arm="a"), run(arm="A")])
    assert {key.arm for key in run_endings(store, "small")} == {"a", "A"}


def test_evaluations_are_kept_not_doubled(store, run, seen):
    one, two = run(trial=0), run(trial=1)
    plan_runs(store, [one, two])
    append(store, [(one.key, seen(50, accuracy=0.5)), (two.key, seen(50, accuracy=0.25))])
    append(store, [(one.key, seen(50, accuracy=0.99, losses=np.zeros(50))), (one.key, seen(100, accuracy=0.75))])
    append(store, [])
    results = {result.key: result for result in read_results(store, "small").runs}
    assert results[one.key].updates.tolist() == [50, 100]
    assert results[one.key].metrics["validation_accuracy"].tolist() == [0.5, 0.75]
    assert results[two.key].metrics["validation_accuracy"].tolist() == [0.25]
    assert read_losses(store, one.key).tolist() == list(range(100))


def test_numbers_that_are_not_finite_come_back_as_nan(store, run, seen):
    planned = run()
    plan_runs(store, [planned])
    look = seen(50, train_loss=float("inf"), validation_loss=float("-inf"), losses=[1.0, NAN, float("inf")])
    append(store, [(planned.key, look)])
    (result,) = read_results(store, "small").runs
    assert np.isnan([result.metrics[name][0] for name in ("train_loss", "validation_loss", "test_accuracy")]).all()
    assert np.array_equal(read_losses(store, planned.key), np.float32([1, NAN, np.inf]), equal_nan=True)


def test_a_run_that_was_never_planned_is_a_bug(store, run, seen):
    plan_runs(store, [run()])
    stranger = run(seed=2).key
    for call in (
        lambda: append(store, [(run().key, seen()), (stranger, seen())]),
        lambda: append(store, [], {stranger: CheckpointRef("/c", 0, 50, "a" * 64)}),
        lambda: finish(store, [Outcome(stranger, "failed", 0)], "cpu", {}),
        lambda: read_losses(store, stranger),
        lambda: standings(store, [stranger]),
    ):
        with pytest.raises(ValueError, match=r"seed=2\) was never planned"):
            call()
    assert count(store, tables.evaluations) == 0


def test_the_newest_checkpoint_counts(store, run, seen):
    one, two = run(trial=0), run(trial=1)
    plan_runs(store, [one, two])
    old, new = CheckpointRef("/saved/a", 3, 50, "a" * 64), CheckpointRef("/saved/b", 0, 100, "b" * 64)
    append(store, [(one.key, seen(50))], {one.key: old})
    append(store, [(one.key, seen(100))], checkpoints={one.key: new})
    assert standings(store, [one.key, two.key]) == {one.key: Standing(None, new), two.key: Standing()}
    assert count(store, tables.checkpoints) == 1


@pytest.mark.parametrize("lanes", [1, 40, 600])
def test_an_append_takes_as_many_statements_for_one_run_as_for_hundreds(store, run, seen, statements, lanes):
    planned = [run(trial=trial) for trial in range(lanes)]
    plan_runs(store, planned)
    refs = {one.key: CheckpointRef("/saved/a", row, 50, "a" * 64) for row, one in enumerate(planned)}
    said = statements(store)
    append(store, [(one.key, seen(50)) for one in planned], refs)
    if store.engine.dialect.name == "sqlite":
        assert said.pop(0) == "BEGIN IMMEDIATE"
    verbs = [text.split()[0] for text in said]
    assert verbs == ["SELECT"] * -(-lanes // 500) + ["INSERT"] * 3  # so many keys a statement
    assert count(store, tables.evaluations) == count(store, tables.checkpoints) == lanes


def test_the_first_outcome_stands(store, run):
    one, two, three = (run(trial=trial) for trial in range(3))
    plan_runs(store, [one, two, three])
    finish(store, [Outcome(one.key, "diverged", 30, "at 30"), Outcome(two.key, None, 50)], "cpu", {"torch": "2.15"})
    finish(store, [Outcome(one.key, "completed", 100), Outcome(two.key, "pruned", 50)], "cuda:0", {"torch": "2.16"})
    finish(store, [], "cpu", {})
    assert run_endings(store, "small") == {one.key: "diverged", two.key: "pruned", three.key: None}
    results = {result.key: result for result in read_results(store, "small").runs}
    first = results[one.key]
    assert (first.note, first.device, first.versions) == ("at 30", "cpu", {"torch": "2.15"})
    assert (results[three.key].note, results[three.key].device, results[three.key].versions) == ("", "", {})


def test_a_range_test_replaces_the_one_with_its_ramp(store):
    def made(ramp, high):
        bounds = {"smith": {"base_lr": np.float64(0.01), "max_lr": None, "base_lr_spread": (0.005, 0.02), "note": "-"}}
        lrs = np.linspace(0, high, 4)
        return RangeTestResult(ramp, lrs, np.array([lrs, lrs * NAN]), np.ones((2, 4)), (7, 8), bounds, "range_test")

    for result in (made("linear", 1.0), made("exponential", 1.0), made("linear", 3.0)):
        add_range_test(store, "small", result)
    exponential, linear = read_results(store, "small").range_tests
    assert (exponential.ramp, linear.ramp, linear.arm, linear.seeds) == ("exponential", "linear", "range_test", (7, 8))
    assert linear.lrs.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert linear.scores.shape == linear.losses.shape == (2, 4)
    assert np.isnan(linear.scores[1]).all()
    assert linear.bounds == {"smith": {"base_lr": 0.01, "max_lr": None, "base_lr_spread": [0.005, 0.02], "note": "-"}}
    with pytest.raises(StorageError, match="holds no study 'other'"):
        add_range_test(store, "other", linear)


def test_an_arm_has_one_winner(store):
    for arm, trial in (("fixed", 3), ("clr", 1), ("fixed", 0)):
        set_winner(store, "small", arm, trial)
    assert read_results(store, "small").winners == {"fixed": 0, "clr": 1}


HOSTILE = [
    "'; DROP TABLE clr_runs; --",
    '<script>alert("x")</script>',
    "=cmd|' /C calc'!A0",
    "\x1b[31mred",
    "../../etc",
    "% %s %(x)s :x ?",
    "naïve 🦉",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_words(store, run, words):
    planned = dataclasses.replace(run(arm=words), values={words: words})
    plan_runs(store, [planned])
    finish(store, [Outcome(planned.key, "failed", 0, words)], words, {words: words})
    (result,) = read_results(store, "small").runs
    assert result.key == RunKey("small", words, "search", 0, 1)
    assert (result.values, result.note, result.device, result.versions) == (
        {words: words},
        words,
        words,
        {words: words},
    )


def test_a_trace_with_bytes_that_are_no_text_is_kept_readable(store, run):
    plan_runs(store, [run()])
    finish(store, [Outcome(run().key, "failed", 0, "in file 'a\udc80.png'\0")], "cpu", {})
    (result,) = read_results(store, "small").runs
    assert result.note == r"in file 'a\udc80.png'\x00"


def test_large_specs_and_losses_fit(store, run, seen):
    planned = run(updates=200_000, evaluate_at=tuple(range(10, 200_001, 10)), seed=2**62)
    plan_runs(store, [planned])
    append(store, [(planned.key, seen(200_000, length=200_000))])
    (result,) = read_results(store, "small").runs
    assert result.spec == planned.spec
    assert result.key.seed == 2**62
    assert len(read_losses(store, planned.key)) == 200_000


def test_everything_is_there_after_closing(url, store, run, seen):
    plan_runs(store, [run()])
    append(store, [(run().key, seen(50))])
    store.dispose()
    with open_store(url, create=False) as again:
        assert read_results(again, "small").runs[0].updates.tolist() == [50]
