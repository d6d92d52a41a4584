"""Two columns for a metric that is neither accuracy nor loss."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds them, but for those that an interrupted upgrade has left on MySQL, which cannot undo one."""
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("clr_evaluations")}
    for name in ("validation_metric", "test_metric"):
        if name not in present:
            op.add_column("clr_evaluations", sa.Column(name, sa.Double))


def downgrade() -> None:
    """Drops them."""
    for name in ("validation_metric", "test_metric"):
        op.drop_column("clr_evaluations", name)
