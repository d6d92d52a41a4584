from contextlib import contextmanager

import optuna
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from optuna.storages import RDBStorage
from sqlalchemy import inspect
from sqlalchemy import text as sql
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateTable

from clr_study.errors import StorageError
from clr_study.store import engine_options, open_store, study_names
from clr_study.store.migrations.env import ours
from clr_study.store.schema import HEAD, MIGRATIONS, VERSION_TABLE, schema_version, upgrade
from clr_study.store.tables import metadata
from clr_study.store.transact import writing

optuna.logging.set_verbosity(optuna.logging.WARNING)


def differences(connection):
    options = {"version_table": VERSION_TABLE, "include_name": ours, "compare_type": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def test_head_is_the_newest_script():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_lead_to_the_tables(url):
    with open_store(url) as store, store.engine.connect() as connection:
        assert differences(connection) == []
        assert schema_version(connection) == HEAD


@contextmanager
def optunas(url):
    """Optuna's own storage in the same database."""
    storage = RDBStorage(url, engine_kwargs=engine_options(url))
    yield storage
    storage.remove_session()
    storage.engine.dispose()


@pytest.mark.parametrize("first", ["ours", "optuna"])
def test_optunas_tables_live_beside_ours_untouched(url, first):
    if first == "ours":
        open_store(url).dispose()
    with optunas(url) as storage:
        optuna.create_study(storage=storage, study_name="small/clr")
    with open_store(url) as store, optunas(url) as storage:
        study = optuna.load_study(storage=storage, study_name="small/clr")
        study.optimize(lambda trial: trial.suggest_float("lr", 0.0, 1.0), n_trials=2)
        with store.engine.connect() as connection:
            assert differences(connection) == []
            assert connection.execute(sql("SELECT version_num FROM alembic_version")).scalar() != HEAD
        theirs = {name for name in inspect(store.engine).get_table_names() if not name.startswith("clr_")}
        assert {"studies", "trials", "alembic_version"} < theirs
        with writing(store.engine) as connection:
            upgrade(connection)
        with writing(store.engine) as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(MIGRATIONS))
            command.downgrade(config, "base")
        assert set(inspect(store.engine).get_table_names()) == theirs | {VERSION_TABLE}
    with optunas(url) as storage:
        assert len(optuna.load_study(storage=storage, study_name="small/clr").trials) == 2


def test_a_newer_schema_is_refused(url):
    with open_store(url) as store, writing(store.engine) as connection:
        connection.execute(sql(f"UPDATE {VERSION_TABLE} SET version_num = '0042'"))
    for create in (True, False):
        with pytest.raises(StorageError, match=rf"newer clr_study \(schema 0042, this one knows {HEAD}\)"):
            open_store(url, create=create)


def test_only_a_run_makes_or_upgrades_tables(url):
    with open_store(url) as store, writing(store.engine) as connection:
        connection.execute(sql(f"DELETE FROM {VERSION_TABLE}"))
    with pytest.raises(StorageError, match=r"holds no study yet; `clr-study run` sees to that"):
        open_store(url, create=False)
    with open_store(url) as store:  # as after a start that was cut off before the version was written
        assert study_names(store) == ()


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect(), mysql.dialect()], ids=lambda d: d.name)
def test_every_table_is_written_in_every_dialect(dialect):
    texts = {name: str(CreateTable(table).compile(dialect=dialect)) for name, table in metadata.tables.items()}
    assert len(texts) == 10
    if dialect.name == "mysql":
        assert "MEDIUMBLOB NOT NULL" in texts["clr_losses"]
        assert "spec MEDIUMTEXT" in texts["clr_runs"]
        assert "lr DOUBLE" in texts["clr_evaluations"]
        assert all("ENGINE=InnoDB" in text and "COLLATE utf8mb4_bin" in text for text in texts.values())
    if dialect.name == "postgresql":
        assert "BYTEA" in texts["clr_losses"]
        assert "lr DOUBLE PRECISION" in texts["clr_evaluations"]
        assert "id SERIAL" in texts["clr_runs"]
    if dialect.name == "sqlite":
        assert "WITHOUT ROWID" in texts["clr_evaluations"]
