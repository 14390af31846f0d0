"""In every transaction PostgreSQL's own names mean what the server has of them; the rest of the search path stays."""

from contextlib import closing

import pytest
from sqlalchemy import text

from custmerge.storage.database import Database
from custmerge.storage.dialect.postgresql import SERVER_FIRST, server_names_only

PATH = text("SELECT pg_catalog.current_setting('search_path')")


@pytest.fixture
def database(postgresql_server, postgresql_template):
    with closing(Database(postgresql_server.get_uri(postgresql_template))) as database:
        yield database


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('"$user", public', '"$user", public'),
        ("hosting, public", "hosting, public"),
        ("public, pg_catalog", "public"),
        ("public,PG_Catalog", "public"),
        ("public,\tpg_catalog", "public"),
        ('public, "pg_catalog", hosting', "public, hosting"),
        ("pg_catalog, public", " public"),
        ("public, pg_catalog, pg_catalog", "public"),
        ("public, pg_catalog_of_ours, my_pg_catalog", "public, pg_catalog_of_ours, my_pg_catalog"),
        ('public, "PG_CATALOG"', 'public, "PG_CATALOG"'),
        ("pg_catalog", ""),
    ],
)
def test_pg_catalog_is_taken_out_of_the_search_path(database, path, expected):
    with database.reading() as unit:
        unit._connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": path})
        unit._connection.exec_driver_sql(SERVER_FIRST)
        assert unit._connection.execute(PATH).scalar() == expected
        assert unit._connection.exec_driver_sql("SHOW search_path").scalar() == expected


def test_pg_catalog_is_found_whatever_a_backslash_means(database):
    with database.reading() as unit:
        unit._connection.exec_driver_sql("SET LOCAL standard_conforming_strings = off")
        unit._connection.exec_driver_sql("SET LOCAL search_path = public, pg_catalog")
        unit._connection.exec_driver_sql(SERVER_FIRST)
        assert unit._connection.execute(PATH).scalar() == "public"


@pytest.mark.parametrize("writes", [False, True])
def test_every_transaction_has_the_servers_names_first(database, writes):
    url = database.url + ("&" if "?" in database.url else "?") + "options=-csearch_path%3Dpublic,pg_catalog"
    with closing(Database(url)) as last, (last.writing if writes else last.reading)() as unit:
        assert unit._connection.execute(PATH).scalar() == "public"
        assert unit._connection.exec_driver_sql("SHOW transaction_read_only").scalar() == ("off" if writes else "on")


def test_the_search_path_comes_back_behind_what_knows_the_servers_names_alone(database):
    with database.reading() as unit:
        before = unit._connection.execute(PATH).scalar()
        with server_names_only(unit._connection):
            assert unit._connection.execute(PATH).scalar() == "pg_catalog, pg_temp"
        assert unit._connection.execute(PATH).scalar() == before
