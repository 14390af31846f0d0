"""What all tests of a file begin with, made once and not for each of them."""

import shutil

import psycopg
import pytest

from support.command_line import CommandLine


def begun_with(live):
    """Return the fixtures `sqlite_template` and `postgresql_template` of a file whose tests begin behind `live(cli)`.

    Each `database_url` is a copy of one of them. What has to be young, as a proof, isn't for a template.
    """

    @pytest.fixture(scope="module")
    def sqlite_template(sqlite_template, tmp_path_factory):
        folder = tmp_path_factory.mktemp("begun")
        path = shutil.copy(sqlite_template, folder / "template.db")
        live(CommandLine(f"sqlite:///{path}", folder))
        return path

    @pytest.fixture(scope="module")
    def postgresql_template(postgresql_server, postgresql_template, tmp_path_factory):
        name = f"{postgresql_template}_begun"
        with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgresql_template} STRATEGY file_copy")
            live(CommandLine(postgresql_server.get_uri(name), tmp_path_factory.mktemp("begun")))
            yield name
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    return sqlite_template, postgresql_template
