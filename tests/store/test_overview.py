import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy import text as sql

from clr_study.errors import StorageError
from clr_study.spec import Outcome
from clr_study.store import (
    StoredStudy,
    append,
    engine_options,
    finish,
    open_store,
    overview,
    plan_runs,
    read_results,
    upgrade_storage,
)
from clr_study.store.schema import HEAD, MIGRATIONS, VERSION_TABLE
from clr_study.store.transact import writing

KEPT = sorted(Path(__file__).with_name("data").glob("*.sqlite"))
# Of each: its runs, its checkpoints, the winning trial of the arm `fixed`, and the accuracies measured with that.
HOLDS = {
    "0001": (6, 6, 0, [0.09749304, 0.17270195]),
    "0002": (6, 6, 0, [0.09749304, 0.17270195]),
    "0003": (12, 0, 1, [0.15877437, 0.20891365]),
    "0004": (12, 0, 1, [0.15877437, 0.20891365]),
}


def test_an_overview_counts_what_there_is(store, url, run, seen):
    planned = [run(trial=trial) for trial in range(3)]
    plan_runs(store, planned)
    append(store, [(one.key, seen(update)) for one in planned[:2] for update in (50, 100)])
    finish(store, [Outcome(planned[0].key, "completed", 100)], "cpu", {})
    found = overview(url)
    assert (found.backend, found.schema, found.newest) == (store.engine.dialect.name, HEAD, HEAD)
    assert found.studies == (StoredStudy("small", planned=3, ended=1, evaluations=4, checkpoints=0),)
    assert found.bytes > 10_000
    assert found.place == store.masked_url


def test_an_overview_of_an_empty_database_makes_nothing(server):
    with server.fresh() as url:
        found = overview(url)
        assert (found.schema, found.studies) == (None, ())
        with pytest.raises(StorageError, match="holds no study yet; `clr-study run` sees to that"):
            upgrade_storage(url)
        engine = create_engine(url, **engine_options(url))
        with engine.connect() as connection:
            assert not engine.dialect.get_table_names(connection)
        engine.dispose()


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_what_an_earlier_version_has_stored_is_upgraded_with_all_that_it_holds(kept, tmp_path):
    file = tmp_path / "kept.db"
    shutil.copy(kept, file)
    url, (planned, checkpoints, winner, fixed) = f"sqlite:///{file}", HOLDS[kept.stem]
    before = overview(url)
    assert before.schema == kept.stem
    found = StoredStudy("kept", planned=planned, ended=planned, evaluations=2 * planned, checkpoints=checkpoints)
    assert before.studies == (found,)
    if kept.stem != HEAD:
        says = rf"has schema {kept.stem}, this clr_study needs {HEAD}; `clr-study storage upgrade` brings it there"
        with pytest.raises(StorageError, match=says):
            open_store(url, create=False)
        assert overview(url) == before
    assert upgrade_storage(url) == (kept.stem, HEAD)
    assert upgrade_storage(url) == (HEAD, HEAD)
    with open_store(url, create=False) as store:
        results = read_results(store, "kept")
    assert {run.ending for run in results.runs} == {"completed"}
    assert results.winners == {"fixed": winner}
    finals = {arm: results.measured(arm, "test_accuracy").final.tolist() for arm in ("fixed", "clr")}
    assert finals == {"fixed": pytest.approx(fixed, abs=1e-6), "clr": pytest.approx([0.19220056, 0.40111421], abs=1e-6)}


def test_a_storage_of_every_schema_is_kept():
    """Each was written by the clr_study of its day: run one study, and lay its file beside the others."""
    scripts = (MIGRATIONS / "versions").glob("[0-9]*.py")
    assert [path.stem for path in KEPT] == sorted(path.stem.partition("_")[0] for path in scripts)


def test_a_newer_schema_is_shown_and_not_upgraded(store, url):
    with writing(store.engine) as connection:
        connection.execute(sql(f"UPDATE {VERSION_TABLE} SET version_num = '0042'"))
    assert overview(url).schema == "0042"
    with pytest.raises(StorageError, match=r"newer clr_study \(schema 0042"):
        upgrade_storage(url)


@pytest.mark.parametrize("name", ["clr_runs", "studies", "alembic_version"])
def test_a_database_of_another_program_is_refused_and_left_alone(storage_url, name):
    engine = create_engine(storage_url, **engine_options(storage_url))
    with engine.begin() as connection:
        connection.execute(sql(f"CREATE TABLE {name} (version_num VARCHAR(32), theirs INTEGER)"))
        connection.execute(sql(f"INSERT INTO {name} VALUES ('4f2a', 1)"))
    for look in (open_store, overview, upgrade_storage):
        with pytest.raises(StorageError) as caught:
            look(storage_url)
        assert f"is another program's: it holds the tables {name}, which are not clr_study's" in str(caught.value)
    with engine.connect() as connection:
        assert engine.dialect.get_table_names(connection) == [name]
        assert connection.execute(sql(f"SELECT count(*) FROM {name}")).scalar() == 1
    engine.dispose()
