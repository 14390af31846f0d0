"""Purge: old before-images are erased, the rest holds."""

import hashlib
import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.marks import on_sqlite_alone
from support.scenes import scene

from custmerge.errors import FormPurged
from custmerge.rules.audit import CheckName
from custmerge.rules.history import Action, Draft, stamp
from custmerge.rules.people import Role
from custmerge.services import audit as audit_service
from custmerge.services import purge as purge_service
from custmerge.services import transfer as transfer_service
from custmerge.services.access import Caller
from custmerge.services.duplicates import dismissals
from custmerge.storage.database import Database
from custmerge.storage.ledger.dismissals import Dismissals

LATER = hashlib.sha256(b"token-of-anna-later").hexdigest()
SUPERVISOR = Caller(Role.SUPERVISOR, "anna", LATER, "", 1)
"""Logged in when `Later` purges."""
LONG_AGO = "2020-01-01T00:00:00Z"


def test_a_young_before_image_stays(merged, supervisor):
    done = supervisor("purge", "--older-than", "365d", "--yes", "-f", "json").json
    assert (done["orders"], done["dry_run"]) == (0, False)


def test_what_is_erased_is_counted_and_is_an_entry_of_its_own(merged, supervisor, aged):
    assert supervisor("purge", "--older-than", "1y", "--dry-run", "-f", "json").json["orders"] == 1
    assert supervisor("purge", "--older-than", "52w", "--yes", "-f", "json").json["orders"] == 1
    assert supervisor("purge", "--older-than", "52w", "--yes", "-f", "json").json["orders"] == 0
    assert len(supervisor.in_process("history", "--action", "purge", "-f", "json").json) == 1
    assert "Vogelsang" not in aged()


def test_nothing_is_erased_without_a_yes(merged, supervisor, aged):
    done = supervisor("purge", "--older-than", "365d")
    assert (done.code, "--yes" in done.err) == (2, True)
    assert "Vogelsang" in aged()


@on_sqlite_alone
@pytest.mark.parametrize("age", ["365", "0d", "-1d", "1m", "d", "9999999d", "200y", "\u0663d", "\uff13d"])
def test_an_age_that_is_none_is_refused_with_what_to_write(supervisor, age):
    done = supervisor("purge", "--older-than", age, "--yes", "--format", "json")
    assert (done.code, done.error["code"]) == (2, "bad_value" if age != "-1d" else done.error["code"])


@pytest.mark.parametrize("name", ["ben", "ada"])
def test_only_a_supervisor_may(cli, name):
    assert cli.as_(name)("purge", "--older-than", "365d", "--yes").code == 4


FORM = b"%PDF-1.7 signed by Katrin Vogelsang"
BAD = "survivor,absorbed,choice\n10001,20002,heimlich-geraten\n10001,20004,keep\n"


@scene
def decided(world, agent, supervisor):
    """Transfers: 1 used, 2 rejected, 3 still open; a bulk file of which one row had a bad cell."""
    world.customer("10001")
    for number in ("20002", "20003", "20004", "20005"):
        world.customer(number, company="Sonnentau GmbH" if number == "20004" else "Anders GmbH")
    (world.folder / "form.pdf").write_bytes(FORM)
    (world.folder / "pairs.csv").write_text(BAD)
    done = [
        *(
            agent.in_process("transfer", "file", n, "--into", "10001", "--form", "form.pdf")
            for n in ("20002", "20003")
        ),
        supervisor.in_process("transfer", "approve", "1", "--yes"),
        agent.in_process("merge", "20002", "--into", "10001", "--keep", "--yes"),
        supervisor.in_process("transfer", "reject", "2", "--reason", "Frau Vogelsang ist verreist", "--yes"),
        agent.in_process("transfer", "file", "20005", "--into", "10001", "--form", "form.pdf"),
        supervisor.in_process("bulk", "approve", "pairs.csv", "--yes"),
    ]
    assert [one.code for one in done] == [0] * len(done), [one.err for one in done]
    assert agent.in_process("bulk", "run", "pairs.csv").code == 7


@pytest.fixture
def tomorrow(database_url, decided):
    """Purges as a supervisor does in two days, and audits after it; gives what is stored."""
    return Later(database_url)


class Later:
    def __init__(self, url):
        self.url = url
        self.now = datetime.now(UTC) + timedelta(days=2)
        began = f"'{stamp(self.now)}'"
        row = f"('{LATER}', 1, {began}, {began})"
        self.execute(f"INSERT INTO custmerge_session (token_sha256, staff, created_at, last_used_at) VALUES {row}")

    def go_on(self, time):
        self.now += time
        began = f"'{stamp(self.now)}'"
        is_it = f"WHERE token_sha256 = '{LATER}'"
        self.execute(f"UPDATE custmerge_session SET created_at = {began}, last_used_at = {began} {is_it}")

    def void(self, transfer, ago):
        with closing(Database(self.url)) as database, database.writing() as unit:
            facts = {"survivor": "10001", "absorbed": "20005", "transfer": transfer}
            unit.chain.append([Draft(stamp(self.now - ago), SUPERVISOR.actor, Action.TRANSFER_VOID, facts)])

    def purge(self, days=1, changed=0):
        with closing(Database(self.url)) as database:
            seen = purge_service.preview(database, SUPERVISOR, days, self.now)
            done = purge_service.purge(database, SUPERVISOR, seen, self.now)
        assert seen.orders + seen.forms - changed == done.orders + done.forms
        assert replace(seen, dry_run=False) == replace(done, orders=seen.orders, forms=seen.forms)
        return done

    def findings(self):
        wanted = audit_service.Wanted(frozenset(CheckName), None, since_checkpoint=False, retention_days=365)
        with closing(Database(self.url)) as database:
            audit = audit_service.audit(database, SUPERVISOR, wanted, self.now)
        return {(found.check.value, found.subject) for found in audit.findings if found.severity == "critical"}

    def warnings(self, days):
        wanted = audit_service.Wanted(
            frozenset({CheckName.RETENTION}), None, since_checkpoint=False, retention_days=days
        )
        with closing(Database(self.url)) as database:
            return [found.subject for found in audit_service.audit(database, SUPERVISOR, wanted, self.now).findings]

    def execute(self, *statements):
        with closing(Database(self.url)) as database, database.writing() as unit:
            for statement in statements:
                unit._connection.exec_driver_sql(statement)

    def select(self, statement):
        with closing(Database(self.url)) as database, database.reading() as unit:
            return [tuple(row) for row in unit._connection.exec_driver_sql(statement)]


def test_forms_reasons_and_what_stood_in_cells_go_and_the_audit_holds(tomorrow):
    done = tomorrow.purge()
    assert (done.orders, done.forms, done.reasons, done.rows) == (2, 2, 1, 1)
    forms = tomorrow.select("SELECT transfer, content FROM custmerge_form ORDER BY transfer")
    assert [(number, bytes(content)) for number, content in forms] == [(1, b""), (2, b""), (3, FORM)]
    assert tomorrow.select("SELECT reason FROM custmerge_transfer WHERE reason IS NOT NULL") == []
    assert "geraten" not in str(tomorrow.select("SELECT results FROM custmerge_batch_chunk"))
    assert tomorrow.findings() == set()


def test_digests_of_what_was_erased_stay(tomorrow):
    columns = "SELECT id, status, sha256, size, type, decided_by, decided_at FROM custmerge_transfer ORDER BY id"
    before = tomorrow.select(columns)
    tomorrow.purge()
    assert tomorrow.select(columns) == before


def test_a_second_purge_finds_nothing_and_writes_nothing(tomorrow):
    tomorrow.purge()
    entries = tomorrow.select("SELECT count(*) FROM custmerge_history")
    assert tomorrow.purge().is_nothing
    assert tomorrow.select("SELECT count(*) FROM custmerge_history") == entries


def test_what_is_young_or_open_stays(tomorrow):
    assert tomorrow.purge(days=3).is_nothing
    tomorrow.purge()
    assert len(tomorrow.select("SELECT 1 FROM custmerge_form WHERE length(content) > 0")) == 1


def test_the_entry_counts_each(tomorrow, supervisor):
    tomorrow.purge()
    (entry,) = tomorrow.select("SELECT body FROM custmerge_history WHERE action = 'purge'")
    told = json.loads(entry[0])
    assert {name: told[name] for name in ("orders", "forms", "reasons", "rows")} == {
        "orders": 2,
        "forms": 2,
        "reasons": 1,
        "rows": 1,
    }


def test_a_purge_says_how_many_of_each_it_would_erase(decided, supervisor):
    done = supervisor("purge", "--older-than", "1d", "--dry-run", "-f", "json").json
    assert sorted(done) == ["dry_run", "forms", "orders", "reasons", "rows", "until"]


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE custmerge_form SET content = ''", ("forms", "transfer 3")),
        ("UPDATE custmerge_transfer SET decided_by = 'ada' WHERE id = 2", ("transfers", "transfer 2")),
        ("UPDATE custmerge_transfer SET reason = 'darum' WHERE id = 2", ("transfers", "transfer 2")),
        ("UPDATE custmerge_form SET content = 'x' WHERE transfer = 1", ("forms", "transfer 1")),
        ("DELETE FROM custmerge_form WHERE transfer = 1", ("forms", "transfer 1")),
        ("UPDATE custmerge_before_image SET salt = 'x' WHERE \"order\" = 1", ("images", "order 1")),
    ],
)
def test_what_is_changed_after_a_purge_is_still_found(tomorrow, statement, finding):
    tomorrow.purge()
    tomorrow.execute(statement)
    assert finding in tomorrow.findings()


def test_what_a_purge_left_because_it_was_changed_cannot_be_emptied_afterwards(tomorrow):
    tomorrow.execute("UPDATE custmerge_form SET content = 'x' WHERE transfer = 1")
    tomorrow.execute("UPDATE custmerge_before_image SET image = 'x' WHERE \"order\" = 1")
    tomorrow.purge(changed=2)
    assert {("forms", "transfer 1"), ("images", "order 1")} <= tomorrow.findings()
    nothing = "X''" if tomorrow.url.startswith("sqlite") else "''"
    tomorrow.execute(f"UPDATE custmerge_form SET content = {nothing} WHERE transfer = 1")
    tomorrow.execute(f"UPDATE custmerge_before_image SET image = '', salt = {nothing} WHERE \"order\" = 1")
    assert {("forms", "signed forms"), ("images", "before-images")} <= tomorrow.findings()


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE custmerge_form SET content = '' WHERE transfer = 1", ("forms", "transfer 1")),
        ("UPDATE custmerge_transfer SET reason = NULL WHERE id = 2", ("transfers", "transfer 2")),
    ],
)
def test_what_no_purge_erased_is_missed(tomorrow, statement, finding):
    tomorrow.execute(statement)
    assert tomorrow.findings() == {finding}


def test_what_became_of_rows_and_cannot_be_read_stops_no_purge(tomorrow):
    tomorrow.execute("UPDATE custmerge_batch_chunk SET results = 'x{'")
    assert tomorrow.purge().forms == 2
    assert tomorrow.warnings(days=1) == ["batch 1"]


def test_a_later_void_transfer_of_the_same_pair_keeps_no_earlier_ones_form(tomorrow):
    tomorrow.execute("UPDATE custmerge_transfer SET status = 'void' WHERE id = 3")
    tomorrow.void(3, timedelta(days=1, hours=1))
    tomorrow.void(4, timedelta(hours=1))
    assert tomorrow.purge().forms == 3
    assert tomorrow.select("SELECT content FROM custmerge_form WHERE transfer = 3") in (
        [(b"",)],
        [(memoryview(b""),)],
    )


def test_a_transfer_that_the_host_has_left_behind_ends_with_a_purge(tomorrow):
    tomorrow.execute("UPDATE customer SET last_name = 'Anders' WHERE number = '20005'")
    assert tomorrow.purge().forms == 2
    (void,) = tomorrow.select("SELECT body FROM custmerge_history WHERE action = 'transfer_void'")
    assert json.loads(void[0])["why"] == "identity_changed"
    assert tomorrow.findings() == set()
    tomorrow.go_on(timedelta(days=2))
    assert tomorrow.purge().forms == 1


def test_a_run_that_was_cut_off_has_ended_when_its_approval_has(tomorrow):
    tomorrow.execute("UPDATE custmerge_batch SET state = 'running'")
    assert tomorrow.purge().rows == 0
    tomorrow.go_on(timedelta(days=8))
    assert tomorrow.purge().rows == 1


def test_a_purge_does_not_make_right_what_somebody_changed_before_it(tomorrow):
    tomorrow.execute("UPDATE custmerge_transfer SET decided_by = 'ada' WHERE id = 2")
    tomorrow.purge()
    assert tomorrow.findings() == {("transfers", "transfer 2")}


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE custmerge_form SET content = 'x' WHERE transfer = 1", ("forms", "transfer 1")),
        ("UPDATE custmerge_before_image SET image = 'x' WHERE \"order\" = 1", ("images", "order 1")),
        ("UPDATE custmerge_before_image SET salt = 'x' WHERE \"order\" = 1", ("images", "order 1")),
    ],
)
def test_what_was_changed_before_a_purge_stays_and_is_still_found(tomorrow, statement, finding):
    tomorrow.execute(statement)
    tomorrow.purge(changed=1)
    assert tomorrow.findings() == {finding}


def test_a_form_that_was_erased_is_not_written_out(tomorrow):
    tomorrow.purge()
    with closing(Database(tomorrow.url)) as database, pytest.raises(FormPurged):
        transfer_service.form_of(database, SUPERVISOR, 1, tomorrow.now)


def test_the_audit_warns_of_old_forms_and_cells(tomorrow):
    assert tomorrow.warnings(days=1) == ["order 1", "transfer 1", "batch 1"]
    tomorrow.purge()
    assert tomorrow.warnings(days=1) == []


def test_the_form_of_a_void_transfer_goes_unless_it_became_void_since(tomorrow):
    tomorrow.execute("UPDATE custmerge_transfer SET status = 'void' WHERE id = 3")
    tomorrow.void(3, timedelta(hours=1))
    assert tomorrow.purge().forms == 2
    tomorrow.go_on(timedelta(days=1))
    assert tomorrow.purge().forms == 1


def test_a_batch_can_still_be_undone_after_what_was_quoted_is_gone(tomorrow, supervisor):
    tomorrow.execute("UPDATE custmerge_batch SET at = '2020-01-01T00:00:00Z'")
    done = supervisor("purge", "--older-than", "365d", "--yes", "-f", "json").json
    assert (done["orders"], done["rows"]) == (0, 1)
    assert supervisor.in_process("undo", "--batch", "1", "--yes").code == 0


@pytest.fixture
def aged(merged, database_url):
    """Makes the order old, as years would; gives what its before-image holds."""
    from custmerge.storage.database import Database

    database = Database(database_url)
    with database.writing() as unit:
        unit._connection.exec_driver_sql(f"UPDATE custmerge_order SET at = '{LONG_AGO}'")

    def image():
        with database.reading() as unit:
            return unit._connection.exec_driver_sql("SELECT image FROM custmerge_before_image").scalar()

    yield image
    database.close()


@pytest.fixture
def apart(tomorrow, supervisor):
    """The same, two of the numbers being dismissed as duplicates."""
    reason = ("--reason", "sagt Frau Vogelsang")
    assert supervisor.in_process("duplicates", "dismiss", "10001", "20005", *reason).code == 0
    return tomorrow


def test_why_numbers_are_two_customers_goes_and_the_pair_stays_dismissed(apart, supervisor):
    assert "dismissal 10001 20005" in apart.warnings(days=1)
    assert apart.purge().reasons == 2
    assert apart.select("SELECT number, other, reason FROM custmerge_dismissal") == [("10001", "20005", None)]
    assert apart.findings() == set()
    assert apart.purge().is_nothing
    (listed,) = supervisor("duplicates", "dismissed", "-f", "json").json
    assert (listed["reason"], listed["holds"]) == (None, True)


def test_of_dismissals_only_those_from_before_the_time_lose_their_reason(apart):
    apart.go_on(timedelta(days=2 * 365))
    with closing(Database(apart.url)) as database:
        pair, salt = ("20003", "20005"), bytes(16)
        dismissals.dismiss(database, SUPERVISOR, pair, "two firms", salt=salt, now=apart.now)
    apart.go_on(timedelta(days=364))
    assert apart.warnings(days=365).count("dismissal 10001 20005") == 1
    apart.purge(days=365)
    told = apart.select("SELECT number, other, reason FROM custmerge_dismissal ORDER BY number")
    assert told == [("10001", "20005", None), ("20003", "20005", "two firms")]
    assert apart.findings() == set()
    assert not [subject for subject in apart.warnings(days=365) if subject.startswith("dismissal")]
    apart.go_on(timedelta(days=2))
    assert apart.warnings(days=365).count("dismissal 20003 20005") == 1
    assert apart.purge(days=365).reasons == 1
    assert apart.findings() == set()
    assert apart.select("SELECT reason FROM custmerge_dismissal") == [(None,), (None,)]


def test_a_dismissal_that_was_changed_before_a_purge_is_still_found(apart):
    apart.execute("UPDATE custmerge_dismissal SET \"by\" = 'ada'")
    apart.purge()
    assert apart.findings() == {("dismissals", "dismissal 10001 20005")}


def test_a_dismissal_that_was_taken_back_and_put_in_by_hand_is_still_found_after_a_purge(apart, supervisor):
    apart.execute("CREATE TABLE copied AS SELECT * FROM custmerge_dismissal")
    assert supervisor.in_process("duplicates", "undismiss", "10001", "20005").code == 0
    apart.execute("INSERT INTO custmerge_dismissal SELECT * FROM copied")
    apart.execute("DROP TABLE copied")
    apart.purge()
    assert apart.findings() == {("dismissals", "dismissal 10001 20005")}


def test_a_dismissal_that_is_taken_back_while_a_purge_reads_stays_away(apart, supervisor, monkeypatch):
    with closing(Database(apart.url)) as database, database.reading() as unit:
        read = unit.dismissals.reasons_before(stamp(apart.now))
    assert len(read) == 1
    assert supervisor.in_process("duplicates", "undismiss", "10001", "20005").code == 0
    monkeypatch.setattr(Dismissals, "reasons_before", lambda *_: read)
    with closing(Database(apart.url)) as database:
        shown = purge_service.preview(database, SUPERVISOR, 1, apart.now)
        purge_service.purge(database, SUPERVISOR, shown, apart.now)
    assert apart.select("SELECT number FROM custmerge_dismissal") == []
