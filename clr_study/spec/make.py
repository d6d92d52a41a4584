"""Makes a registered thing from its TOML table: the table's keys are the callable's keyword arguments."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from clr_study.errors import ClrStudyError, SpecError, did_you_mean
from clr_study.registry import Registry

_ANY_TYPE = ConfigDict(arbitrary_types_allowed=True)


def make(registry: Registry[Any], table: Mapping[str, Any], where: str, **given: Any) -> Any:
    """Returns what a table of a study file asks for.

    Args:
        registry: Where its `kind` is looked up.
        table: `kind` and the keyword arguments. A kind with a colon is imported: `my_package.nets:make_net`.
        where: The place in the file, for messages: `[model]`.
        **given: Arguments that the table need not and may not hold, as the shape of a model's input. A callable that
            takes no such argument does without.

    Raises:
        UnknownKindError: No such kind.
        SpecError: The kind cannot be imported, or an argument is unknown, missing, of the wrong type, or refused by the
            thing itself.

    Examples:
        >>> from clr_study.schedules import SCHEDULES
        >>> make(SCHEDULES, {"kind": "constant", "lr": 0.1}, "[arms.fixed.schedule]")
        Constant(lr=0.1)
        >>> make(SCHEDULES, {"kind": "constant", "rl": 0.1}, "[arms.fixed.schedule]")
        Traceback (most recent call last):
        clr_study.errors.SpecError: [arms.fixed.schedule] constant takes no key 'rl'; known are: lr
    """
    if not isinstance(table, Mapping):
        raise SpecError(f"{where} must be a table with a kind, but got {table!r}")
    if "kind" not in table:
        raise SpecError(f"{where} has no kind; {registry.noun}s are: {', '.join(registry)}")
    thing = kind_in(registry, table["kind"], where)
    arguments = {key: value for key, value in table.items() if key != "kind"}
    for key in given:
        if key in arguments:
            raise SpecError(f"{where} {table['kind']} gets its {key} from the data; leave {key} out")
    parameters = parameters_of(thing, f"{where} {table['kind']}")
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    taken = {key: value for key, value in given.items() if key in parameters or open_ended}
    return call(thing, arguments, where, noun=str(table["kind"]), given=taken)


def arguments_of(
    registry: Registry[Any], table: Mapping[str, Any], where: str, given: tuple[str, ...]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Returns the registered function that a table names, and the keyword arguments that the table holds for it.

    Args:
        registry: Where its `kind` is looked up.
        table: `kind` and the keyword arguments, each checked against its annotation.
        where: The place in the file, for messages.
        given: What the function gets when it is called, by position: the first of its parameters.

    Raises:
        UnknownKindError: No such kind.
        SpecError: An argument is unknown, missing or of the wrong type.
    """
    if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
        raise SpecError(f"{where} must be a table with a kind; known are: {', '.join(registry)}")
    kind = table["kind"]
    thing = kind_in(registry, kind, where)
    names = list(parameters_of(thing, f"{where} {kind}"))
    arguments = {key: value for key, value in table.items() if key != "kind"}
    known = names[len(given) :]
    for key in arguments:
        if key not in known:
            hint = did_you_mean(key, known) if known else "it takes none"
            raise SpecError(f"{where} {kind} takes no key {key!r}; {hint}")
    for name in known:
        if parameters_of(thing, where)[name].default is inspect.Parameter.empty and name not in arguments:
            raise SpecError(f"{where} {kind} needs the key {name!r}")
    return thing, {key: checked_value(thing, key, value, where) for key, value in arguments.items()}


def kind_in(registry: Registry[Any], kind: Any, where: str) -> Callable[..., Any]:
    """Returns the registered thing, or raises with the place in the file."""
    try:
        return registry[kind]
    except ClrStudyError as error:
        raise type(error)(f"{where} kind: {error}") from None


def parameters_of(thing: Callable[..., Any], where: str) -> Mapping[str, inspect.Parameter]:
    """Returns what a callable takes, by name.

    Raises:
        SpecError: It does not say, as some functions written in C.
    """
    try:
        return _parameters(thing)
    except ValueError:
        raise SpecError(f"{where} does not say what it takes; wrap it in a function of your own") from None


@cache
def _parameters(thing: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(thing).parameters


def call(
    thing: Callable[..., Any],
    arguments: Mapping[str, Any],
    where: str,
    noun: str = "",
    given: Mapping[str, Any] | None = None,
) -> Any:
    """Calls a function or class with arguments from a file, each checked against its annotation.

    Raises:
        SpecError: An argument is unknown, missing, of the wrong type, or refused by the thing itself.
    """
    given = given or {}
    noun = noun or getattr(thing, "__name__", "it").lower()
    parameters = {
        name: parameter
        for name, parameter in _parameters(thing).items()
        if name not in given and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    open_ended = any(p.kind is p.VAR_KEYWORD for p in _parameters(thing).values())
    for key in arguments:
        if key not in parameters and not open_ended:
            hint = did_you_mean(key, parameters) if parameters else "it takes none"
            raise SpecError(f"{where} {noun} takes no key {key!r}; {hint}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise SpecError(f"{where} {noun} needs the key {name!r}")
    checked = {key: checked_value(thing, key, value, where) for key, value in arguments.items()}
    try:
        return thing(**checked, **given)
    except ClrStudyError as error:
        raise (error if str(error).startswith(where) else type(error)(f"{where} {error}")) from error.__cause__
    except ValueError as error:
        raise SpecError(f"{where} {error}") from None


def checked_value(thing: Callable[..., Any], key: str, value: Any, where: str) -> Any:
    """Returns a value in the type of its annotation, or raises; nothing is converted but lists and whole numbers."""
    hint = _hints(thing).get(key)
    if hint is None:
        return value
    try:
        return _adapter(hint).validate_python(_tuples(value), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        spot = "".join(f"[{part}]" for part in first["loc"] if isinstance(part, int))
        message = first["msg"].removeprefix("Input ").removeprefix("Value error, ")
        raise SpecError(f"{where} {key}{spot} {message}, but got {value!r}") from None


@cache
def _hints(thing: Callable[..., Any]) -> dict[str, Any]:
    target = thing.__init__ if inspect.isclass(thing) and "__init__" in vars(thing) else thing
    try:
        hints = typing.get_type_hints(thing) if inspect.isclass(thing) else {}
        return {**hints, **typing.get_type_hints(target)}
    except NameError:  # a user's annotation of what is imported for type checkers only: it is not checked here
        return {}


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint, config=_ANY_TYPE)
    except Exception:  # a dataclass refuses a foreign configuration, and needs none
        return TypeAdapter(hint)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, (list, tuple)) else value
