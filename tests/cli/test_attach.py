"""`attach FILE`: a host's tables take the register's place, and what holds is kept in the database."""

import hashlib
import json

import pytest
from support.bare_hosts import MAPPING, ROWS, TABLES
from support.databases import STAFF_PASSWORD, execute, first_cells
from support.world import World

from custmerge.storage.tables import every as tables


def tables_of(url):
    catalogue = "sqlite_master WHERE type = 'table'"
    if not url.startswith("sqlite"):
        catalogue = "(SELECT relname AS name FROM pg_class WHERE relkind = 'r') AS made WHERE true"
    return set(first_cells(url, f"SELECT name FROM {catalogue}"))


@pytest.fixture
def attached(bare):
    done = bare.in_process("attach", bare.mapping())
    assert done.code == 0, done.err
    supervisor = ("init", "--supervisor", "anna", "--password-stdin")
    assert bare.in_process(*supervisor, stdin=STAFF_PASSWORD).code == 0
    login = ("login", "--staff", "anna", "--password-stdin", "--print-token")
    bare.token = bare.in_process(*login, stdin=STAFF_PASSWORD).out.strip()
    return bare


def test_a_database_without_custmerge_gets_the_ledger_alone(bare):
    done = bare("attach", bare.mapping())
    assert done.code == 0
    assert "shop is attached." in done.err
    assert done.err.rstrip().endswith("init --supervisor NAME")
    assert {"client", "custmerge_history", "custmerge_mapping"} <= tables_of(bare.url)
    assert not {"customer", "package", "domain"} & tables_of(bare.url)


def test_the_first_supervisor_is_named_afterwards_and_works_with_the_hosts_customers(attached):
    found = attached.in_process("find", "sonne", "-f", "json").json
    assert [record["number"] for record in found] == ["10001", "20002"]
    audit = attached.in_process("audit", "-f", "json")
    assert (audit.code, audit.json["findings"]) == (0, [])
    assert not {"customer", "package", "domain"} & tables_of(attached.url)


def test_the_history_names_the_mapping_by_its_sha256(attached):
    (entry,) = attached.in_process("history", "--action", "attach", "-f", "json").json
    (body,) = first_cells(attached.url, "SELECT body FROM custmerge_history WHERE action = 'attach'")
    told = json.loads(body)
    assert (told["name"], told["sha256"]) == ("shop", hashlib.sha256(MAPPING.encode()).hexdigest())
    assert entry["by"] == "attach"


def test_show_prints_the_mapping_that_holds(attached):
    assert attached.in_process("attach", "--show").out == MAPPING
    changed = MAPPING.replace('name = "shop"', 'name = "store"')
    attached.mapping(text=changed)
    assert attached.in_process("attach", "shop.toml").code == 0
    assert attached.in_process("attach", "--show").out == changed
    assert len(attached.in_process("history", "--action", "attach", "-f", "json").json) == 2


def test_where_nothing_is_attached_there_is_nothing_to_show(cli):
    done = cli.in_process("attach", "--show", "-f", "json")
    assert (done.code, done.error["code"]) == (5, "not_attached")


def test_a_mapping_that_isnt_ready_is_not_attached(bare):
    done = bare.in_process("attach", bare.mapping(('"newsletter.client_id"', '"note.text"')))
    assert done.code == 1
    assert "newsletter.client_id" in done.out
    assert "custmerge_history" not in tables_of(bare.url)


def test_an_empty_register_of_ours_is_dropped(cli, database_url):
    execute(database_url, *(TABLES + ROWS).split(";")[:-1])
    (cli.folder / "shop.toml").write_text(MAPPING)
    (cli.folder / "shop.toml").chmod(0o600)
    done = cli.in_process("attach", "shop.toml")
    assert done.code == 0, done.err
    assert not {"customer", "package", "domain"} & tables_of(database_url)
    assert cli.as_("anna").in_process("audit", "-f", "json").json["findings"] == []


def test_init_says_that_a_host_with_a_customer_table_is_attached(bare):
    execute(bare.url, "CREATE TABLE customer (id integer PRIMARY KEY)")
    done = bare.in_process("init")
    assert done.code == 6
    assert "(customer): work on its tables with `custmerge attach`" in done.err


def test_a_register_with_customers_stays(cli, database_url):
    World(cli).customer("10001")
    execute(database_url, *(TABLES + ROWS).split(";")[:-1])
    (cli.folder / "shop.toml").write_text(MAPPING)
    (cli.folder / "shop.toml").chmod(0o600)
    done = cli.in_process("attach", "shop.toml", "-f", "json")
    assert (done.code, done.error["code"]) == (6, "register_in_use")
    assert tables.customer.name in tables_of(database_url)


def test_a_mapping_under_which_retired_numbers_are_others_does_not_replace_the_one_of_their_orders(attached):
    execute(attached.url, "INSERT INTO custmerge_tombstone VALUES ('20002', '10001', '2')")
    file = attached.mapping(text=MAPPING.replace('number = "no"', 'number = "id"'))
    done = attached.in_process("attach", file, "-f", "json")
    assert (done.code, done.error["code"]) == (6, "other_customers"), done.err


def test_after_a_change_of_the_hosts_tables_nothing_is_written_until_it_is_attached_again(attached):
    execute(attached.url, "ALTER TABLE newsletter ADD COLUMN since text")
    done = attached.in_process("undo", "1", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (6, "schema_changed")
    assert "custmerge attach FILE --check" in done.error["message"]
    assert "(newsletter)" in done.error["message"]
    assert attached.in_process("find", "sonne").code == 0
    doctor = attached.in_process("doctor", "-f", "json")
    assert doctor.code == 6
    assert [check["ok"] for check in doctor.json if check["check"] == "schema"] == [False]
    (finding,) = attached.in_process("audit", "-f", "json").json["findings"]
    assert (finding["severity"], finding["subject"]) == ("warning", "table newsletter")
    assert attached.in_process("attach", "shop.toml").code == 0
    assert attached.in_process("undo", "1", "--yes", "-f", "json").error["code"] == "unknown_order"


@pytest.mark.on_both
def test_what_reads_a_table_that_has_gone_says_that_the_tables_were_changed(attached):
    execute(attached.url, "ALTER TABLE client RENAME TO person")
    done = attached.in_process("show", "10001", "-f", "json")
    assert (done.code, done.error["code"]) == (6, "schema_changed"), done.err
    assert attached.in_process("doctor").code == 6


def test_a_new_table_that_refers_to_customers_is_a_change_and_any_other_is_none(attached):
    execute(attached.url, "CREATE TABLE elsewhere (id integer PRIMARY KEY)")
    assert attached.in_process("undo", "1", "--yes", "-f", "json").error["code"] == "unknown_order"
    execute(attached.url, "CREATE TABLE vote (id integer PRIMARY KEY, client_id integer REFERENCES client (id))")
    assert attached.in_process("undo", "1", "--yes", "-f", "json").error["code"] == "schema_changed"


def test_nothing_is_attached_while_a_bulk_file_runs(attached):
    alive = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+30 seconds')"
    if not attached.url.startswith("sqlite"):
        alive = """to_char(timezone('UTC', now()) + interval '30 seconds', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
    execute(
        attached.url,
        "INSERT INTO custmerge_batch (sha256, state, rows, done, merged, at, runner, alive_until) "
        f"VALUES ('ab', 'running', 9, 1, 1, '2026-01-01T00:00:00Z', 'x', {alive})",
    )
    done = attached.in_process("attach", "shop.toml", "-f", "json")
    assert (done.code, done.error["code"]) == (6, "batch_running")
