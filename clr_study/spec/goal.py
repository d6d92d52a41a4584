"""What a study is decided by: the metric, and the target of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_study.errors import SpecError, did_you_mean
from clr_study.metrics import ALWAYS, LONGEST_NAME, METRICS, declare
from clr_study.spec.make import call
from clr_study.spec.sections import Target


def parse_metric(value: Any) -> str:
    """Returns the metric that decides; a training loop of one's own may say the direction of one that we do not know.

    Args:
        value: A name, or a table with `name` and `better`.

    Raises:
        SpecError: There is no such metric.

    Examples:
        >>> parse_metric("rmse"), parse_metric({"name": "wer", "better": "lower"})
        ('rmse', 'wer')
    """
    if isinstance(value, Mapping):
        call(declare, value, "metric")
        return str(value["name"])
    if not isinstance(value, str) or value not in METRICS or len(value) > LONGEST_NAME:
        raise SpecError(
            f"metric: no metric is called {value!r}; {did_you_mean(str(value), METRICS)}; a training loop of your own "
            'may measure another one: metric = { name = "bleu", better = "higher" }'
        )
    return value


def parse_target(table: Any, metric: str) -> Target:
    """Returns the value the time to which is reported.

    Args:
        table: One metric with its value.
        metric: The one that decides.

    Raises:
        SpecError: It is not measured, or no run could have such a value.

    Examples:
        >>> parse_target({"accuracy": 0.89}, "accuracy")
        Target(metric='accuracy', value=0.89)
    """
    if not isinstance(table, Mapping) or len(table) != 1:
        raise SpecError(f"[target] must be a table with one metric, as in {{ accuracy = 0.89 }}, but got {table!r}")
    ((name, value),) = table.items()
    known = dict.fromkeys((*ALWAYS, metric))
    if name not in known:
        raise SpecError(f"[target] target takes no key {name!r}; {did_you_mean(name, known)}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SpecError(f"[target] {name} must be a number, but got {value!r}")
    try:
        return Target(metric=name, value=float(value))
    except ValueError as error:
        raise SpecError(f"[target] {error}") from None
