"""Rows of a host that follow its customers: how they are told, what refuses them, and dry runs in several parts."""

from datetime import UTC, datetime

import pytest
from support.attach_shop import MAPPING, shop, write_mapping
from support.bulk_scenes import Quiet

from custmerge.errors import UndoBlocked
from custmerge.services import access, bulk
from custmerge.services.bulk.file import RunOptions
from custmerge.services.progress import Inputs
from custmerge.services.undo import batch as undo_batch
from custmerge.storage.database import Database

__all__ = ["shop"]
REFUSED_TICKETS = 'columns = ["ticket.client_id"]\npolicy = "refuse"\nwhy = "{tickets} first"'
CHAIN = (("20002", "30003"), ("10001", "20002"))
FROM_20002 = [
    ("invoice.client_id", "move", 2, 0),
    ("loyalty.client_id", "add", 0, 1),
    ("mailing.newsletter_id", "move", 2, 0),
    ("newsletter.client_id", "drop", 1, 1),
    ("site.client_id", "move", 1, 0),
    ("ticket.client_id", "move", 2, 0),
]


@pytest.fixture
def database(shop):
    opened = Database(shop.url)
    yield opened
    opened.close()


def attach(shop, mapping):
    write_mapping(shop.folder, mapping)
    done = shop.supervisor.in_process("attach", "shop.toml")
    assert done.code == 0, done.err


def attach_refusing(shop, why, condition):
    """Attach with a statement that refuses orders whose absorbed number has such an invoice."""
    sql = f"select 1 from invoice where client_id = :absorbed and {condition}"
    attach(shop, f'{MAPPING}[[refuse]]\nwhy = "{why}"\nsql = "{sql}"\n')


def pairs(shop, *rows, name="pairs.csv"):
    path = shop.folder / name
    path.write_text("survivor,absorbed,choice\n" + "".join(f"{s},{a},adopt\n" for s, a in rows))
    return path


def run(shop, *rows):
    """Run an approved file; returns its report's lines without the messages."""
    path = pairs(shop, *rows)
    assert shop.supervisor.in_process("bulk", "approve", path.name, "--yes").code in (0, 7)
    shop.agent.in_process("bulk", "run", path.name, "--report", "report.csv")
    lines = (shop.folder / "report.csv").read_text().splitlines()[1:]
    return [tuple(line.split(",")[3:6]) for line in lines]


def now():
    return datetime.now(UTC)


def inputs(chunk, kind=Inputs):
    return kind(now, lambda: bytes(16), Quiet(), chunk=chunk)


def test_a_dry_run_names_each_reference_with_its_rows_and_the_order_does_the_same(shop):
    before = shop.dump()
    shop.prove()
    merge = ("merge", "20002", "--into", "10001", "--adopt", "--yes")
    dry = shop.agent.in_process(*merge, "--dry-run", "-f", "json").json
    assert [tuple(each.values()) for each in dry["references"]] == FROM_20002
    shown = shop.agent.in_process(*merge, "--dry-run").out
    assert "newsletter.client_id: 1 row follows, 1 row is dropped" in shown
    assert shop.dump() == before
    done = shop.agent.in_process(*merge, "--receipt", "receipt.txt", "-f", "json").json
    assert done["references"] == dry["references"]
    # The receipt is the customer's, who needn't know the names of tables.
    assert "client_id" not in (shop.folder / "receipt.txt").read_text()
    undone = shop.supervisor.in_process("undo", done["order"], "--yes").out
    assert "ticket: 2 rows as before" in undone
    assert shop.host_rows() == before[0]


def test_moved_credentials_are_called_what_they_are(shop):
    shop.execute("CREATE TABLE password_reset (id bigint NOT NULL PRIMARY KEY, client_id bigint)")
    shop.execute("INSERT INTO password_reset VALUES (1, 70002)")
    attach(shop, MAPPING + '[[reference]]\ncolumns = ["password_reset.client_id"]\npolicy = "move"\nwhy = "asked"\n')
    shop.prove()
    shown = shop.agent.in_process("merge", "20002", "--into", "10001", "--adopt", "--dry-run").out
    assert "password_reset.client_id: 1 row follows (asked). Careful: these look like credentials" in " ".join(
        shown.split()
    )


def test_what_was_shown_is_compared_with_what_would_follow_now(shop, database):
    from custmerge.errors import Changed
    from custmerge.rules.plan import Choice, Wishes
    from custmerge.services import merge

    shop.prove()
    caller = access.resume(database, shop.agent.token, now())
    offer = merge.offered(database, caller, "20002", into="10001", now=now())
    assert sum(each.rows for each in offer.references) == 8
    shop.execute("INSERT INTO invoice VALUES (99, 70002, 'new')")
    request = merge.Request("20002", "10001", Wishes(Choice.ADOPT), shown=offer)
    with pytest.raises(Changed):
        merge.merge(database, caller, request, salt=bytes(16), now=now())


def test_a_statement_of_the_mapping_refuses_orders_also_of_numbers_that_went_into_the_absorbed_one(shop):
    attach_refusing(shop, "50% of {it} is posted", "title = 'd'")
    before = shop.dump()
    shop.prove("30003")
    done = shop.agent.in_process("merge", "30003", "--into", "10001", "--adopt", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (3, "reference_refused")
    assert "50% of {it} is posted" in done.error["message"]
    assert shop.dump() == before
    # 30003's own row refuses both: it stays under 30003.
    assert run(shop, *CHAIN) == [("blocked", "3", ""), ("merged", "0", "1")]


def test_a_comparison_says_beforehand_that_rows_refuse_the_order(shop):
    attach_refusing(shop, "50% of {it} is posted", "title = 'd'")
    diff = ("diff", "30003", "--into", "10001")
    done = shop.agent.in_process(*diff, "-f", "json")
    assert (done.code, done.json["mergeable"], done.json["blocked_by"]) == (3, False, [])
    assert "50% of {it} is posted" in shop.agent.in_process(*diff).out
    attach(shop, MAPPING.replace('columns = ["ticket.client_id"]\npolicy = "move"', REFUSED_TICKETS))
    done = shop.agent.in_process(*diff)
    assert (done.code, "{tickets} first" in done.out) == (3, True), done.out
    shop.execute("DELETE FROM ticket WHERE client_id = 70003")
    assert shop.agent.in_process(*diff).code == 1


@pytest.mark.parametrize("together", [True, False])
def test_a_refusal_knows_the_rows_that_a_number_has_since_an_earlier_row_of_the_file(shop, database, together):
    attach_refusing(shop, "posted", "title = 'd' and :survivor <> '70002'")
    caller = access.resume(database, shop.supervisor.token, now())
    watched = Watching()
    options = RunOptions(now, lambda: bytes(16), watched, chunk=500 if together else 1)
    bulk.approvable(database, caller, str(pairs(shop, *CHAIN)), options)
    assert watched.codes == [None, "reference_refused"]
    assert [status for status, _, _ in run(shop, *CHAIN)] == ["merged", "blocked"]


class Watching(Quiet):
    def __init__(self):
        self.codes = []

    def outcome(self, outcome):
        self.codes.append(None if outcome.error is None else outcome.error.code)


def test_a_row_that_the_database_refuses_is_blocked_and_the_others_of_its_chunk_are_merged(shop):
    shop.execute("CREATE TABLE rule (id integer NOT NULL PRIMARY KEY, client_id bigint CHECK (client_id <> 70001))")
    shop.execute("INSERT INTO rule VALUES (1, 70003)")
    attach(shop, MAPPING + '[[reference]]\ncolumns = ["rule.client_id"]\npolicy = "move"\n')
    before = shop.host_rows()
    assert run(shop, ("10001", "30003"), ("10001", "20002")) == [("blocked", "3", ""), ("merged", "0", "1")]
    assert "rule" in (shop.folder / "report.csv").read_text()
    shop.supervisor.in_process("undo", "1", "--yes")
    assert shop.host_rows() == before


def test_a_batch_is_foreseen_and_undone_in_parts_as_in_one(shop, database):
    before = shop.host_rows()
    assert [status for status, _, _ in run(shop, *CHAIN)] == ["merged", "merged"]
    caller = access.resume(database, shop.supervisor.token, now())
    extents = [undo_batch.preview(database, caller, 1, inputs(chunk)) for chunk in (500, 1)]
    assert extents[0] == extents[1]
    assert extents[0].orders == 2
    # What has its old value already is in nobody's way.
    shop.execute("UPDATE invoice SET client_id = 70002 WHERE id = 4")
    assert undo_batch.preview(database, caller, 1, inputs(1)).orders == 2
    shop.execute("UPDATE loyalty SET points = 77 WHERE client_id = 70001")
    for chunk in (500, 1):
        with pytest.raises(UndoBlocked, match="loyalty 70001"):
            undo_batch.preview(database, caller, 1, inputs(chunk))
    shop.execute("UPDATE loyalty SET points = 9 WHERE client_id = 70001")
    undo_batch.undo_batch(database, caller, 1, inputs(1), extents[0])
    assert shop.host_rows() == before


def test_a_retired_row_that_has_gone_is_named_once(shop):
    order = shop.merged()
    shop.execute("DELETE FROM client WHERE id = 70002")
    for options in (("--dry-run",), ("--yes",)):
        done = shop.supervisor.in_process("undo", order, *options, "-f", "json")
        assert [obstacle["row"] for obstacle in done.error["details"]["obstacles"]] == ["customer 20002"]


def test_an_order_writes_its_number_and_the_time_where_the_mapping_says(shop):
    shop.execute("ALTER TABLE client ADD COLUMN gone_by integer", "ALTER TABLE client ADD COLUMN gone_at timestamp")
    retire = 'retire = { gone_by = "{order}", gone_at = "{now}", status = "into {survivor.number}" }'
    retire = retire.replace('status = "into {survivor.number}"', 'status = "{survivor.number}"')
    attach(shop, MAPPING.replace('retire = { status = "closed" }', retire))
    before = shop.host_rows()
    assert [order for *_, order in run(shop, *CHAIN)] == ["1", "2"]
    gone = shop.rows("SELECT id, gone_by, status FROM client WHERE gone_at IS NOT NULL ORDER BY id")
    assert gone == [(70002, 2, "10001"), (70003, 1, "20002")]
    assert shop.supervisor.in_process("undo", "--batch", "1", "--yes").code == 0
    assert shop.host_rows() == before
