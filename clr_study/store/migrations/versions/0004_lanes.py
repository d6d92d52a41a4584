"""How many runs share a step, where that was timed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"

LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Makes the table; one that an interrupted start has left on MySQL, which cannot undo it, is kept."""
    op.create_table(
        "clr_lanes",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("clr_studies.id"), primary_key=True, autoincrement=False),
        sa.Column("step", sa.String(64), primary_key=True),
        sa.Column("lanes", sa.Integer, nullable=False),
        sa.Column("rates", LONG_TEXT, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        if_not_exists=True,
        **MYSQL,
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("clr_lanes")
