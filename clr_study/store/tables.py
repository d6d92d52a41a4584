"""The tables, as they are after the newest migration; `migrations` holds the way there.

Times are UTC without a zone. A number that is not finite is kept as NULL, which comes back as NaN: not every database
knows NaN. Arrays are little-endian bytes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

LONG_TEXT: TypeEngine[str] = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
BYTES: TypeEngine[bytes] = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
# MySQL compares letters without their case unless told: arms `A` and `a` would be one.
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

metadata = MetaData()

studies = Table(
    "clr_studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("question", LONG_TEXT, nullable=False),
    Column("metric", String(16), nullable=False),
    Column("source", LONG_TEXT, nullable=False),  # the study file's text
    Column("created", DateTime, nullable=False),
    **MYSQL,
)

runs = Table(
    "clr_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey(studies.c.id), nullable=False),
    Column("arm", String(128), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("trial", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("spec", LONG_TEXT, nullable=False),
    Column("spec_hash", String(64), nullable=False),
    Column("budget", Integer, nullable=False),  # the spec's updates, where sums can reach it
    Column("values", LONG_TEXT, nullable=False),
    Column("outcome", String(16)),  # NULL until the run has ended
    Column("updates", Integer),
    Column("device", LONG_TEXT),
    Column("versions", LONG_TEXT),
    Column("note", LONG_TEXT),
    Column("created", DateTime, nullable=False),
    Column("ended", DateTime),
    UniqueConstraint("study_id", "arm", "phase", "trial", "seed", name="clr_runs_key"),
    **MYSQL,
)

evaluations = Table(
    "clr_evaluations",
    metadata,
    Column("run_id", Integer, ForeignKey(runs.c.id), primary_key=True, autoincrement=False),
    Column("update", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("lr", Double),
    Column("train_loss", Double),
    Column("validation_loss", Double),
    Column("validation_accuracy", Double),
    Column("test_loss", Double),
    Column("test_accuracy", Double),
    Column("validation_metric", Double),  # the metric that decides, where it is neither accuracy nor loss
    Column("test_metric", Double),
    sqlite_with_rowid=False,  # the rows of a run lie together
    **MYSQL,
)

losses = Table(
    "clr_losses",
    metadata,
    Column("run_id", Integer, ForeignKey(runs.c.id), primary_key=True, autoincrement=False),
    Column("update", Integer, primary_key=True, autoincrement=False),  # the interval's end
    Column("values", BYTES, nullable=False),  # float32, one for each update of the interval
    **MYSQL,
)

range_tests = Table(
    "clr_range_tests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey(studies.c.id), nullable=False),
    Column("ramp", String(16), nullable=False),
    Column("arm", String(128), nullable=False),
    Column("lrs", BYTES, nullable=False),  # float64 [T]
    Column("accuracies", BYTES, nullable=False),  # float64 [S, T]
    Column("losses", BYTES, nullable=False),  # float64 [S, T]
    Column("seeds", LONG_TEXT, nullable=False),
    Column("bounds", LONG_TEXT, nullable=False),
    Column("created", DateTime, nullable=False),
    UniqueConstraint("study_id", "ramp", name="clr_range_tests_key"),
    **MYSQL,
)

winners = Table(
    "clr_winners",
    metadata,
    Column("study_id", Integer, ForeignKey(studies.c.id), primary_key=True, autoincrement=False),
    Column("arm", String(128), primary_key=True),
    Column("trial", Integer, nullable=False),
    **MYSQL,
)

# How many runs shared a step, where that was timed: an owner that goes on packs the same batches.
lanes = Table(
    "clr_lanes",
    metadata,
    Column("study_id", Integer, ForeignKey(studies.c.id), primary_key=True, autoincrement=False),
    Column("step", String(64), primary_key=True),  # a hash of the step, the device and the versions
    Column("lanes", Integer, nullable=False),
    Column("rates", LONG_TEXT, nullable=False),  # JSON: updates a second of all lanes together, by their number
    Column("created", DateTime, nullable=False),
    **MYSQL,
)

stints = Table(
    "clr_stints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey(studies.c.id), nullable=False),
    Column("worker", String(255), nullable=False),
    Column("device", LONG_TEXT, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("arms", LONG_TEXT, nullable=False),  # JSON: how many runs of each arm
    Column("started", Double, nullable=False),  # seconds since 1970, by the worker's clock, as the next
    Column("ended", Double, nullable=False),
    UniqueConstraint("study_id", "worker", "started", name="clr_stints_key"),
    **MYSQL,
)

checkpoints = Table(
    "clr_checkpoints",
    metadata,
    Column("run_id", Integer, ForeignKey(runs.c.id), primary_key=True, autoincrement=False),
    Column("path", LONG_TEXT, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("update", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    **MYSQL,
)

owner = Table(
    "clr_owner",
    metadata,
    Column("study_id", Integer, ForeignKey(studies.c.id), primary_key=True, autoincrement=False),
    Column("token", String(32), nullable=False),
    Column("host", String(255), nullable=False),
    Column(
        "machine", String(255), nullable=False
    ),  # the host in this boot and container: where its pid means something
    Column("pid", Integer, nullable=False),
    Column("since", Double, nullable=False),  # seconds since 1970, by the database's clock, as the next
    Column("heartbeat", Double, nullable=False),
    **MYSQL,
)
