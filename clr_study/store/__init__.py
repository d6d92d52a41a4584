"""The store: studies, runs, their curves and their ends, in a SQL database beside Optuna's own tables.

Examples:
    >>> import tempfile
    >>> from clr_study.spec import Evaluation, Outcome, PlannedRun, RunKey, TrialSpec, parse_study
    >>> study = parse_study('''name = "flat"
    ... data = { kind = "digits" }
    ... model = { kind = "mlp" }
    ... train = { batch_size = 32, updates = 2 }
    ... [arms.fixed.schedule]
    ... kind = "constant"
    ... lr = 0.1
    ... ''')
    >>> key = RunKey("flat", "fixed", "measure", trial=0, seed=7)
    >>> spec = TrialSpec(study="flat", data={"kind": "digits"}, model={"kind": "mlp"}, optim={"kind": "sgd"},
    ...     schedule={"kind": "constant", "lr": 0.1}, batch_size=32, updates=2, evaluate_at=(2,), seed=7, test=True)
    >>> look = Evaluation(update=2, epoch=0.05, seconds=0.1, lr=0.1, train_loss=2.0, validation_loss=1.5,
    ...     validation_accuracy=0.5, test_loss=1.75, test_accuracy=0.25, losses=[2.5, 1.5])
    >>> with tempfile.TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/results.db") as store:
    ...     add_study(store, study)
    ...     plan_runs(store, [PlannedRun(key, spec, values={})])
    ...     append(store, [(key, look)])
    ...     finish(store, [Outcome(key, "completed", updates=2)], device="cpu", versions={})
    ...     run_endings(store, "flat")[key], read_losses(store, key).tolist()
    ...     read_results(store, "flat").measured("fixed", "test_accuracy").final
    ('completed', [2.5, 1.5])
    array([0.25])
"""

from clr_study.store.connect import Store, engine_options, open_store
from clr_study.store.copy import copy_rows, drop_checkpoints
from clr_study.store.forget import forget
from clr_study.store.lanes import keep_lanes, kept_lanes
from clr_study.store.leaders import Leader, leaders
from clr_study.store.lease import Lease, own
from clr_study.store.overview import Overview, StoredStudy, optunas_version, overview, upgrade_storage
from clr_study.store.plan import plan_runs
from clr_study.store.progress import ArmProgress, Progress, progress
from clr_study.store.read import (
    read_losses,
    read_results,
    run_endings,
    stored_study,
    study_names,
)
from clr_study.store.scores import scores_at
from clr_study.store.standings import Standing, paths_in_use, standings
from clr_study.store.studies import add_study
from clr_study.store.transact import patiently
from clr_study.store.trials import TrialWriter, TunedTrial
from clr_study.store.write import add_range_test, append, finish, set_winner

__all__ = [
    "ArmProgress",
    "Leader",
    "Lease",
    "Overview",
    "Progress",
    "Standing",
    "Store",
    "StoredStudy",
    "TrialWriter",
    "TunedTrial",
    "add_range_test",
    "add_study",
    "append",
    "copy_rows",
    "drop_checkpoints",
    "engine_options",
    "finish",
    "forget",
    "keep_lanes",
    "kept_lanes",
    "leaders",
    "open_store",
    "optunas_version",
    "overview",
    "own",
    "paths_in_use",
    "patiently",
    "plan_runs",
    "progress",
    "read_losses",
    "read_results",
    "run_endings",
    "scores_at",
    "set_winner",
    "standings",
    "stored_study",
    "study_names",
    "upgrade_storage",
]
