"""A registry maps the `kind` of a TOML table to the callable whose keyword arguments the rest of the table is.

There is one class and seven registries: schedules, data sets, models, optimizers, executors, figures and bound
rules. Registering is one edit, a decorator; the contract tests, `clr-study list` and did-you-mean find the new
thing by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from clr_study.errors import UnknownKindError, did_you_mean

F = TypeVar("F", bound=Callable[..., Any])


def snake_case(name: str) -> str:
    """Returns a class name as the kind that stands in a study file.

    Examples:
        >>> snake_case("WarmRestarts"), snake_case("Triangular2"), snake_case("small_cnn")
        ('warm_restarts', 'triangular2', 'small_cnn')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


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
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._things: dict[str, F] = {}

    def add(self, thing: F) -> F:
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
        self._things[kind] = thing
        return thing

    def kind_of(self, thing: object) -> str:
        """Returns the kind under which a registered callable stands."""
        return next(kind for kind, known in self._things.items() if known is thing)

    def __getitem__(self, kind: str) -> F:
        try:
            return self._things[kind]
        except (KeyError, TypeError):
            hint = did_you_mean(str(kind), self._things)
            raise UnknownKindError(f"no {self.noun} is called {kind!r}; {hint}") from None

    def __contains__(self, kind: object) -> bool:
        return kind in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._things))

    def __len__(self) -> int:
        return len(self._things)
