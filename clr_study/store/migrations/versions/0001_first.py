"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
BYTES = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Makes them; those that an interrupted start has left on MySQL, which cannot undo a table, are kept."""
    _studies_and_runs()
    _curves()
    _what_follows()


def _studies_and_runs() -> None:
    op.create_table(
        "clr_studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("question", LONG_TEXT, nullable=False),
        sa.Column("metric", sa.String(16), nullable=False),
        sa.Column("source", LONG_TEXT, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        if_not_exists=True,
        **MYSQL,
    )
    op.create_table(
        "clr_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("clr_studies.id"), nullable=False),
        sa.Column("arm", sa.String(128), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("trial", sa.Integer, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("spec", LONG_TEXT, nullable=False),
        sa.Column("spec_hash", sa.String(64), nullable=False),
        sa.Column("budget", sa.Integer, nullable=False),
        sa.Column("values", LONG_TEXT, nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("updates", sa.Integer),
        sa.Column("device", LONG_TEXT),
        sa.Column("versions", LONG_TEXT),
        sa.Column("note", LONG_TEXT),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("ended", sa.DateTime),
        sa.UniqueConstraint("study_id", "arm", "phase", "trial", "seed", name="clr_runs_key"),
        if_not_exists=True,
        **MYSQL,
    )


def _curves() -> None:
    op.create_table(
        "clr_evaluations",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("clr_runs.id"), primary_key=True, autoincrement=False),
        sa.Column("update", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("lr", sa.Double),
        sa.Column("train_loss", sa.Double),
        sa.Column("validation_loss", sa.Double),
        sa.Column("validation_accuracy", sa.Double),
        sa.Column("test_loss", sa.Double),
        sa.Column("test_accuracy", sa.Double),
        sqlite_with_rowid=False,
        if_not_exists=True,
        **MYSQL,
    )
    op.create_table(
        "clr_losses",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("clr_runs.id"), primary_key=True, autoincrement=False),
        sa.Column("update", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("values", BYTES, nullable=False),
        if_not_exists=True,
        **MYSQL,
    )


def _what_follows() -> None:
    op.create_table(
        "clr_range_tests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("clr_studies.id"), nullable=False),
        sa.Column("ramp", sa.String(16), nullable=False),
        sa.Column("arm", sa.String(128), nullable=False),
        sa.Column("lrs", BYTES, nullable=False),
        sa.Column("accuracies", BYTES, nullable=False),
        sa.Column("losses", BYTES, nullable=False),
        sa.Column("seeds", LONG_TEXT, nullable=False),
        sa.Column("bounds", LONG_TEXT, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.UniqueConstraint("study_id", "ramp", name="clr_range_tests_key"),
        if_not_exists=True,
        **MYSQL,
    )
    op.create_table(
        "clr_winners",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("clr_studies.id"), primary_key=True, autoincrement=False),
        sa.Column("arm", sa.String(128), primary_key=True),
        sa.Column("trial", sa.Integer, nullable=False),
        if_not_exists=True,
        **MYSQL,
    )
    op.create_table(
        "clr_checkpoints",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("clr_runs.id"), primary_key=True, autoincrement=False),
        sa.Column("path", LONG_TEXT, nullable=False),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("update", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        if_not_exists=True,
        **MYSQL,
    )
    op.create_table(
        "clr_owner",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("clr_studies.id"), primary_key=True, autoincrement=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("machine", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("heartbeat", sa.Double, nullable=False),
        if_not_exists=True,
        **MYSQL,
    )


def downgrade() -> None:
    """Drops them."""
    for table in (
        "clr_owner",
        "clr_checkpoints",
        "clr_winners",
        "clr_range_tests",
        "clr_losses",
        "clr_evaluations",
        "clr_runs",
        "clr_studies",
    ):
        op.drop_table(table)
