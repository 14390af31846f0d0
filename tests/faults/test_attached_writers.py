"""A host's program writes to rows of the absorbed number meanwhile: nothing is lost, and what is left is named."""

import threading
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import Engine, event
from support.attach_shop import program
from support.locks import wait_for_waiting

MERGE = ("merge", "20002", "--into", "10001", "--adopt", "--yes")
pytestmark = pytest.mark.on_one
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def ended(process, code=0):
    process.join(300)
    assert process.exitcode == code


def merge_behind(shop, statement):
    """Merge while the host's program has executed a statement and commits it when the merge waits for it."""
    shop.prove()
    with shop.held(statement):
        process, (_, _, err) = shop.agent.start(*MERGE)
        wait_for_waiting(shop.url, 1)
    process.join(300)
    assert process.exitcode == 0, err.read_text()


def owner(shop, table, row):
    return shop.rows(f"SELECT client_id FROM {table} WHERE id = {row}")


@on_postgresql
def test_a_row_with_a_foreign_key_that_is_being_inserted_is_waited_for_and_moves(shop):
    before = shop.host_rows()
    merge_behind(shop, "INSERT INTO invoice VALUES (9, 70002, 'new')")
    assert owner(shop, "invoice", 9) == [(70001,)]
    assert shop.audit() == set()
    assert shop.supervisor.in_process("undo", "1", "--yes").code == 0
    assert owner(shop, "invoice", 9) == [(70002,)]
    shop.execute("DELETE FROM invoice WHERE id = 9")
    assert shop.host_rows() == before


@on_postgresql
@pytest.mark.parametrize("table", ["invoice", "ticket", "newsletter"])
def test_a_row_that_is_being_changed_is_waited_for_and_keeps_the_change(shop, table):
    column = "list" if table == "newsletter" else "title"
    merge_behind(shop, f"UPDATE {table} SET {column} = 'changed' WHERE id = 3")
    assert shop.rows(f"SELECT client_id, {column} FROM {table} WHERE id = 3") == [(70001, "changed")]
    assert shop.audit() == set()


@on_postgresql
@pytest.mark.parametrize("table", ["invoice", "ticket", "newsletter"])
def test_a_row_that_goes_to_somebody_else_meanwhile_stays_there(shop, table):
    shop.execute("DELETE FROM newsletter WHERE client_id = 70003")
    merge_behind(shop, f"UPDATE {table} SET client_id = 70003 WHERE id = 3")
    assert owner(shop, table, 3) == [(70003,)]
    assert shop.supervisor.in_process("undo", "1", "--yes").code == 0
    assert owner(shop, table, 3) == [(70003,)]


@on_postgresql
@pytest.mark.parametrize("table", ["invoice", "ticket", "newsletter"])
def test_a_row_that_is_deleted_meanwhile_is_gone(shop, table):
    merge_behind(shop, f"DELETE FROM {table} WHERE id = 3")
    assert owner(shop, table, 3) == []
    assert shop.supervisor.in_process("undo", "1", "--yes").code == 0
    assert owner(shop, table, 3) == []


@on_postgresql
def test_a_customer_who_is_being_changed_is_waited_for_and_keeps_the_change(shop):
    shop.prove()
    with shop.held("UPDATE client SET status = 'on hold' WHERE id = 70001"):
        process, _ = shop.agent.start(*MERGE)
        wait_for_waiting(shop.url, 1)
    ended(process)
    assert shop.rows("SELECT id, status FROM client ORDER BY id")[:2] == [(70001, "on hold"), (70002, "closed")]


@on_postgresql
def test_a_row_without_a_foreign_key_that_is_being_inserted_is_named_afterwards(shop):
    shop.prove()
    with shop.held("INSERT INTO ticket VALUES (9, 70002, 'new')"):
        process, _ = shop.agent.start(*MERGE)
        # Nothing says that it refers to a customer, so nothing waits for it.
        ended(process)
    demand_named_and_remedied(shop, "ticket")


@on_postgresql
def test_a_row_that_comes_between_reading_and_writing_isnt_moved_unseen(shop):
    shop.prove()
    with before_statement('UPDATE "ticket"', lambda: shop.execute("INSERT INTO ticket VALUES (9, 70002, 'new')")):
        assert shop.agent.in_process(*MERGE).code == 0
    demand_named_and_remedied(shop, "ticket")


@contextmanager
def before_statement(text, do):
    """Do something before the first statement in which a text stands."""
    waiting = [do]

    def look(_connection, _cursor, statement, *_):
        if text in statement and waiting:
            waiting.pop()()

    event.listen(Engine, "before_cursor_execute", look)
    yield
    event.remove(Engine, "before_cursor_execute", look)
    assert not waiting


@pytest.mark.parametrize("table", ["invoice", "ticket"])
def test_a_row_that_a_program_gives_to_the_retired_number_is_named_and_moves_when_merged_again(shop, table):
    shop.merged()
    shop.execute(f"INSERT INTO {table} VALUES (9, 70002, 'new')")
    demand_named_and_remedied(shop, table)


def demand_named_and_remedied(shop, table):
    assert owner(shop, table, 9) == [(70002,)]
    ((check, severity, subject),) = shop.audit()
    assert (check, severity) == ("references", "warning")
    assert table in subject
    assert shop.supervisor.in_process("undo", "1", "--yes").code == 0
    assert shop.audit() == set()
    shop.merged()
    assert owner(shop, table, 9) == [(70001,)]
    assert shop.audit() == set()


def test_whatever_a_program_writes_while_orders_and_undos_go_on_nothing_of_it_is_lost(shop):
    """Rows come, change and go to and fro in tables with and without a foreign key."""
    is_over, written, failures = threading.Event(), [], []

    def write():
        with closing(program(shop.url)) as connection:
            number = 100
            while not is_over.is_set():
                number += 1
                table = ("invoice", "ticket")[number % 2]
                try:
                    connection.execute(f"INSERT INTO {table} VALUES ({number}, 70002, 'new')")
                    written.append((table, number))
                    connection.execute(f"UPDATE {table} SET title = 'seen' WHERE id = {number}")
                except Exception as error:  # noqa: BLE001 (whatever it is, the test names it)
                    failures.append(error)
                    return
                is_over.wait(0.002)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(4):
            order = shop.merged()
            done = shop.supervisor.in_process("undo", str(order), "--yes")
            assert done.code == 0, done.err
        shop.merged()
    finally:
        is_over.set()
        thread.join()
    assert not failures
    left = set()
    for table in ("invoice", "ticket"):
        rows = {
            number: (owner, title) for number, owner, title in shop.rows(f"SELECT id, client_id, title FROM {table}")
        }
        mine = [number for name, number in written if name == table]
        assert {rows[number][1] for number in mine} <= {"seen"}
        assert {rows[number][0] for number in mine} <= {70001, 70002}
        left |= {table for number in mine if rows[number][0] == 70002}
    named = {
        subject.removeprefix("column ").partition(".")[0]
        for check, severity, subject in shop.audit()
        if check == "references"
    }
    assert named == left
