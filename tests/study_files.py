"""A study file that uses every section, and ways to break it in one place."""

from __future__ import annotations

import copy
import json
import tomllib

TEXT = """
name = "whole"
question = "Which one?"
metric = "accuracy"
data = { kind = "digits", validation = 0.2, augment = [{ kind = "crop", pad = 1 }] }
model = { kind = "mlp", hidden = [8], activation = { choices = ["relu", "tanh"] } }
optim = { kind = "sgd", momentum = { low = 0.5, high = 0.99 } }
train = { batch_size = 32, epochs = 2, evaluations = 5 }
range_test = { low = 1e-3, high = 1.0, epochs = 2, ramp = "linear", seeds = 3, rule = "smith" }
search = { trials = 2, seed = 1, sampler = { kind = "tpe", batch = 2 }, pruner = { kind = "median", warmup = 0.5 } }
measure = { seeds = 3 }
target = { accuracy = 0.5 }
[arms.fixed]
updates = 30
schedule = { kind = "constant", lr = { from = "range_test", times = [0.3, 1.0] } }
[arms.clr.schedule]
kind = "triangular2"
max_lr = { low = 0.01, high = 0.1, log = true }
base_lr = { times = "max_lr", low = 0.05, high = 0.5 }
step_size = { low = 2, high = 10, unit = "epochs" }
[arms.stages.schedule]
kind = "joined"
boundaries = [{ value = 1, unit = "epochs" }]
schedules = [{ kind = "linear_ramp", low = 0.01, high = 0.1, updates = 10 }, { kind = "cosine", lr = 0.1 }]
"""
WHOLE = tomllib.loads(TEXT)


def places(node, path=()):
    """Every place of the file, tables and lists included."""
    if path:
        yield path
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(value, (*path, key))


PLACES = list(places(WHOLE))
KEYS = sorted({key for path in PLACES for key in path if isinstance(key, str)} - {"imports"})
WORDS = [
    *KEYS,
    "",
    "none",
    "adam",
    "decay",
    "qmc",
    "grid",
    "hyperband",
    "\x1b[31m",
    "a\nb",
    "<script>",
    "../up",
    "é" * 300,
]
NUMBERS = [0, -1, 1, 3, 10**9, 10**10, 2**63, 10**400, 0.0, -0.5, 1e-320, 1e-300, 0.3, 1.0, 1e300, 1.7e308]


def toml(value) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else hex_or_decimal(value)


def hex_or_decimal(value: float) -> str:
    return hex(value) if isinstance(value, int) and value > 2**64 else repr(value)


def changed(path, action, value):
    """The file with one place replaced, removed, renamed or given a neighbour."""
    table = copy.deepcopy(WHOLE)
    *way, last = path
    node = table
    for key in way:
        node = node[key]
    if action == "replace":
        node[last] = value
    elif action == "remove":
        del node[last]
    elif isinstance(node, dict):
        new = value if isinstance(value, str) else f"{last}s"
        node[new] = node[last] if action == "copy" else node.pop(last)
    else:
        node.append(value)
    return "\n".join(f"{json.dumps(key)} = {toml(part)}" for key, part in table.items())
