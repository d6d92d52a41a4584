"""Who trained what and when."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Makes the table; one that an interrupted start has left on MySQL, which cannot undo it, is kept."""
    op.create_table(
        "clr_stints",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("clr_studies.id"), nullable=False),
        sa.Column("worker", sa.String(255), nullable=False),
        sa.Column("device", LONG_TEXT, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("arms", LONG_TEXT, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double, nullable=False),
        sa.UniqueConstraint("study_id", "worker", "started", name="clr_stints_key"),
        if_not_exists=True,
        **MYSQL,
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("clr_stints")
