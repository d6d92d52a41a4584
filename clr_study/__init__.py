"""Which learning-rate schedule should I train this network with, how sure is that, and what did finding out cost?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import clr_study.report.figure as figures
    from clr_study import data, losses, metrics, models, optim, schedules
    from clr_study import optim as optimizers
    from clr_study.analysis import compare
    from clr_study.check import check_study
    from clr_study.data import augment as augmentations
    from clr_study.report import figure, frames, write_report
    from clr_study.search import FoundBounds, range_test, run_range_test, run_study, tune
    from clr_study.spec import Results, Study, load_study, parse_study
    from clr_study.store import open_store, read_results
    from clr_study.where import Where
    from clr_study.worker import Trial

from clr_study.version import __version__ as __version__

__all__ = [
    "FoundBounds",
    "Results",
    "Study",
    "Trial",
    "Where",
    "augmentations",
    "check_study",
    "compare",
    "data",
    "figure",
    "figures",
    "frames",
    "load_study",
    "losses",
    "metrics",
    "models",
    "open_store",
    "optim",
    "optimizers",
    "parse_study",
    "range_test",
    "read_results",
    "run_range_test",
    "run_study",
    "schedules",
    "tune",
    "write_report",
]

# Where each name lives. They are imported when they are asked for: `import clr_study` costs no torch.
_HOMES = {
    "FoundBounds": "clr_study.search:FoundBounds",
    "Results": "clr_study.spec:Results",
    "Study": "clr_study.spec:Study",
    "Trial": "clr_study.worker:Trial",
    "Where": "clr_study.where:Where",
    "augmentations": "clr_study.data.augment",
    "check_study": "clr_study.check:check_study",
    "compare": "clr_study.analysis:compare",
    "data": "clr_study.data",
    "figure": "clr_study.report:figure",
    "figures": "clr_study.report.figure",
    "frames": "clr_study.report:frames",
    "load_study": "clr_study.spec:load_study",
    "losses": "clr_study.losses",
    "metrics": "clr_study.metrics",
    "models": "clr_study.models",
    "open_store": "clr_study.store:open_store",
    "optim": "clr_study.optim",
    "optimizers": "clr_study.optim",
    "parse_study": "clr_study.spec:parse_study",
    "range_test": "clr_study.search:range_test",
    "read_results": "clr_study.store:read_results",
    "run_range_test": "clr_study.search:run_range_test",
    "run_study": "clr_study.search:run_study",
    "schedules": "clr_study.schedules",
    "tune": "clr_study.search:tune",
    "write_report": "clr_study.report:write_report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'clr_study' has no attribute {name!r}")
    module, _, thing = _HOMES[name].partition(":")
    found = import_module(module)
    return getattr(found, thing) if thing else found


def __dir__() -> list[str]:
    return [*globals(), *__all__]
