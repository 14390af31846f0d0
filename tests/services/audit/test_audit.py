"""An audit is content with what nobody touched, warns, and says where it looked. On both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from support import audit_scenes
from support.audit_scenes import MOVED, NOW, audited, found, merged, tamper
from support.world import World, details

from custmerge.rules.audit import CheckName, Checkpoint, Verdict
from custmerge.rules.history import Head, chain_hash
from custmerge.rules.people import Role
from custmerge.services import audit as audit_service
from custmerge.services.access import Caller
from custmerge.services.audit import workers
from custmerge.services.audit.workers import AuditProcesses
from custmerge.storage.database import Database

cli = audit_scenes.cli


def subjects(audit):
    return {(finding.check, finding.subject) for finding in audit.findings}


def test_a_database_that_nobody_touched_is_in_order(lived):
    audit = audited(lived)
    assert (audit.verdict, audit.findings) == (Verdict.OK, [])
    assert [checked.check for checked in audit.checks] == list(CheckName)
    assert audit.head.order == 6


def test_an_empty_database_is_in_order(database_url):
    assert audited(database_url).verdict is Verdict.OK


def test_orders_that_were_undone_hide_nothing(lived, agent, supervisor):
    assert supervisor.in_process("undo", "3", "4", "--yes").code == 0
    assert audited(lived).verdict is Verdict.OK
    tamper(lived, "UPDATE customer SET merged_into = '10001' WHERE number = '20004'", MOVED)
    audit = audited(lived)
    assert "customer 20004" in found(audit, CheckName.TOMBSTONES)
    assert "package P20001" in found(audit, CheckName.PACKAGES)


def rewritten(url):
    """Replace the whole chain by one that holds together and says that eve did it."""
    database = Database(url)
    with database.reading() as unit:
        entries, head = list(unit.chain.oldest()), unit.ledger_reader.head()
    database.close()
    statements, previous = [], "00" * 32
    for entry in entries:
        body = entry.body.replace('"by":"ben"', '"by":"eve"')
        previous = chain_hash(previous, body)
        quoted = body.replace("'", "''")
        statements.append(
            f"UPDATE custmerge_history SET body = '{quoted}', hash = '{previous}' WHERE seq = {entry.seq}"
        )
    statements += ["UPDATE custmerge_order SET \"by\" = 'eve'", f"UPDATE custmerge_head SET hash = '{previous}'"]
    tamper(url, *statements)
    return head


@pytest.mark.parametrize("since", [False, True])
def test_a_chain_that_was_replaced_consistently_is_critical_by_its_checkpoint(lived, since):
    head = audited(lived).head
    rewritten(lived)
    assert audited(lived, checks={CheckName.CHAIN, CheckName.ORDERS}).verdict is Verdict.OK
    checkpoint = Checkpoint(head.seq, head.hash, "2026-01-01T00:00:00Z", None)
    audit = audited(lived, checkpoints=[checkpoint], since_checkpoint=since)
    assert found(audit, CheckName.CHECKPOINT) == {"checkpoint 2026-01-01T00:00:00Z"}
    assert audit.verdict is Verdict.CRITICAL


def test_a_history_that_is_shorter_than_its_checkpoint_is_critical(lived):
    audit = audited(lived, checkpoints=[Checkpoint(9_999, "ab" * 32, "2026-01-01T00:00:00Z", None)])
    assert found(audit, CheckName.CHECKPOINT) == {"checkpoint 2026-01-01T00:00:00Z"}


def test_since_a_checkpoint_only_what_is_new_is_verified(lived, world, agent):
    head = audited(lived).head
    checkpoint = [Checkpoint(head.seq, head.hash, "2026-01-01T00:00:00Z", None)]
    world.customer("20007", domains=["d7.example"], password="hefezopf")
    assert merged(agent, 7, "--keep").code == 0
    assert audited(lived, checkpoints=checkpoint, since_checkpoint=True).verdict is Verdict.OK
    tamper(lived, "UPDATE custmerge_order SET taken = 'city' WHERE \"order\" = 1")
    assert audited(lived, checkpoints=checkpoint, since_checkpoint=True).verdict is Verdict.OK
    tamper(lived, "UPDATE custmerge_order SET taken = 'city' WHERE \"order\" = 7")
    assert found(audited(lived, checkpoints=checkpoint, since_checkpoint=True), CheckName.ORDERS) == {"order 7"}


ODD_NAMES = ('P"1', "a},{b", "C:\\web", "P'1", "Müller&Söhne", "%s", ":first", "{0}")


@pytest.mark.parametrize("choice", ["--adopt", "--keep"])
def test_packages_with_an_odd_name_are_as_their_order_left_them(lived, cli, choice):
    world = World(cli)
    for place, package in enumerate(ODD_NAMES):
        survivor, absorbed, domain = f"1010{place}", f"2010{place}", f"x{place}.example"
        world.customer(survivor, street="Weg 7", domains=[f"s{place}.example"])
        world.customer(absorbed, street='Weg "7" \\ {7}', password="hefezopf")
        world.package(package, absorbed, [f"müller{place}.example", domain])
        world.package(f"own-contact-{place}", absorbed, contact=details(city='Bad "Z", {W}\\'))
        command = ("merge", absorbed, "--into", survivor, "--domain", domain, "--password-stdin", choice, "--yes")
        done = cli.as_("ben").in_process(*command, stdin="hefezopf")
        assert done.code == 0, done.err
    assert audited(lived).verdict is Verdict.OK
    others = [f"own-contact-{place}" for place in range(len(ODD_NAMES))]
    tamper(lived, *(f"UPDATE domain SET package = '{o}' WHERE name = 'x{n}.example'" for n, o in enumerate(others)))
    assert found(audited(lived), CheckName.PACKAGES) == {f"package {name}" for name in (*ODD_NAMES, *others)}


def test_a_package_that_was_moved_among_very_many_is_critical(lived, cli):
    world = World(cli)
    world.customer("10008")
    for number in range(1, 11):
        world.customer(f"400{number:02}", domains=[f"m{number}.example"])
    rows = "".join(f"10008,400{number:02},\n" for number in range(1, 11))
    (cli.folder / "many.csv").write_text("survivor,absorbed,choice\n" + rows)
    assert cli.as_("anna").in_process("bulk", "approve", "many.csv", "--yes").code == 0
    assert cli.as_("ben").in_process("bulk", "run", "many.csv").code == 0
    assert audited(lived).verdict is Verdict.OK
    tamper(lived, "UPDATE package SET number = '10001' WHERE package = 'P40003'")
    assert found(audited(lived), CheckName.PACKAGES) == {"package P40003"}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("start", ["forked", "spawned"])
def test_several_processes_find_what_one_finds(lived, monkeypatch, start):
    tamper(
        lived,
        "UPDATE custmerge_order SET taken = 'city' WHERE \"order\" = 2",
        'DELETE FROM custmerge_history WHERE "order" = 4',
        "UPDATE custmerge_before_image SET image = 'x' WHERE \"order\" = 5",
        "UPDATE package SET number = '20001' WHERE package = 'P20001'",
    )
    alone = audited(lived)
    monkeypatch.setattr(AuditProcesses, "WORTH_FORKING", 0)
    monkeypatch.setattr(AuditProcesses, "WORTH_SPAWNING", 0)
    monkeypatch.setattr(workers, "_is_forkable", lambda: start == "forked")
    monkeypatch.setattr(workers, "cores", lambda: 2)
    monkeypatch.setattr(AuditProcesses, "ENTRIES_AT_ONCE", 3)
    together = audited(lived)
    assert subjects(alone) == subjects(together)


def test_many_findings_are_counted_and_some_listed(lived):
    rows = ", ".join(f"({n}, '1', '2', 'keep', '', 'x', 'y')" for n in range(1_000, 1_250))
    tamper(lived, f"INSERT INTO custmerge_order VALUES {rows}")
    (orders,) = [checked for checked in audited(lived).checks if checked.check is CheckName.ORDERS]
    assert len(orders.findings) == 100


def test_checks_can_be_left_out(lived):
    tamper(lived, "UPDATE custmerge_order SET taken = 'city' WHERE \"order\" = 1")
    assert audited(lived, checks=set(CheckName) - {CheckName.ORDERS}).verdict is Verdict.OK


class TestWarnings:
    def test_a_lock_since_the_last_audit(self, lived, cli):
        for _ in range(5):
            assert cli.in_process("login", "20006", "--password-stdin", "--print-token", stdin="geraten").code == 4
        audit = audited(lived, now=datetime.now(UTC))
        assert audit.verdict is Verdict.WARNING
        assert found(audit, CheckName.LOGINS) == {"login"}

    def test_many_wrong_passwords_since_the_last_audit(self, lived, cli):
        for number in range(20):
            assert (
                cli.in_process("login", f"4711{number}", "--password-stdin", "--print-token", stdin="geraten").code
                == 4
            )
        assert audited(lived, now=datetime.now(UTC)).verdict is Verdict.WARNING

    def test_a_service_token_that_ends_within_a_week(self, lived):
        audit = audited(lived, now=NOW + timedelta(days=85))
        assert found(audit, CheckName.EXPIRY) == {"token nightly"}

    def test_a_transfer_that_is_left_open(self, lived, agent):
        assert agent.in_process("transfer", "file", "20006", "--into", "10001", "--form", "form.pdf").code == 0
        assert found(audited(lived, now=NOW + timedelta(days=8)), CheckName.OPEN) == {"transfer 3"}

    def test_a_transfer_that_the_host_has_left_behind(self, lived, agent):
        agent.in_process("transfer", "file", "20006", "--into", "10001", "--form", "form.pdf")
        tamper(lived, "UPDATE customer SET last_name = 'Anders' WHERE number = '20006'")
        audit = audited(lived, now=NOW + timedelta(days=8))
        assert found(audit, CheckName.OPEN) == {"transfer 3"}
        assert "custmerge purge" in next(one.message for one in audit.findings if one.subject == "transfer 3")

    def test_an_approval_that_nobody_used(self, lived, supervisor, tmp_path):
        (tmp_path / "other.csv").write_text("survivor,absorbed\n10001,20006\n")
        assert supervisor.in_process("bulk", "approve", "other.csv", "--yes").code == 0
        assert found(audited(lived, now=NOW + timedelta(days=8)), CheckName.OPEN) == {"batch 2"}

    def test_before_images_that_are_older_than_the_retention(self, lived):
        audit = audited(lived, days=30, now=NOW + timedelta(days=31))
        assert found(audit, CheckName.RETENTION) == {"order 1", "transfer 1", "dismissal 10001 20006"}


def test_only_supervisors_and_auditors_may_audit(cli):
    from custmerge.errors import NotAllowed

    for role in (Role.CUSTOMER, Role.AGENT):
        with pytest.raises(NotAllowed):
            audit_service.audit(
                Database(cli.url),
                Caller(role, "x", "", ""),
                audit_service.Wanted(frozenset(CheckName), None, False, 365),
                NOW,
            )


def test_the_head_is_what_a_checkpoint_names(lived):
    database = Database(lived)
    with database.reading() as unit:
        (entry,) = unit.chain.newest(limit=1)
    database.close()
    assert audited(lived).head == Head(entry.seq, entry.hash, 6)
