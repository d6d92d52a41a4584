"""`clr-study new`: a commented study file to start from."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from clr_study.cli.find import make_importable
from clr_study.cli.text import plain
from clr_study.data import DATASETS, folder_table
from clr_study.errors import InputError, did_you_mean
from clr_study.models import MODELS
from clr_study.registry import Registry
from clr_study.spec import parse_study
from clr_study.spec.make import kind_in, parameters_of

GIVEN = ("shape", "classes")
# What is asked for in a terminal, and what is taken where nobody is there to ask.
QUESTIONS = {
    "data": ("data: a kind (`clr-study list data`), a folder of images, or an .npz file", "digits"),
    "model": ("model: a kind (`clr-study list models`), or your own as my_module:my_net", "mlp"),
    "epochs": ("budget: how many epochs one run is long", 20),
}

TEXT = """\
# Which learning-rate schedule should this network be trained with?
#   clr-study check {file}     builds everything once, in seconds
#   clr-study plan {file}      says how long it will take here
#   clr-study run {file}       runs it; the same command again goes on where it stopped
name = {name}
question = "Does a cyclical learning rate beat a fixed and a decayed one here?"

# What there is: `clr-study list data`, `clr-study list models`. Your own network: kind = "my_module:my_net".
# A tenth of the training samples is held out to select settings on; another part of them with validation = 0.2 in here.
# Without a test split (of a folder of images: DIR/train/CLASS and DIR/test/CLASS) they are measured on those as well.
data = {data}
model = {model}
optim = {{ kind = "sgd", momentum = 0.9 }}
train = {{ batch_size = {batch_size}, epochs = {epochs}, evaluations = 20 }}

# Every arm gets as many trials. What holds {{ low, high }} below is searched, by the validation split.
search = {{ trials = 16, sampler = {{ kind = "random" }}, seed = 1 }}
# Then the best setting of each arm is measured on as many fresh seeds, on the test split.
measure = {{ seeds = 8 }}

[arms.fixed.schedule]
kind = "constant"
lr = {{ low = 1e-3, high = 1.0, log = true }}

[arms.decay.schedule]
kind = "cosine"
lr = {{ low = 1e-3, high = 1.0, log = true }}

[arms.clr.schedule]
kind = "triangular2"
max_lr = {{ low = 1e-3, high = 1.0, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}  # a part of max_lr
step_size = {{ low = {shortest:g}, high = {longest:g}, unit = "epochs" }}  # half a cycle
"""


def asked(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answers with those that were not given: asked for in a terminal, or else the usual ones.

    Args:
        answers: By question; None where it has no answer yet.
    """
    ask = sys.stdin.isatty()
    make_importable()
    found = {}
    for name, (question, usual) in QUESTIONS.items():
        given = answers[name]
        if given is None and ask:
            given = click.prompt(question, default=usual, value_proc=ANSWERS[name], err=True)
        found[name] = usual if given is None else given
    return found


def new_study(name: str, data: str, model: str, epochs: int, batch_size: int) -> Path:
    """Writes a study file `NAME.toml` into the current folder and returns its path.

    Args:
        name: The study's name.
        data: A kind of data set, a folder of images, an .npz file, or a whole table as
            `{ kind = "image_folder", root = "pets" }`.
        model: A kind of model, or a whole table.
        epochs: How long every run is, in passes over the training split.
        batch_size: Samples an update.

    Raises:
        InputError: The file is there already, or what it would say cannot be; nothing is written.
    """
    path = Path(f"{name}.toml")
    make_importable()
    text = TEXT.format(
        file=path,
        name=json.dumps(name),
        data=_data(data),
        model=_model(model),
        epochs=epochs,
        batch_size=batch_size,
        # Cycles of the length that the paper has, but two to a run at least.
        shortest=min(2, epochs / 10),
        longest=min(10, epochs / 4),
    )
    parse_study(text, where=str(path))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} is there already; give another name, or remove it first") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _data(given: str) -> str:
    """The TOML table of the data: a folder of images or an .npz file that is there, or a kind."""
    table = _of_files(given)
    if not table and not given.lstrip().startswith("{") and given not in DATASETS and ":" not in given:
        raise InputError(
            f"--data {given}: there is no such folder or .npz file here ({str(Path.cwd())!r}), and no data set is "
            f"called {given!r}; {did_you_mean(given, DATASETS)}"
        )
    return table or _table(given, DATASETS, "--data")


def _model(given: str) -> str:
    return _table(given, MODELS, "--model")


def _answer(table: Callable[[str], str]) -> Callable[[str], str]:
    """Takes an answer that `table` takes; asks again where it does not."""

    def taken(given: str) -> str:
        try:
            table(given)
        except InputError as error:
            raise click.BadParameter(plain(str(error))) from None
        return given

    return taken


ANSWERS: dict[str, Callable[[str], Any]] = {
    "data": _answer(_data),
    "model": _answer(_model),
    "epochs": click.IntRange(1),
}


def _of_files(given: str) -> str:
    """The TOML table of a folder of images or of an .npz file; empty if it is neither."""
    if given in DATASETS or given.lstrip().startswith("{"):
        return ""
    table: Mapping[str, Any] = {}
    if Path(given).expanduser().is_dir():
        table = folder_table(given)
    elif given.endswith(".npz"):
        table = {"kind": "npz", "path": given}
    return f"{{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in table.items())} }}" if table else ""


def _table(given: str, registry: Registry[Any], flag: str) -> str:
    """The TOML table of a kind, or the table itself; a kind that needs arguments is refused."""
    if given.lstrip().startswith("{"):
        return given
    thing = kind_in(registry, given, flag)
    needed = [
        parameter.name
        for parameter in parameters_of(thing, f"{flag} {given}").values()
        if parameter.default is parameter.empty
        and parameter.name not in GIVEN
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    if needed:
        arguments = ", ".join(f"{argument} = ..." for argument in needed)
        raise InputError(
            f"{flag} {given} needs {' and '.join(needed)}: give a whole table, as in "
            f"{flag} '{{ kind = {json.dumps(given)}, {arguments} }}'"
            + (" (what is called shape or classes there is filled in from the data)" if registry is MODELS else "")
        )
    return f"{{ kind = {json.dumps(given)} }}"
