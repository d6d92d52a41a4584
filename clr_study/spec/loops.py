"""Training loops of the user's own: a study that names one has no data, model and optimizer for us to build."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clr_study.errors import SpecError
from clr_study.registry import named
from clr_study.spec.trial import OWN_LOOP

# Loops that were handed over as they are: one that lives in a notebook, or in another function, cannot be imported.
_GIVEN: dict[str, Callable[..., Any]] = {}
OURS = ("data", "model", "optim", "loss", "range_test")


def path_of(train_fn: Callable[..., Any]) -> str:
    """Returns the name under which a study knows a training loop: its module, a colon, and its name there.

    Examples:
        >>> import json
        >>> path_of(json.dumps)
        'json:dumps'
    """
    thing = train_fn if hasattr(train_fn, "__qualname__") else type(train_fn)
    return f"{thing.__module__}:{thing.__qualname__}"


def give_loop(train_fn: Callable[..., Any]) -> str:
    """Makes a training loop known to this process, and returns its path."""
    path = path_of(train_fn)
    _GIVEN[path] = train_fn
    return path


def loop_of(path: str) -> Callable[..., Any]:
    """Returns the training loop of a path: one that was given to this process, or else an import.

    Raises:
        SpecError: It cannot be imported.
    """
    return _GIVEN[path] if path in _GIVEN else named(path)


def with_own_loop(table: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a study file's table with what stands for the parts that the user's own training loop brings.

    Raises:
        SpecError: The table has such parts beside it, or a pruner: a loop cannot be stopped and gone on with.
    """
    path = table["train_fn"]
    if not isinstance(path, str) or ":" not in path:
        raise SpecError(
            f"train_fn must be a module, a colon and a function in it, as in 'mine:train', but got {path!r}"
        )
    for key in OURS:
        if key in table:
            raise SpecError(f"[{key}] does not go with train_fn, which brings its own; leave one of the two out")
    search = table.get("search", {})
    if isinstance(search, Mapping) and search.get("pruner", {"kind": "none"}) != {"kind": "none"}:
        raise SpecError('[search] pruner must be { kind = "none" } with train_fn: only our own loop can be interrupted')
    stand_in = {"kind": OWN_LOOP}
    return {**table, "data": stand_in, "model": stand_in, "optim": stand_in}
