"""The border: a TOML file comes in, a study goes on. Whatever is wrong is refused here, by file and key."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

from clr_study.errors import ClrStudyError, SpecError, did_you_mean
from clr_study.spec.build import build_corners
from clr_study.spec.data_table import parse_data
from clr_study.spec.goal import parse_metric, parse_target
from clr_study.spec.imports import import_user_module
from clr_study.spec.instead import asked, on_fewer_seeds, on_other_data
from clr_study.spec.lengths import check_lengths
from clr_study.spec.loops import with_own_loop
from clr_study.spec.make import call
from clr_study.spec.paper import parse_paper
from clr_study.spec.scale import scaled
from clr_study.spec.sections import Confirm, Measure, RangeTest, Search, Train
from clr_study.spec.space import FromRangeTest
from clr_study.spec.study import Arm, Study
from clr_study.spec.template import parse_template, parse_values
from clr_study.spec.trial import OWN_LOOP
from clr_study.spec.tuning import (
    Gp,
    Grid,
    Hyperband,
    Median,
    NoPruner,
    Patient,
    Percentile,
    Qmc,
    Random,
    SuccessiveHalving,
    Tpe,
)

LONGEST = 600
"""Characters of a message; what a file quotes in it may be longer."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SECTIONS = (
    "name",
    "scale",
    "data_instead",
    "seeds_instead",
    "question",
    "imports",
    "metric",
    "loss",
    "data",
    "model",
    "optim",
    "train",
    "range_test",
    "search",
    "measure",
    "target",
    "paper",
    "arms",
    "train_fn",
    "values",
)
SAMPLERS: dict[str, Callable[..., Any]] = {cls().kind: cls for cls in (Random, Qmc, Tpe, Gp, Grid)}
PRUNERS: dict[str, Callable[..., Any]] = {
    cls().kind: cls for cls in (NoPruner, Median, Percentile, SuccessiveHalving, Hyperband, Patient)
}


def load_study(path: str | Path) -> Study:
    """Reads and checks a study file.

    Args:
        path: A TOML file.

    Raises:
        SpecError: The file is missing, is no TOML, or asks for something that cannot be.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SpecError(f"{path}: there is no such study file") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SpecError(f"{path}: cannot be read as a study file: {error}") from None
    return parse_study(text, where=str(path))


def parse_study(text: str, where: str = "study") -> Study:
    """Returns the study that a TOML text describes; see `load_study`.

    Args:
        text: TOML.
        where: The file's name, for messages.
    """
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise SpecError(f"{where}: is nested too deeply") from None
    except ValueError as error:  # besides its own, that of an integer of thousands of digits
        raise SpecError(f"{where}: is not valid TOML: {error}") from None
    try:
        _plain(table, "")
        return _study(table, text)
    except RecursionError:
        raise SpecError(f"{where}: is nested too deeply") from None
    except ClrStudyError as error:
        raise type(error)(f"{where}: {_sentence(str(error))}") from None


def _sentence(text: str) -> str:
    """One line that a terminal can print, whatever keys and values it quotes."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"


def _plain(value: Any, place: str) -> None:
    """Refuses what TOML can write and no key of a study file takes: dates, nan and inf, integers beyond 64 bits."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            _plain(part, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            _plain(part, f"{place}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{place} must be finite, but got {value}")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise SpecError(f"{place} must be an integer of at most 64 bits, but has {value.bit_length()}")
    elif isinstance(value, (date, time)):
        raise SpecError(f"{place} must not be a date or a time, but got {value}")


def _study(table: Mapping[str, Any], text: str) -> Study:
    _known_keys(table, SECTIONS, "the study file")
    own_loop = "train_fn" in table
    for key in ("name", "train", "arms") if own_loop else ("name", "data", "model", "train", "arms"):
        if key not in table:
            raise SpecError(f"the study file needs the key {key!r}")
    as_it_stands = table
    if "data_instead" in table:
        table = on_other_data(table)
    if "seeds_instead" in table:
        table = on_fewer_seeds(table)
    if own_loop:
        table = with_own_loop(table)
    elif "values" in table:
        raise SpecError("[values] are what a training loop of your own is given; such a study names it as train_fn")
    for module in _imports(table.get("imports", [])):
        import_user_module(module)
    train = _train(table["train"], own_loop)
    optim = parse_template(table.get("optim", {"kind": "sgd", "momentum": 0.9}), "[optim]")
    model = parse_template(table["model"], "[model]")
    values = parse_values(table.get("values", {}), "[values]")
    arms = _arms(table["arms"], Arm(name="", schedule={}, optim=optim, model=model, train=train, values=values))
    rest = {key: table[key] for key in ("question", "imports", "train_fn") if key in table}
    metric = parse_metric(table.get("metric", "accuracy"))
    study = call(
        Study,
        rest,
        "the study file:",
        given={
            "name": _name(table["name"], "name"),
            "data": parse_data(table["data"]),
            "arms": arms,
            "search": _search(table["search"]) if "search" in table else None,
            "measure": _section(Measure, table.get("measure", {}), "[measure]"),
            "metric": metric,
            "loss": _loss(table["loss"]) if "loss" in table else None,
            "target": parse_target(table["target"], metric) if "target" in table else None,
            "range_test": _section(RangeTest, table.get("range_test", {}), "[range_test]"),
            "paper": parse_paper(table.get("paper", []), (arm.name for arm in arms)),
        },
    )
    build_corners(study)
    for arm in study.arms:
        check_lengths(arm)
    if "scale" in table:
        study = scaled(study, table["scale"])
    return replace(study, source=text, question=asked(as_it_stands))


def _loss(table: Any) -> Mapping[str, Any]:
    if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
        raise SpecError(f'[loss] must be a table with a kind, as in {{ kind = "huber" }}, but got {table!r}')
    return table


def _train(table: Any, own_loop: bool) -> Train:
    train: Train = _section(Train, table, "[train]")
    if own_loop:
        if train.epochs is not None and train.updates_per_epoch is None:
            raise SpecError("[train] epochs of a training loop of your own need updates_per_epoch; or give updates")
        # Without a word about epochs the whole run is one.
        return replace(train, updates_per_epoch=train.updates_per_epoch or train.updates)
    if train.updates_per_epoch is not None:
        raise SpecError("[train] updates_per_epoch follows from the data and batch_size; leave it out")
    return train


def _arms(table: Any, common: Arm) -> tuple[Arm, ...]:
    if not isinstance(table, Mapping) or not table:
        raise SpecError("[arms] must hold at least one arm, as in [arms.fixed.schedule]")
    arms = []
    for name, arm in table.items():
        where = f"[arms.{_name(name, '[arms] the name of an arm')}]"
        if not isinstance(arm, Mapping):
            raise SpecError(f"{where} must be a table, but got {arm!r}")
        parts = ("values",) if common.model["kind"] == OWN_LOOP else ("optim", "model")
        _known_keys(arm, ("schedule", *parts, "epochs", "updates"), where)
        if "schedule" not in arm:
            raise SpecError(f"{where} needs a schedule, as in [arms.{name}.schedule]")
        arms.append(
            Arm(
                name=name,
                schedule=parse_template(arm["schedule"], f"[arms.{name}.schedule]"),
                optim=parse_template(arm["optim"], f"[arms.{name}.optim]") if "optim" in arm else common.optim,
                model=parse_template(arm["model"], f"[arms.{name}.model]") if "model" in arm else common.model,
                train=_own_budget(arm, common.train, where),
                values=parse_values(arm["values"], f"[arms.{name}.values]") if "values" in arm else common.values,
            )
        )
    return tuple(arms)


def _own_budget(arm: Mapping[str, Any], train: Train, where: str) -> Train:
    own = {key: arm[key] for key in ("epochs", "updates") if key in arm}
    if not own:
        return train
    return call(Train, {**vars(train), "epochs": None, "updates": None, **own}, where)


def _search(table: Any) -> Search:
    if not isinstance(table, Mapping):
        raise SpecError(f"[search] must be a table, but got {table!r}")
    parts = {key: value for key, value in table.items() if key not in ("sampler", "pruner", "confirm")}
    given = {"confirm": _section(Confirm, table.get("confirm", {}), "[search] confirm")}
    for key, known in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if key in table:
            given[key] = _chosen(table[key], known, f"[search] {key}")
    allowed = ("trials", "seed", "sampler", "pruner", "confirm", "per_seed")
    _known_keys(table, allowed, "[search]")
    return call(Search, parts, "[search]", given=given)


def _chosen(table: Any, known: Mapping[str, Callable[..., Any]], where: str) -> Any:
    if not isinstance(table, Mapping) or "kind" not in table:
        raise SpecError(f"{where} must be a table with a kind; known are: {', '.join(known)}")
    kind = table["kind"]
    if not isinstance(kind, str) or kind not in known:
        raise SpecError(f"{where} kind: no {where.split()[-1]} is called {kind!r}; {did_you_mean(str(kind), known)}")
    return call(known[kind], {key: value for key, value in table.items() if key != "kind"}, where, noun=kind)


def _section(cls: Callable[..., Any], table: Any, where: str) -> Any:
    if not isinstance(table, Mapping):
        raise SpecError(f"{where} must be a table, but got {table!r}")
    return call(cls, table, where)


def needs_range_test(study: Study) -> bool:
    """Returns whether some hole takes its ends from a range test."""
    return any(isinstance(hole, FromRangeTest) for arm in study.arms for hole in arm.space.values())


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise SpecError(
            f"{where} must be 1 to 64 letters, digits, dots, dashes or underscores, starting with a letter or digit, "
            f"but got {value!r}"
        )
    return value


def _imports(names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SpecError(f'imports must be a list of modules, as in ["my_package.things"], but got {names!r}')
    return names


def _known_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise SpecError(f"{where} takes no key {key!r}; {did_you_mean(key, known)}")
