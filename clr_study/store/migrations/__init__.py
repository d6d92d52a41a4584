"""The way to the newest tables: Alembic's environment and one script a version."""
