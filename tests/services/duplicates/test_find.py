"""A search by the model is refused with the command that installs it, before anything is read."""

from contextlib import closing

import pytest

from custmerge.errors import ExtraMissing, NotAllowed
from custmerge.rules.duplicates.options import Engine, FuzzyOptions
from custmerge.rules.people import Role
from custmerge.services import duplicates
from custmerge.services.access import Caller
from custmerge.storage.database import Database

SUPERVISOR = Caller(Role.SUPERVISOR, "anna", "", "", 1)


@pytest.mark.parametrize(
    ("engine", "missing", "extra"),
    [
        (Engine.DUCKDB, {"splink"}, "duplicates"),
        (Engine.DUCKDB, {"duckdb"}, "duplicates"),
        (Engine.DUCKDB, {"pyarrow"}, "duplicates"),
        (Engine.SPARK, {"pyspark"}, "spark"),
        (Engine.SPARK, {"splink"}, "spark"),
    ],
)
@pytest.mark.parametrize("find", [duplicates.find, duplicates.find_pairs])
def test_a_missing_library_is_a_sentence_with_what_to_install(tmp_path, monkeypatch, find, engine, missing, extra):
    monkeypatch.setattr(duplicates, "find_spec", lambda name: None if name in missing else name)
    search = duplicates.Search(fuzzy=FuzzyOptions(engine=engine))
    with closing(Database(f"sqlite:///{tmp_path}/none.db")) as database, pytest.raises(ExtraMissing) as raised:
        find(database, SUPERVISOR, search, None)
    assert f"pip install 'custmerge[{extra}]'" in str(raised.value)
    assert raised.value.exit == 2


def test_who_may_not_search_is_told_that_first(tmp_path, monkeypatch):
    monkeypatch.setattr(duplicates, "find_spec", lambda _name: None)
    agent = Caller(Role.AGENT, "ben", "", "", 2)
    with closing(Database(f"sqlite:///{tmp_path}/none.db")) as database, pytest.raises(NotAllowed):
        duplicates.find(database, agent, duplicates.Search(fuzzy=FuzzyOptions()), None)
