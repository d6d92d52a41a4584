"""The store: studies, runs, their curves and their ends, in a SQL database beside Optuna's own tables."""

from clr_study.store.connect import Store, open_store
from clr_study.store.lease import Lease, own
from clr_study.store.progress import ArmProgress, Progress, progress
from clr_study.store.read import (
    checkpoints_of,
    read_losses,
    read_results,
    run_endings,
    stored_study,
    study_names,
)
from clr_study.store.scores import scores_at
from clr_study.store.write import add_range_test, add_study, append, finish, plan_runs, set_winner

__all__ = [
    "ArmProgress",
    "Lease",
    "Progress",
    "Store",
    "add_range_test",
    "add_study",
    "append",
    "checkpoints_of",
    "finish",
    "open_store",
    "own",
    "plan_runs",
    "progress",
    "read_losses",
    "read_results",
    "run_endings",
    "scores_at",
    "set_winner",
    "stored_study",
    "study_names",
]
