"""Makes the results of a study without training: real specs from a real study file, curves from a formula."""

import math
from collections import Counter

import numpy as np

from clr_study.spec import (
    Budget,
    Choices,
    Range,
    RangeTestResult,
    Ratio,
    Results,
    RunKey,
    RunResult,
    Stint,
    fill,
    parse_study,
)

STUDY = """
name = "made"
question = {question}
data = {{ kind = "digits" }}
model = {{ kind = "mlp" }}
optim = {{ kind = "sgd", momentum = 0.9 }}
train = {{ batch_size = 50, epochs = 20, evaluations = 20 }}
search = {{ trials = {trials}, seed = 1 }}
measure = {{ seeds = {seeds} }}
{target}

[arms.fixed.schedule]
kind = "constant"
lr = {{ low = 1e-3, high = 3.0, log = true }}

[arms.decay.schedule]
kind = "linear"
lr = {{ low = 1e-3, high = 3.0, log = true }}

[arms.triangular.schedule]
kind = "triangular"
max_lr = {{ low = 1e-3, high = 3.0, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = 1, high = 6, unit = "epochs" }}

[arms.triangular2.schedule]
kind = "triangular2"
max_lr = {{ low = 1e-3, high = 3.0, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = 1, high = 6, unit = "epochs" }}
"""
PER_EPOCH = 25
SKILL = {"fixed": 0.955, "decay": 0.972, "triangular": 0.970, "triangular2": 0.966}
VERSIONS = {"clr_study": "0.1.0", "torch": "2.15.0", "python": "3.11.2"}


def make_study(
    question="Does a cyclical rate beat a decayed one?", trials=16, seeds=8, target="target = { accuracy = 0.94 }"
):
    return parse_study(STUDY.format(question=_toml(question), trials=trials, seeds=seeds, target=target))


def make_results(
    study=None, *, phases=("search", "measure"), measured=None, diverge=(), endings=None, range_tests=(), note=""
):
    """Returns results of a study.

    Args:
        study: From `make_study`.
        phases: Which phases were run.
        measured: How many seeds of each arm are done; the rest is unfinished. All by default.
        diverge: Arms of which every run diverged.
        endings: Other endings than the formula's, by (arm, phase, trial, seed index).
        range_tests: Range tests to add.
        note: The note of every run that did not complete.
    """
    study = study or make_study()
    runs, winners = [], {}
    for index, arm in enumerate(study.arms):
        rng = np.random.default_rng([7, index])
        budget = Budget(updates=arm.train.updates or 500, per_epoch=PER_EPOCH, batch_size=50)
        trials = [draw(arm.space, rng) for _ in range(study.search.trials if study.search else 1)]
        found = []
        if "search" in phases and arm.space:
            for number, values in enumerate(trials):
                spec = fill(study, arm, values, budget, seed=1000)
                key = RunKey(study.name, arm.name, "search", number, 1000)
                found.append(
                    train(
                        key,
                        spec,
                        values,
                        arm.name in diverge,
                        (endings or {}).get((arm.name, "search", number, 0)),
                        note,
                    )
                )
            runs += found
            done = [run for run in found if run.ending == "completed"]
            if done:
                winners[arm.name] = max(done, key=lambda run: run.final("validation_accuracy")).key.trial
        if "measure" in phases and (arm.name in winners or not found):
            number = winners.get(arm.name, 0)
            for row in range(study.measure.seeds if measured is None else measured):
                spec = fill(study, arm, trials[number], budget, seed=row, test=True)
                key = RunKey(study.name, arm.name, "measure", number, row)
                runs.append(
                    train(
                        key, spec, trials[number], False, (endings or {}).get((arm.name, "measure", number, row)), note
                    )
                )
    return Results(
        study=study, runs=tuple(runs), range_tests=tuple(range_tests), winners=winners, stints=make_stints(runs)
    )


def make_stints(runs):
    """Two workers that take turns with eight runs each, one of them away for a day after the search."""
    stints, clock = [], 1.7e9
    for phase in ("search", "measure"):
        of_phase = [run for run in runs if run.key.phase == phase and run.ending]
        for number, first in enumerate(range(0, len(of_phase), 8)):
            arms = Counter(run.key.arm for run in of_phase[first : first + 8])
            start = clock + 12.5 * (number // 2)
            stints.append(Stint(f"host/{40 + number % 2}", "CPU, 2 cores", phase, dict(arms), start, start + 12))
        clock += 86_400
    return tuple(stints)


def draw(space, rng):
    values = {}
    for name, hole in space.items():
        if isinstance(hole, Choices):
            values[name] = hole.choices[rng.integers(len(hole.choices))]
        elif isinstance(hole, Range) and hole.log:
            values[name] = float(np.exp(rng.uniform(math.log(hole.low), math.log(hole.high))))
        elif isinstance(hole, (Range, Ratio)):
            values[name] = float(rng.uniform(hole.low, hole.high))
    return values


def train(key, spec, values, diverge, ending, note):
    """Returns a run as a formula has it: better near a peak LR of 0.3, dead above 2, noisier where the LR is high."""
    schedule = spec.lr_schedule
    axis = np.array(spec.evaluate_at)
    lrs = schedule.table(spec.updates)
    peak = float(lrs.max())
    # Runs of two arms with the same seed share a part of their luck, as paired runs do.
    rng = np.random.default_rng([3, key.seed, sum(map(ord, key.arm)), key.trial])
    luck = 0.003 * np.random.default_rng([5, key.seed]).standard_normal()
    if ending is None:
        ending = "diverged" if diverge or peak > 2 else "completed"
    quality = SKILL.get(key.arm, 0.96) - 0.03 * math.log10(peak / 0.3) ** 2 + luck
    progress = np.cumsum(lrs)[axis - 1]
    accuracy = np.clip(
        quality
        - 0.7 * np.exp(-progress * (1.2 / max(peak, 0.02)) / 18)
        - 0.05 * np.sqrt(lrs[axis - 1])
        + 0.003 * rng.standard_normal(len(axis)),
        0.05,
        1,
    )
    length = {"completed": len(axis), "pruned": len(axis) // 2, "diverged": 4, "failed": 2, "running": 5}[ending]
    columns = {
        "lr": lrs[axis - 1],
        "train_loss": np.maximum(0.01, 2.4 * (1 - accuracy)),
        "validation_loss": np.maximum(0.02, 2.5 * (1 - accuracy)),
        "validation_accuracy": accuracy,
        "test_loss": np.where(spec.test, 2.6 * (1 - accuracy), np.nan),
        "test_accuracy": np.where(spec.test, accuracy - 0.004, np.nan),
    }
    said = {
        "diverged": "the loss became inf after update 110, at lr 2.41",
        "failed": "RuntimeError: out of memory",
    }.get(ending, "")
    return RunResult(
        key=key,
        spec=spec,
        values=values,
        ending=None if ending == "running" else ending,
        updates=axis[:length],
        metrics={name: column[:length] for name, column in columns.items()},
        seconds=0.004 * axis[:length],
        device="CPU, 2 cores",
        versions=VERSIONS,
        note=note or said,
    )


def make_range_test(ramp="exponential", seeds=3, found=True):
    lrs = np.geomspace(1e-4, 3, 40) if ramp == "exponential" else np.linspace(1e-4, 3, 40)
    rng = np.random.default_rng(11)
    rise = 0.9 / (1 + np.exp(-4 * (np.log10(lrs) + 2.0)))
    fall = 1 / (1 + np.exp(8 * (np.log10(lrs) - 0.2)))
    accuracies = 0.1 + rise * fall + 0.02 * rng.standard_normal((seeds, 40))
    accuracies[0, 37:] = np.nan
    bounds = {
        "smith": {
            "base_lr": 0.004,
            "base_lr_spread": (0.003, 0.005),
            "max_lr": 0.9 if found else None,
            "max_lr_spread": (0.8, 1.0) if found else None,
            "note": "accuracy starts to rise at 0.004 and gets ragged at 0.9"
            if found
            else "no upper bound found up to 3",
        },
        "minimum": {
            "base_lr": None,
            "base_lr_spread": None,
            "max_lr": 0.07,
            "max_lr_spread": (0.06, 0.09),
            "note": "a tenth of the LR of the least loss",
        },
    }
    return RangeTestResult(
        ramp=ramp,
        lrs=lrs,
        scores=np.clip(accuracies, 0, 1),
        losses=2.4 * (1 - np.clip(accuracies, 0, 1)),
        seeds=tuple(range(seeds)),
        bounds=bounds,
        arm=f"range-test-{ramp}",
    )


def _toml(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if ord(c) >= 32 else f"\\u{ord(c):04x}" for c in escaped) + '"'


OTHER = """
name = "other"
{head}
data = {{ kind = "digits" }}
model = {{ kind = "mlp" }}
train = {{ batch_size = 50, epochs = 20, evaluations = 20 }}
{search}
measure = {{ seeds = {seeds} }}

{arms}
"""


def other_study(arms, head="", search="search = { trials = 6, seed = 1 }", seeds=4):
    return parse_study(OTHER.format(arms=arms, head=head, search=search, seeds=seeds))


def edge_cases():
    """Returns results at the edges of what a report has to bear, by name."""
    every = ("fixed", "decay", "triangular", "triangular2")
    dead = {(arm, "measure", number, seed): "diverged" for arm in every for number in range(16) for seed in range(8)}
    loss = other_study(
        '[arms.a.schedule]\nkind = "constant"\nlr = { low = 0.01, high = 1, log = true }\n'
        '[arms.b.schedule]\nkind = "cosine"\nlr = { low = 0.01, high = 1, log = true }',
        head='metric = "loss"\ntarget = { loss = 0.2 }',
    )
    untuned = other_study(
        '[arms.a.schedule]\nkind = "constant"\nlr = 0.1\n'
        '[arms.b.schedule]\nkind = "joined"\nboundaries = [100]\n'
        'schedules = [{ kind = "constant", lr = 0.1 }, { kind = "linear", lr = 0.1 }]',
        search="",
    )
    choices = other_study(
        '[arms.a.schedule]\nkind = "constant"\nlr = { choices = [0.01, 0.1, 0.5] }\n'
        '[arms.a.model]\nkind = "mlp"\nactivation = { choices = ["relu", "tanh"] }',
    )
    flat = make_results(make_study(seeds=3))
    for run in flat.runs:
        for name in ("test_accuracy", "validation_accuracy"):
            run.metrics[name][:] = 0.5
    return {
        "nothing has run": make_results(phases=()),
        "the search alone": make_results(phases=("search",)),
        "half measured": make_results(measured=3),
        "a run on its way": make_results(
            endings={("fixed", "measure", 0, 7): "running", ("decay", "search", 1, 0): "running"}
        ),
        "one seed": make_results(make_study(seeds=1)),
        "one arm's search diverged": make_results(diverge=("fixed",)),
        "every search diverged": make_results(diverge=every),
        "every measured run diverged": make_results(endings=dead),
        "a run failed at once": make_results(endings={("decay", "measure", 12, 0): "failed"}),
        "nobody reached the target": make_results(make_study(target="target = { accuracy = 0.9999 }")),
        "no target": make_results(make_study(target="")),
        "no variance": flat,
        "loss decides": make_results(loss),
        "nothing searched": make_results(untuned),
        "words are drawn": make_results(choices),
        "one arm": make_results(other_study('[arms.a.schedule]\nkind = "constant"\nlr = { low = 0.01, high = 1 }')),
        "budgets differ": make_results(
            other_study(
                '[arms.a.schedule]\nkind = "constant"\nlr = { low = 0.01, high = 1 }\n'
                '[arms.b]\nupdates = 250\n[arms.b.schedule]\nkind = "linear"\nlr = { low = 0.01, high = 1 }',
                head="target = { accuracy = 0.9 }",
            )
        ),
        "range tests": make_results(range_tests=(make_range_test(), make_range_test("linear", found=False))),
    }
