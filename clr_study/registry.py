"""A registry maps the `kind` of a TOML table to the callable whose keyword arguments the rest of the table is.

There is one class and seven registries: schedules, data sets, models, optimizers, executors, figures and bound
rules. Registering is one edit, a decorator; the contract tests, `clr-study list` and did-you-mean find the new
thing by themselves. What is not registered stands in a file by its path, as `my_package.nets:make_net`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module, invalidate_caches
from typing import Any, Generic, TypeVar

from clr_study.errors import SpecError, UnknownKindError, did_you_mean, short_trace

F = TypeVar("F", bound=Callable[..., Any])
Given = TypeVar("Given", bound=Callable[..., Any])


def snake_case(name: str) -> str:
    """Returns a class name as the kind that stands in a study file.

    Examples:
        >>> snake_case("WarmRestarts"), snake_case("Triangular2"), snake_case("small_cnn")
        ('warm_restarts', 'triangular2', 'small_cnn')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def named(path: str) -> Callable[..., Any]:
    """Imports what a path names: the module, a colon, and the function or class in it.

    Args:
        path: `my_package.nets:make_net`.

    Raises:
        SpecError: The module cannot be imported, has no such name, or the name is of nothing that can be called.

    Examples:
        >>> named("math:hypot")(3, 4)
        5.0
        >>> named("math:hypo")
        Traceback (most recent call last):
        clr_study.errors.SpecError: 'math:hypo': the module 'math' has no 'hypo'; did you mean 'hypot'?
        >>> named("math:pi")
        Traceback (most recent call last):
        clr_study.errors.SpecError: 'math:pi' is a float, which cannot be called; name a function or a class
    """
    module, _, name = path.partition(":")
    if module.endswith(".py"):
        dotted = module.removesuffix(".py").lstrip("./").replace("/", ".")
        raise SpecError(f"{path!r} names a file; name the module instead: {f'{dotted}:{name}'!r}")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise SpecError(f"{path!r} must be a module, a colon and a name in it, as in 'my_package.nets:make_net'")
    thing = imported(module, repr(path))
    for part in name.split("."):
        if not hasattr(thing, part):
            hint = did_you_mean(part, (known for known in dir(thing) if not known.startswith("_")))
            raise SpecError(f"{path!r}: the module {module!r} has no {name!r}; {hint}")
        thing = getattr(thing, part)
    if not callable(thing):
        raise SpecError(f"{path!r} is a {type(thing).__name__}, which cannot be called; name a function or a class")
    return thing


def imported(module: str, where: str) -> Any:
    """Imports a module of the user's.

    Args:
        module: Its name.
        where: What names it, for messages.

    Raises:
        SpecError: It is not there, or fails: the end of its own trace says where.
    """
    invalidate_caches()  # a file that was written a moment ago, as from a notebook, is not in them yet
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            folders = ", ".join(repr(folder) for folder in sys.path[-2:])
            raise SpecError(
                f"{where}: there is no module {error.name!r}; looked for on Python's path, which ends in {folders}: "
                "call it from the module's folder, or put that into PYTHONPATH"
            ) from None
        failed: BaseException = error
    except (Exception, SystemExit) as error:
        failed = error
    raise SpecError(f"{where}: the module {module!r} cannot be imported: {short_trace(failed)}") from failed


class Registry(Mapping[str, Callable[..., Any]], Generic[F]):
    """A read-only mapping from kind to callable, filled by its decorator `add`.

    Args:
        noun: What it registers, in the singular, for messages: `"schedule"`.

    Examples:
        >>> SHAPES = Registry("shape")
        >>> @SHAPES.add
        ... def small_square(side): ...
        >>> SHAPES["small_square"] is small_square
        True
        >>> SHAPES["smal_square"]
        Traceback (most recent call last):
        clr_study.errors.UnknownKindError: no shape is called 'smal_square'; did you mean 'small_square'?
        >>> SHAPES["math:hypot"](3, 4)
        5.0
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._things: dict[str, F] = {}

    def add(self, thing: Given) -> Given:
        """Registers a function or class under its own name in snake case, and returns it unchanged.

        Raises:
            ValueError: Another thing has that kind already.
        """
        kind = snake_case(thing.__name__)
        other = self._things.get(kind)
        if other is not None and (other.__module__, other.__qualname__) != (
            thing.__module__,
            thing.__qualname__,
        ):
            raise ValueError(f"two {self.noun}s are called {kind!r}: {other.__module__} and {thing.__module__}")
        # Typed apart from F, so that a class keeps its own type under the decorator, in a user's editor too.
        self._things[kind] = thing  # type: ignore[assignment]
        return thing

    def kind_of(self, thing: object) -> str:
        """Returns the kind under which a callable stands: that of its registration, or else its path."""
        for kind, known in self._things.items():
            if known is thing:
                return kind
        return f"{thing.__module__}:{thing.__qualname__}"  # type: ignore[attr-defined]

    def __getitem__(self, kind: str) -> F:
        if isinstance(kind, str) and ":" in kind:
            return named(kind)  # type: ignore[return-value]
        try:
            return self._things[kind]
        except (KeyError, TypeError):
            hint = did_you_mean(str(kind), self._things)
            own = (
                f"; one of your own stands as 'my_module:{kind}'"
                if str(kind).isidentifier() and "?" not in hint
                else ""
            )
            raise UnknownKindError(f"no {self.noun} is called {kind!r}; {hint}{own}") from None

    def __contains__(self, kind: object) -> bool:
        return kind in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._things))

    def __len__(self) -> int:
        return len(self._things)
