"""`results.json`: strict, whole, and the same numbers as the runs."""

import json
import math

import pytest
from made_results import edge_cases, make_results

from clr_study.analysis import compare
from clr_study.report import results_document, write_results


@pytest.fixture(scope="module")
def document(results, comparison):
    return results_document(results, comparison)


def test_it_has_for_each_arm_what_the_issue_asks(document, results, comparison):
    fixed = document["arms"]["fixed"]
    assert fixed["n"] == 8
    assert fixed["outcomes"] == {"completed": 7, "diverged": 1}
    assert fixed["accuracy"]["n"] == 7
    assert fixed["accuracy"]["mean"] == comparison.arms[0].final.value
    assert fixed["accuracy"]["low"] < fixed["accuracy"]["mean"] < fixed["accuracy"]["high"]
    assert fixed["updates_to_target"]["misses"] == 8
    assert fixed["updates_to_target"]["median"] is None
    assert document["arms"]["decay"]["updates_to_target"]["median"] == comparison.arms[1].to_target.median
    assert fixed["values"] == {"lr": results.of("fixed", "search")[results.winners["fixed"]].values["lr"]}
    assert fixed["schedule"]["kind"] == "constant"


def test_it_has_every_run_with_what_it_saw_last_and_of_a_measured_one_the_curve(document, results):
    assert len(document["runs"]) == len(results.runs)
    for table, run in zip(document["runs"], results.runs, strict=True):
        assert (table["arm"], table["phase"], table["seed"]) == (run.key.arm, run.key.phase, run.key.seed)
        assert table["outcome"] == run.ending
        assert table["last"]["validation_accuracy"] == run.metrics["validation_accuracy"][-1]
        assert ("test_accuracy" in table["last"]) == run.spec.test
        assert ("curve" in table) == (run.key.phase == "measure")
        if "curve" in table:
            assert table["curve"]["updates"] == run.updates.tolist()
            assert table["curve"]["validation_accuracy"] == run.metrics["validation_accuracy"].tolist()
    diverged = [table for table in document["runs"] if table["outcome"] == "diverged"]
    assert all("inf after update" in table["note"] for table in diverged)
    assert [len(table["curve"]["updates"]) for table in diverged if "curve" in table] == [4]


def test_it_says_what_was_asked_found_and_not_shown(document, comparison):
    assert document["study"] == "made"
    assert document["question"].endswith("?")
    assert document["verdict"] == comparison.verdict
    assert document["limits"] == list(comparison.limits)
    assert document["target"] == {"metric": "test_accuracy", "value": 0.94}
    assert document["finished"] is True
    assert document["missing"] == []
    assert document["versions"]["torch"] == ["2.15.0"]
    assert {each["arm"] for each in document["to_reference"]} == {"decay", "triangular", "triangular2"}
    assert document["range_tests"][0]["bounds"]["smith"]["max_lr"] == 0.9


def test_it_survives_strict_json(results, comparison, tmp_path, document):
    path = write_results(results, tmp_path / "new" / "results.json", comparison)

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse) == document


@pytest.mark.parametrize("name", edge_cases())
def test_every_state_of_a_study_has_a_document(name):
    results = edge_cases()[name]
    text = json.dumps(results_document(results, compare(results, resamples=200)), allow_nan=False)
    assert json.loads(text)["study"] == results.study.name


def test_nan_becomes_null():
    results = make_results(endings={("fixed", "measure", 0, 0): "diverged"})
    run = results.of("fixed", "measure")[0]
    run.metrics["train_loss"][-1] = math.inf
    found = results_document(results, compare(results, resamples=200))
    table = next(
        each for each in found["runs"] if (each["arm"], each["phase"], each["seed"]) == ("fixed", "measure", 0)
    )
    assert table["curve"]["train_loss"][-1] is None
