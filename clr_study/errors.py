"""Every exception that clr_study raises on purpose.

::

    ClrStudyError
    ├── InputError            something the user gave is wrong; nothing was written     (exit code 2)
    │   ├── UnknownKindError  a kind that no registry knows
    │   ├── SpecError         a study file, or a value in it
    │   ├── DataError         a data set that is missing, unreadable or unfit
    │   └── StorageError      a database that cannot be opened, or that someone else holds
    ├── UnfinishedError       the study could not finish; what there is is saved        (exit code 1)
    └── DivergedError         ends a run in the user's own training loop; the study goes on

A message names the value, the place where it stands, and what would have been right. A bug is none of these: it
keeps Python's own exception and its traceback.
"""

from __future__ import annotations

import difflib
import os
import site
import traceback
from collections.abc import Iterable

# Files of others: a trace that leads into them is cut where the user's own code ends.
_LIBRARIES = tuple({os.path.dirname(os.__file__), os.path.dirname(__file__), *site.getsitepackages()})
_FRAMES = 3


class ClrStudyError(Exception):
    """The root of the tree: catch it to catch whatever clr_study raises on purpose."""

    exit_code = 1


class InputError(ClrStudyError):
    """Something that the user gave is wrong; nothing was written."""

    exit_code = 2


class UnknownKindError(InputError):
    """A kind that no registry knows."""


class SpecError(InputError):
    """A study file, or a value in it, is wrong."""


class DataError(InputError):
    """A data set is missing, unreadable or unfit for what is asked of it."""


class StorageError(InputError):
    """A database cannot be opened, or belongs to someone else."""


class UnfinishedError(ClrStudyError):
    """The study could not finish; everything that was done is saved."""


class DivergedError(ClrStudyError):
    """A metric that the user's own training loop reported is not finite: this run is over, and the study goes on."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns the tail of a message about an unknown word: the nearest known one, or all of them.

    Args:
        word: What was given.
        known: What would have been right.

    Examples:
        >>> did_you_mean("triangle", ["constant", "triangular", "cosine"])
        "did you mean 'triangular'?"
        >>> did_you_mean("zzz", ["constant", "cosine"])
        'known are: constant, cosine'
    """
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(names)}"


def short_trace(error: BaseException) -> str:
    """Returns an exception in one line: what it says, and where in the user's own code, the innermost place first.

    Args:
        error: As it was caught.

    Examples:
        >>> try:
        ...     float("x")
        ... except ValueError as error:
        ...     print(short_trace(error).partition(", ")[0])
        ValueError: could not convert string to float: 'x' (<doctest clr_study.errors.short_trace[0]>
    """
    words = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    place = place_of(error)
    return f"{words} ({place})" if place else words


def place_of(error: BaseException) -> str:
    """Returns where in the user's own code an exception was raised, the innermost place first; empty if nowhere.

    Args:
        error: As it was caught.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    own = [frame for frame in frames if not frame.filename.startswith(_LIBRARIES)] or frames[-1:]
    places = [f"{frame.filename}, line {frame.lineno}, in {frame.name}" for frame in reversed(own[-_FRAMES:])]
    return ", called from ".join(places)
