import pytest
from sqlalchemy import create_engine
from sqlalchemy import text as sql

from clr_study.errors import StorageError
from clr_study.spec import Outcome, RunKey, Stint
from clr_study.store import append, open_store, plan_runs, read_results, study_names
from clr_study.store.connect import engine_options
from clr_study.store.rows import now
from clr_study.store.schema import VERSION_TABLE, schema_version, upgrade
from clr_study.store.tables import studies
from clr_study.store.transact import writing

LATE = Stint("host/12", "cpu", "measure", {"clr": 2}, 1.7e9 + 10.25, 1.7e9 + 12.5)
EARLY = Stint("host/11", "cpu", "search", {"fixed": 3, "clr": 1}, 1.7e9 + 0.125, 1.7e9 + 9.75)


def add_stint(store, key, stint) -> None:
    """As a worker does that hands a run back on the way."""
    append(store, [], outcomes=[Outcome(key, None, 50)], stint=stint)


def test_stints_come_back_as_they_were_the_earliest_first(store, run):
    plan_runs(store, [run()])
    for stint in (LATE, EARLY, LATE):
        add_stint(store, run().key, stint)
    found = read_results(store, "small").stints
    assert list(map(vars, found)) == [vars(EARLY), vars(LATE)]


def test_a_stint_of_an_unknown_study_is_refused(store):
    with pytest.raises(StorageError, match="holds no study 'smal'; did you mean 'small'"):
        add_stint(store, RunKey("smal", "fixed", "search", 0, 1), LATE)


def test_a_storage_of_the_first_schema_is_upgraded_with_what_it_holds(url, study, run):
    engine = create_engine(url, **engine_options(url))
    with writing(engine) as connection:
        upgrade(connection, "0001")
        assert schema_version(connection) == "0001"
        row = {"name": "small", "question": "", "metric": "accuracy", "source": study.source, "created": now()}
        connection.execute(studies.insert(), [row])
    engine.dispose()
    with pytest.raises(StorageError, match=r"has schema 0001, this clr_study needs \d+; `clr-study storage upgrade`"):
        open_store(url, create=False)
    with open_store(url) as store:
        plan_runs(store, [run()])
        add_stint(store, run().key, LATE)
        assert len(read_results(store, "small").stints) == 1
    with open_store(url, create=False) as store, store.engine.connect() as connection:
        assert study_names(store) == ("small",)
        assert connection.execute(sql(f"SELECT COUNT(*) FROM {VERSION_TABLE}")).scalar() == 1
