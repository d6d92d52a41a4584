"""The search around a training loop of the user's own, from one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from clr_study.analysis import compare
from clr_study.errors import InputError, SpecError
from clr_study.registry import named
from clr_study.report.code import toml_table, toml_value
from clr_study.schedules import Schedule
from clr_study.search.heard import Heard
from clr_study.search.run import Say, Where, run_study
from clr_study.spec import Results, RunKey, Study, give_loop, parse_study, path_of
from clr_study.store import open_store, read_results, study_names
from clr_study.worker import Trial, places


def tune(
    train_fn: Callable[[Trial], Any],
    *,
    arms: Mapping[str, Schedule | Mapping[str, Any]],
    budget: int | Mapping[str, Any],
    name: str = "",
    question: str = "",
    metric: str | Mapping[str, str] = "accuracy",
    values: Mapping[str, Any] | None = None,
    trials: int = 16,
    sampler: str | Mapping[str, Any] = "random",
    confirm: Mapping[str, int] | None = None,
    seeds: int = 8,
    per_seed: bool = False,
    seed: int = 0,
    evaluations: int = 20,
    target: Mapping[str, float] | None = None,
    imports: Sequence[str] = (),
    storage: str = "",
    out: str = "",
    devices: str = "",
    executor: str = "",
    say: Say = print,
) -> Results:
    """Compares learning-rate schedules around a training loop of your own, in whatever framework.

    The search, its fairness, the storage and the report are those of a study file: every arm gets the same number of
    trials and of updates, the winner of each is measured on fresh seeds that all arms share. The same call again goes
    on where it stopped; a loop that has changed meanwhile wants another name. The answer is read back, by
    `clr-study show` and its like, without the loop.

    Args:
        train_fn: Trains one run: called with a trial, of which it reads `lrs` (an array, one learning rate an update)
            or calls `scheduler(optimizer)`, seeds itself with `seed`, and reports with `report(update, accuracy=...)`.
        arms: By name: a schedule, or the table of one with holes, in the words of a study file:
            `{"kind": "constant", "lr": {"low": 1e-3, "high": 1.0, "log": True}}`. A table with the key `schedule` is an
            arm's whole table, with `values` of its own.
        budget: Updates of a run; or `{"updates": ..., "updates_per_epoch": ...}` or `{"epochs": ...,
            "updates_per_epoch": ...}`, so that a step_size may be given in epochs.
        name: The study's name, unique in the storage; that of the function if not given.
        question: What it asks, for the head of the report.
        metric: What decides: one of `clr-study list metrics`, or `{"name": "bleu", "better": "higher"}`.
        values: What else the loop is given as `trial.values`, with holes: `{"depth": {"choices": [2, 4]}}`.
        trials: Trials an arm.
        sampler: How settings are drawn: `random`, `qmc`, `tpe`, `gp`, `grid`, or such a table.
        confirm: How many of an arm's best trials are run again, on how many fresh seeds, before one of them wins:
            `{"trials": 4, "seeds": 3}` if not given; `{"trials": 1}` for none.
        seeds: Fresh seeds on which each winner is measured.
        per_seed: Whether each of those seeds gets the winner of a search of its own, so that the intervals hold the
            luck of the search too: as many searches as seeds.
        seed: The base of every random draw.
        evaluations: How many points `trial.evaluate_at` has.
        target: The value the time to which is reported: `{"accuracy": 0.9}`.
        imports: Modules that register things of your own.
        storage: The database's URL; `CLR_STORAGE`, or a SQLite file in the current folder, if not given.
        out: The folder of the report; `results/<name>` if not given.
        devices: Where runs train, with commas between: `cpu,cpu`, `cuda:0,cuda:1`; a worker process each, which must
            be able to import the loop. If not given, one device and this process.
        executor: A kind of executor; chosen by the devices if not given.
        say: Gets a sentence at each stage.

    Returns:
        All that was measured.

    Raises:
        InputError: Something that was given cannot be, or a report of the loop.
        UnfinishedError: Some runs failed; the report shows what there is.

    Examples:
        >>> import tempfile
        >>> from clr_study.schedules import Constant
        >>> def train_fn(trial):                       # a parabola's minimum, by gradient descent
        ...     x = 1.0 + 1e-3 * (trial.seed % 7)
        ...     for update, lr in enumerate(trial.lrs, start=1):
        ...         x -= lr * 2 * x
        ...     trial.report(update, loss=x * x)
        >>> arms = {"slow": Constant(lr=0.01), "tuned": {"kind": "constant", "lr": {"low": 0.01, "high": 0.4}}}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = tune(train_fn, arms=arms, budget=20, metric="loss", trials=4, seeds=3, name="parabola",
        ...         storage=f"sqlite:///{folder}/clr.db", out=folder, say=lambda line: None)
        >>> bool(results.measured("tuned", "validation_loss").final.max() < 0.1)
        True
        >>> bool(results.measured("slow", "validation_loss").final.min() > 0.1)
        True
    """
    _check_given(train_fn, budget)
    drawn = {"kind": sampler} if isinstance(sampler, str) else sampler
    table: dict[str, Any] = {
        "name": name or path_of(train_fn).rpartition(":")[2].rpartition(".")[2].strip("<>"),
        "question": question,
        "metric": metric,
        "train_fn": path_of(train_fn),
        "imports": list(imports),
        "train": {"updates": budget} if isinstance(budget, int) else dict(budget),
        "search": {
            "trials": trials,
            "sampler": drawn,
            "confirm": dict(confirm or {}),
            "seed": seed,
            **({"per_seed": True} if per_seed else {}),
        },
        "measure": {"seeds": seeds},
    }
    table["train"].setdefault("evaluations", evaluations)
    table |= {key: part for key, part in (("values", values), ("target", target)) if part}
    study = parse_study(_toml(table, arms), "tune")
    where = Where(storage=storage, out=out, devices=devices or places("auto")[0].device, executor=executor)
    if "," in where.devices or executor not in ("", "inline"):
        _check_importable(train_fn)
    give_loop(train_fn)
    before = _runs_before(study, where, say)
    results = run_study(study, where, say, Heard(study, before, say))
    say(compare(results).verdict)
    say(f"report: {where.folder(study.name) / 'report.html'}")
    return results


def _check_given(train_fn: Any, budget: Any) -> None:
    """Refuses what would fail in every run, or in no words of ours."""
    if not callable(train_fn):
        raise InputError(f"tune: train_fn must be a function, which is called with a trial, but got {train_fn!r:.200}")
    try:
        inspect.signature(train_fn).bind("trial")
    except TypeError:
        raise InputError(f"tune: {path_of(train_fn)} must take one argument, the trial") from None
    except ValueError:  # some functions written in C do not say what they take
        pass
    if isinstance(budget, bool) or not isinstance(budget, (int, Mapping)):
        raise InputError(
            'tune: budget must be a number of updates, or {"epochs": ..., "updates_per_epoch": ...}, but got '
            f"{budget!r:.200}"
        )


def _toml(table: Mapping[str, Any], arms: Mapping[str, Any]) -> str:
    """The study file that asks the same."""
    if not isinstance(arms, Mapping) or not arms:
        raise SpecError(
            f"tune: arms must map names to schedules, as in {{'fixed': Constant(lr=0.1)}}, but got {arms!r}"
        )
    lines = [f"{key} = {toml_value(_plain(value, key))}" for key, value in table.items()]
    for name, arm in arms.items():
        if not isinstance(arm, (Schedule, Mapping)):
            hint = "; for one of PyTorch's give Schedule.from_torch(scheduler)" if hasattr(arm, "optimizer") else ""
            raise SpecError(f"tune: arms[{name!r}] must be a schedule or the table of one, but got {arm!r:.200}{hint}")
        own = _plain(arm, f"arms[{name!r}]")
        whole = own if "schedule" in own else {"schedule": own}
        lines.append(toml_table(f"arms.{toml_value(str(name))}", whole))
    return "\n".join(lines) + "\n"


def _plain(value: Any, where: str) -> Any:
    """A value as TOML can write it."""
    if isinstance(value, Schedule):
        return _plain(value.to_dict(), where)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(part, f"{where}[{key!r}]") for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part, f"{where}[{index}]") for index, part in enumerate(value)]
    if isinstance(value, (bool, int, float, str)):
        return value
    raise SpecError(f"tune: {where} must be a number, a text, a list, a table or a schedule, but got {value!r}")


def _check_importable(train_fn: Callable[..., Any]) -> None:
    path = path_of(train_fn)
    if not path.startswith("__main__:"):
        try:
            if named(path) is train_fn:
                return
        except SpecError:
            pass
    raise InputError(
        f"tune: worker processes cannot import {path}: put it into a module of its own, at its top level, and import "
        "it from there; or leave out devices and executor, and it runs in this process"
    )


def _runs_before(study: Study, where: Where, say: Say) -> list[RunKey]:
    """The runs of that name that have ended already, and a word on them: a loop that has changed would be mixed in."""
    with open_store(where.url) as store:
        if study.name not in study_names(store):
            return []
        ended = [run.key for run in read_results(store, study.name).runs if run.ending]
        if ended:
            say(f"{study.name}: goes on from {len(ended)} runs in {store.masked_url}; another name begins anew")
        return ended
