"""What a study file may say, and the sentence that it gets when it says something else."""

from __future__ import annotations

import pytest

from clr_study.errors import InputError, SpecError
from clr_study.shipped import shipped_folder
from clr_study.spec import FromRangeTest, Range, Ratio, Tpe, load_study, needs_range_test, parse_study

GOOD = """
name = "good"
data = { kind = "digits" }
model = { kind = "mlp" }
train = { batch_size = 32, epochs = 2 }
search = { trials = 2 }
[arms.fixed.schedule]
kind = "constant"
lr = { low = 1e-3, high = 1.0, log = true }
[arms.clr.schedule]
kind = "triangular"
max_lr = { low = 0.01, high = 0.1 }
base_lr = { times = "max_lr", low = 0.05, high = 0.5 }
step_size = { low = 2, high = 10, unit = "epochs" }
"""

BROKEN = {
    "unknown schedule": ('kind = "constant"', 'kind = "constnat"', "[arms.fixed.schedule] kind: no schedule is called 'constnat'; did you mean 'constant'?"),
    "unknown key of a schedule": ("lr = { low = 1e-3", "rl = { low = 1e-3", "[arms.fixed.schedule] constant takes no key 'rl'; known are: lr"),
    "unknown section": ('name = "good"', 'name = "good"\nserach = 1', "the study file takes no key 'serach'; did you mean 'search'?"),
    "unknown key of train": ("epochs = 2", "epoch = 2", "[train] train takes no key 'epoch'; did you mean 'epochs'?"),
    "unknown key of search": ("trials = 2", "trials = 2, sead = 1", "[search] takes no key 'sead'; did you mean 'seed'?"),
    "unknown sampler": ("trials = 2", 'trials = 2, sampler = { kind = "randon" }', "[search] sampler kind: no sampler is called 'randon'; did you mean 'random'?"),
    "unknown pruner": ("trials = 2", 'trials = 2, pruner = { kind = "medien" }', "no pruner is called 'medien'; did you mean 'median'?"),
    "wrong type": ("batch_size = 32", 'batch_size = "32"', "[train] batch_size should be a valid integer, but got '32'"),
    "a bool for a number": ("batch_size = 32", "batch_size = true", "batch_size should be a valid integer, but got True"),
    "no number where one belongs": ("lr = { low = 1e-3, high = 1.0, log = true }", 'lr = "fast"', "[arms.fixed.schedule] lr should be a valid number, but got 'fast'"),
    "low above high": ("low = 1e-3, high = 1.0", "low = 1.0, high = 1e-3", "lr low < high must hold, but got low=1.0, high=0.001"),
    "log from zero": ("low = 1e-3", "low = 0", "a range with log = true must start above 0"),
    "infinite end": ("high = 1.0", "high = inf", "must be finite, but got inf"),
    "nan": ("low = 1e-3", "low = nan", "must be finite, but got nan"),
    "base_lr above max_lr": ("base_lr = { times = \"max_lr\", low = 0.05, high = 0.5 }", "base_lr = 0.2", "base_lr < max_lr must hold, but got base_lr=0.2, max_lr=0.01"),
    "bounds that may be drawn the wrong way round": ('base_lr = { times = "max_lr", low = 0.05, high = 0.5 }', "base_lr = { low = 0.001, high = 0.05 }", "[arms.clr.schedule] base_lr < max_lr must hold, but got base_lr=0.05, max_lr=0.01"),
    "step_size of zero": ('step_size = { low = 2, high = 10, unit = "epochs" }', "step_size = 0", "step_size > 0 must hold, but got step_size=0"),
    "negative step_size": ('step_size = { low = 2, high = 10, unit = "epochs" }', "step_size = -4", "step_size > 0 must hold"),
    "ratio above one": ("low = 0.05, high = 0.5 }", "low = 0.05, high = 1.5 }", "a ratio of learning rates must lie in (0, 1), but got low=0.05, high=1.5"),
    "ratio of zero": ("low = 0.05, high = 0.5 }", "low = 0, high = 0.5 }", "a ratio must be above 0, but got low=0"),
    "ratio to nothing": ('times = "max_lr"', 'times = "mx_lr"', "there is no key 'mx_lr' beside it; did you mean 'max_lr'?"),
    "unknown unit": ('unit = "epochs"', 'unit = "epoch"', "step_size"),
    "a table that is no hole": ("{ low = 1e-3, high = 1.0, log = true }", "{ minimum = 1 }", "is a table that is no hole"),
    "half a hole": ("{ low = 1e-3, high = 1.0, log = true }", "{ low = 1 }", "a range needs the key 'high'"),
    "one choice": ("{ low = 1e-3, high = 1.0, log = true }", "{ choices = [1.0] }", "at least two different values"),
    "both budgets": ("epochs = 2", "epochs = 2, updates = 5", "[train] give epochs or updates, one of the two"),
    "no budget": (", epochs = 2", "", "[train] give epochs or updates, one of the two"),
    "negative budget": ("epochs = 2", "epochs = -2", "epochs > 0 must hold, but got epochs=-2"),
    "no trials": ("trials = 2", "trials = 0", "1 <= trials <= 1,000,000,000 must hold, but got trials=0"),
    "target above one": ("search =", "target = { accuracy = 89 }\nsearch =", "[target] accuracy must lie in (0, 1], as in 0.89 for 89 %, but got accuracy=89"),
    "a target no metric knows": ("search =", "target = { f1 = 0.8 }\nsearch =", "[target] target takes no key 'f1'"),
    "no arms": (GOOD[GOOD.index("[arms.fixed") :], "", "the study file needs the key 'arms'"),
    "an arm without schedule": ("[arms.fixed.schedule]", "[arms.fixed.shedule]", "[arms.fixed] takes no key 'shedule'; did you mean 'schedule'?"),
    "holes without search": ("search = { trials = 2 }", "", "has holes (lr), so the study needs a [search]"),
    "a name that climbs": ('name = "good"', 'name = "../good"', "name must be 1 to 64 letters"),
    "a name with markup": ('name = "good"', 'name = "<script>"', "name must be 1 to 64 letters"),
    "an arm's hostile name": ("[arms.fixed.schedule]", '[arms."=cmd|calc".schedule]', "must be 1 to 64 letters"),
    "no TOML": ('name = "good"', "name = = 3", "is not valid TOML"),
    "too few seeds": ("search =", "range_test = { seeds = 2 }\nsearch =", "seeds >= 3 must hold"),
    "a wild range test": ("search =", "range_test = { low = 1, high = 0.1 }\nsearch =", "0 < low < high must hold"),
    "validation above one": ('kind = "digits"', 'kind = "digits", validation = 1.5', "validation is a part in [0, 1) or a number of samples"),
    "an unknown normalisation": ('kind = "digits"', 'kind = "digits", normalise = "chanel"', "[data] normalise should be"),
    "a large number": ("batch_size = 32", "batch_size = 9999999999", "batch_size must be at most 1,000,000,000"),
    "a huge number": ("batch_size = 32", "batch_size = 99999999999999999999999999", "train.batch_size must be an integer of at most 64 bits, but has 87"),
    "a number of 5000 digits": ("batch_size = 32", "batch_size = " + "9" * 5000, "is not valid TOML: Exceeds the limit"),
    "a hexadecimal number that Python does not print": ("batch_size = 32", "batch_size = 0x" + "f" * 5000, "an integer of at most 64 bits, but has 20000"),
    "a date": ('kind = "digits"', 'kind = "digits", since = 1979-05-27', "data.since must not be a date or a time, but got 1979-05-27"),
    "nan for a target": ("search =", "target = { loss = nan }\nsearch =", "target.loss must be finite, but got nan"),
    "a ratio to a word": ('times = "max_lr"', 'times = "kind"', "[arms.clr.schedule] base_lr times: 'kind' is no number, but 'triangular'"),
    "a ratio to words": ("max_lr = { low = 0.01, high = 0.1 }", 'max_lr = { choices = ["a", "b"] }', "base_lr times: 'max_lr' is no number"),
    "no epochs at all": ('low = 2, high = 10, unit = "epochs"', 'low = 0, high = 10, unit = "epochs"', "step_size a range of epochs must lie above 0"),
    "epochs without end": ('low = 2, high = 10, unit = "epochs"', 'low = 2, high = 1e307, unit = "epochs"', "and at most at 1,000,000,000, but got low=2.0, high=1e+307"),
    "minus four epochs": ('low = 2, high = 10, unit = "epochs"', 'value = -4, unit = "epochs"', "step_size 0 < value <= 1,000,000,000 epochs must hold, but got value=-4"),
    "cycles that no float counts": ('low = 2, high = 10, unit = "epochs"', "low = 5e-324, high = 1e-323", "cannot be fitted to 20000 updates"),
    "a part too many": ("lr = { low = 1e-3, high = 1.0, log = true }", 'lr = 1\n[arms.j.schedule]\nkind = "joined"\nboundaries = [3]\nschedules = [{ kind = "constant", lr = 1 }, { kind = "constant", lr = 2 }, { kind = "constant", lr = 3 }]', "[arms.j.schedule] joined takes one boundary fewer than schedules, but got 3 schedules and 1 boundaries"),
    "a batch of no trials": ("trials = 2", 'trials = 2, sampler = { kind = "tpe", batch = 0 }', "[search] sampler batch >= 1 must hold, but got batch=0"),
    "a grid of no points": ("trials = 2", 'trials = 2, sampler = { kind = "grid", points = 0 }', "points >= 1 must hold, but got points=0"),
    "a percentile below zero": ("trials = 2", 'trials = 2, pruner = { kind = "percentile", percentile = -5 }', "[search] pruner 0 < percentile < 100 must hold, but got percentile=-5"),
    "a warm-up that never ends": ("trials = 2", 'trials = 2, pruner = { kind = "median", warmup = 1.0 }', "0 <= warmup < 1 must hold, but got warmup=1.0"),
    "a reduction by one": ("trials = 2", 'trials = 2, pruner = { kind = "hyperband", reduction_factor = 1 }', "reduction_factor >= 2 must hold, but got reduction_factor=1"),
    "impatience": ("trials = 2", 'trials = 2, pruner = { kind = "patient", patience = -1 }', "patience >= 0 must hold, but got patience=-1"),
    "more evaluations than rows": ("epochs = 2", "epochs = 2, evaluations = 200000", "[train] evaluations must be at most 100,000, but got evaluations=200000"),
    "more seeds than runs": ("search =", "measure = { seeds = 200000 }\nsearch =", "[measure] 1 <= seeds <= 100,000 must hold, but got seeds=200000"),
    "a range test without updates": ("search =", "range_test = { updates = 0 }\nsearch =", "[range_test] 0 < updates <= 1,000,000,000 must hold, but got updates=0"),
    "a key of two lines": ('name = "good"', 'name = "good"\n"a\\nb" = 1', "takes no key 'a\\nb'"),
    "an arm's name that drives a terminal": ("[arms.fixed.schedule]", '[arms."\\u001b[31m".schedule]', "[arms] the name of an arm must be 1 to 64 letters"),
}  # fmt: skip


def test_the_good_file_is_good():
    study = parse_study(GOOD)
    assert study.name == "good"
    assert [arm.name for arm in study.arms] == ["fixed", "clr"]
    assert study.arms[1].space == {
        "max_lr": Range(low=0.01, high=0.1),
        "base_lr/max_lr": Ratio(times="max_lr", low=0.05, high=0.5),
        "step_size": Range(low=2, high=10, unit="epochs"),
    }
    assert study.arms[0].optim == {"kind": "sgd", "momentum": 0.9}
    assert not needs_range_test(study)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_gets_a_sentence_with_file_and_key(case):
    old, new, expected = BROKEN[case]
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        parse_study(GOOD.replace(old, new, 1), where="mine.toml")
    message = str(caught.value)
    assert expected in message
    assert message.startswith("mine.toml: ")
    assert "\n" not in message


@pytest.mark.parametrize("path", sorted(shipped_folder("studies").glob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_study_parses_and_is_named_as_its_file(path):
    study = load_study(path)
    assert study.name == path.stem
    assert study.question


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(SpecError, match="there is no such study file"):
        load_study(tmp_path / "none.toml")
    with pytest.raises(SpecError, match="cannot be read as a study file"):
        load_study(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(SpecError, match="cannot be read as a study file"):
        load_study(tmp_path / "latin.toml")


def test_an_arm_may_have_its_own_budget_optimizer_and_model():
    text = GOOD + '[arms.own]\nupdates = 70\nmodel = { kind = "mlp", hidden = [8] }\noptim = { kind = "adam" }\n'
    text += '[arms.own.schedule]\nkind = "constant"\nlr = 0.1\n'
    arm = parse_study(text).arm("own")
    assert (arm.train.updates, arm.train.epochs, arm.train.batch_size) == (70, None, 32)
    assert arm.model == {"kind": "mlp", "hidden": (8,)}
    assert arm.optim == {"kind": "adam"}
    assert arm.space == {}


def test_a_hole_may_take_its_ends_from_a_range_test():
    text = GOOD.replace("{ low = 0.01, high = 0.1 }", '{ from = "range_test", times = [0.3, 1.0] }')
    study = parse_study(text)
    assert needs_range_test(study)
    assert study.arm("clr").space["max_lr"] == FromRangeTest(times=(0.3, 1.0))


def test_samplers_take_their_arguments():
    study = parse_study(GOOD.replace("trials = 2", 'trials = 2, sampler = { kind = "tpe", startup_trials = 3 }'))
    assert study.search.sampler == Tpe(startup_trials=3)


def test_deep_nesting_is_refused():
    text = GOOD.replace("lr = { low = 1e-3, high = 1.0, log = true }", "lr = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(SpecError):
        parse_study(text)
