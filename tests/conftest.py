from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Before torch is imported: threads that spin while they wait slow every other test down.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parent))
# A shell has its background jobs ignore Ctrl-C, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from servers import MARIADB, MARIADB_INSTALL, MariaDb, Postgres, Server, running

from clr_study.analysis import BOUND_RULES
from clr_study.data import AUGMENTATIONS, DATASETS
from clr_study.losses import LOSSES
from clr_study.metrics import METRICS
from clr_study.models import MODELS
from clr_study.optim import OPTIMIZERS
from clr_study.report import FIGURES, JOINT_FIGURES
from clr_study.schedules import SCHEDULES

REGISTRIES = (
    AUGMENTATIONS,
    BOUND_RULES,
    DATASETS,
    FIGURES,
    JOINT_FIGURES,
    LOSSES,
    METRICS,
    MODELS,
    OPTIMIZERS,
    SCHEDULES,
)
SERVERS = ("postgresql", "mariadb")


@pytest.fixture
def nothing_stays_registered() -> Iterator[None]:
    """Takes back what a test has registered, which the tests of a registry's whole would else find in it."""
    before = [dict(registry._things) for registry in REGISTRIES]
    yield
    for registry, known in zip(REGISTRIES, before, strict=True):
        for kind in registry._things.keys() - known.keys():
            thing = registry._things[kind]
            if not thing.__module__.startswith("clr_study.") or "<locals>" in thing.__qualname__:
                del registry._things[kind]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of this test session, started by the first test that needs it."""
    with running(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A MariaDB server of this test session, likewise."""
    if not (MARIADB and MARIADB_INSTALL):
        pytest.skip("there is no MariaDB here; Debian's package is mariadb-server")
    with running(MariaDb) as server:
        yield server


@pytest.fixture(params=SERVERS)
def server(request) -> Server:
    """Each of the two servers."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["sqlite", *SERVERS])
def storage_url(request, tmp_path) -> Iterator[str]:
    """The URL of an empty storage, on each of the three backends."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/results.db"
        return
    with request.getfixturevalue(request.param).fresh() as made:
        yield made


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    """A Ray cluster whose head this process is connected to; two cores a node, and a node more costs a second."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.update(RAY_worker_niceness="0")  # as Ray has it, other programs can keep a worker from starting in time
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 2, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    before = signal.getsignal(signal.SIGTERM)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    signal.signal(signal.SIGTERM, before)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def clr_study():
    """Calls the command line in this process; returns click's result."""
    from click.testing import CliRunner

    from clr_study.cli import main

    def call(*words: str, **options):
        return CliRunner().invoke(main, list(words), **options)

    return call
