"""Runs the migrations on the connection that `clr_study.store.schema` hands over."""

from __future__ import annotations

from alembic import context

from clr_study.store.schema import VERSION_TABLE
from clr_study.store.tables import metadata


def ours(name: str | None, kind: str, parents: object) -> bool:
    """Returns whether a table is one of ours: Optuna's tables live beside them, and are never to be touched."""
    return kind != "table" or (name or "").startswith("clr_")


def run() -> None:
    """Runs them in the transaction that is open on the connection."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        include_name=ours,
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic runs this file; reading it for doctests runs nothing
    run()
