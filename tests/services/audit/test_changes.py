"""An audit finds what was done to ledger, register and protection. On both databases."""

import pytest
from support.audit_scenes import after, audited, found, tamper

from custmerge.rules.audit import CheckName, Verdict
from custmerge.storage.database import Database

LEDGER = {
    "a body": ("UPDATE custmerge_history SET body = replace(body, '10001', '10002') WHERE \"order\" = 1", "chain"),
    "a hash": (
        'UPDATE custmerge_history SET hash = substr(hash, 2) || substr(hash, 1, 1) WHERE "order" = 1',
        "chain",
    ),
    "an entry before the first": (
        "INSERT INTO custmerge_history (seq, body, hash) SELECT 0, body, hash FROM custmerge_history WHERE seq = 1",
        "chain",
    ),
    "an entry deleted": ('DELETE FROM custmerge_history WHERE "order" = 2', "chain"),
    "the end cut off": ("DELETE FROM custmerge_history WHERE seq = (SELECT seq FROM custmerge_head)", "chain"),
    "two entries swapped": (
        "UPDATE custmerge_history SET seq = CASE seq WHEN 5 THEN -6 ELSE -5 END WHERE seq IN (5, 6)",
        "chain",
    ),
    "the head moved back": ("UPDATE custmerge_head SET seq = seq - 1", "chain"),
    "the head's hash": ("UPDATE custmerge_head SET hash = substr(hash, 2) || substr(hash, 1, 1)", "chain"),
    "the head's order": ('UPDATE custmerge_head SET "order" = 9', "orders"),
    "the head deleted": ("DELETE FROM custmerge_head", "chain"),
    "an order's survivor": ("UPDATE custmerge_order SET survivor = '20006' WHERE \"order\" = 1", "orders"),
    "an order's absorbed": ("UPDATE custmerge_order SET absorbed = '20006' WHERE \"order\" = 1", "orders"),
    "an order's choice": ("UPDATE custmerge_order SET choice = 'keep' WHERE \"order\" = 3", "orders"),
    "an order's fields": ("UPDATE custmerge_order SET taken = 'street' WHERE \"order\" = 3", "orders"),
    "an order's fields that quote": (
        "UPDATE custmerge_order SET taken = 'street\",\"city' WHERE taken = 'street city'",
        "orders",
    ),
    "an order's moment": ("UPDATE custmerge_order SET at = '2020-01-01T00:00:00Z' WHERE \"order\" = 1", "orders"),
    "an order's person": ('UPDATE custmerge_order SET "by" = \'eve\' WHERE "order" = 1', "orders"),
    "an order deleted": ('DELETE FROM custmerge_order WHERE "order" = 2', "orders"),
    "an order put in": (
        "INSERT INTO custmerge_order VALUES (7, '10001', '20006', 'keep', '', '2026-01-01T00:00:00Z', 'ben')",
        "orders",
    ),
    "an image": ("UPDATE custmerge_before_image SET image = replace(image, 'Katrin', 'Karla')", "images"),
    "an image's salt": (
        (
            "UPDATE custmerge_before_image SET salt = (SELECT salt FROM custmerge_before_image b "
            'WHERE b."order" = 2) WHERE "order" = 1'
        ),
        "images",
    ),
    "an image erased": ("UPDATE custmerge_before_image SET image = '' WHERE \"order\" = 1", "images"),
    "an image deleted": ('DELETE FROM custmerge_before_image WHERE "order" = 1', "images"),
    "an image swapped": (
        (
            'UPDATE custmerge_before_image SET "order" = CASE "order" WHEN 1 THEN -2 ELSE -1 END '
            'WHERE "order" IN (1, 2)'
        ),
        "images",
    ),
    "a role": ("UPDATE custmerge_staff SET role = 'supervisor' WHERE name = 'ben'", "staff"),
    "a password": ("UPDATE custmerge_staff SET password_hash = 'mine' WHERE name = 'anna'", "staff"),
    "a person put in": (
        "INSERT INTO custmerge_staff (name, role, password_hash, created_at) VALUES ('eve', 'supervisor', 'x', 'y')",
        "staff",
    ),
    "a person renamed": ("UPDATE custmerge_staff SET name = 'eve' WHERE name = 'ada'", "staff"),
    "a token's role": ("UPDATE custmerge_service SET role = 'supervisor'", "tokens"),
    "a token's end": ("UPDATE custmerge_service SET expires_at = '2030-01-01T00:00:00Z'", "tokens"),
    "a second key to a token": (
        "INSERT INTO custmerge_session (token_sha256, service, created_at, last_used_at) VALUES ('aa', 1, 'x', 'x')",
        "tokens",
    ),
    "another key to a token": ("UPDATE custmerge_session SET token_sha256 = 'aa' WHERE service = 1", "tokens"),
    "a token deleted": ("DELETE FROM custmerge_service", "tokens"),
    "who filed a transfer": ("UPDATE custmerge_transfer SET filed_by_person = 3 WHERE id = 1", "transfers"),
    "who approved a transfer": ("UPDATE custmerge_transfer SET decided_by = 'ada' WHERE id = 1", "transfers"),
    "a reason": ("UPDATE custmerge_transfer SET reason = 'darum' WHERE id = 2", "transfers"),
    "a rejected transfer approved": ("UPDATE custmerge_transfer SET status = 'approved' WHERE id = 2", "transfers"),
    "a used transfer usable again": (
        "UPDATE custmerge_transfer SET status = 'approved', \"order\" = NULL WHERE id = 1",
        "transfers",
    ),
    "a transfer's order": ('UPDATE custmerge_transfer SET "order" = 2 WHERE id = 1', "transfers"),
    "a transfer for another number": ("UPDATE custmerge_transfer SET absorbed = '20006' WHERE id = 1", "transfers"),
    "a form": ("UPDATE custmerge_form SET content = 'other' WHERE transfer = 1", "forms"),
    "a form deleted": ("DELETE FROM custmerge_form WHERE transfer = 1", "forms"),
    "a form of no transfer": (
        "INSERT INTO custmerge_form SELECT 99, content FROM custmerge_form WHERE transfer = 1",
        "forms",
    ),
    "who approved a file": ("UPDATE custmerge_batch SET approved_by = 'ben'", "batches"),
    "another file approved": ("UPDATE custmerge_batch SET sha256 = 'aa'", "batches"),
    "a strange trigger": (None, "triggers"),
}


@pytest.mark.parametrize("kind", LEDGER)
def test_whatever_is_done_to_the_ledger_is_critical(standing, kind):
    statement, check = LEDGER[kind]
    statements = [statement] if statement else STRANGE_TRIGGER[standing.startswith("sqlite")]
    audit = after(standing, *statements, *([FLIPPED[kind]] if kind in FLIPPED else []))
    assert audit.verdict is Verdict.CRITICAL
    assert found(audit, CheckName(check))


STRANGE_TRIGGER = {
    True: ["CREATE TRIGGER custmerge_x BEFORE INSERT ON custmerge_order BEGIN SELECT 1; END"],
    False: [
        "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "CREATE TRIGGER custmerge_x BEFORE INSERT ON custmerge_order FOR EACH ROW EXECUTE FUNCTION evil()",
    ],
}
FLIPPED = {
    "two entries swapped": "UPDATE custmerge_history SET seq = -seq WHERE seq < 0",
    "an image swapped": 'UPDATE custmerge_before_image SET "order" = -"order" WHERE "order" < 0',
}
REGISTER = {
    "a package under a tombstone": (
        "UPDATE package SET number = '20001' WHERE package = 'P20001'",
        "tombstones",
        "package P20001",
    ),
    "a package moved on": (
        "UPDATE package SET number = '20006' WHERE package = 'P20001'",
        "packages",
        "package P20001",
    ),
    "a package of nobody": (
        "UPDATE package SET number = '4711' WHERE package = 'P20005'",
        "packages",
        "package P20005",
    ),
    "a package gone": ("DELETE FROM package WHERE package = 'P20001'", "packages", "package P20001"),
    "a domain gone": ("DELETE FROM domain WHERE name = 'd1.example'", "packages", "package P20001"),
    "a domain in another package": (
        "UPDATE domain SET package = 'P20006' WHERE name = 'd1.example'",
        "packages",
        "package P20001",
    ),
    "a kept contact dropped": (
        "UPDATE package SET {} WHERE package = 'P20005'".format(
            ", ".join(
                f"contact_{name} = NULL"
                for name in ("street", "postcode", "city", "phone", "mobile", "email", "account_number", "bank_code")
            )
        ),
        "contacts",
        "package P20005",
    ),
    "a tombstone in use again": (
        "UPDATE customer SET merged_into = NULL WHERE number = '20001'",
        "tombstones",
        "customer 20001",
    ),
    "a tombstone that leads elsewhere": (
        "UPDATE customer SET merged_into = '20006' WHERE number = '20001'",
        "tombstones",
        "customer 20001",
    ),
    "a tombstone with a record": (
        "UPDATE customer SET company = 'X' WHERE number = '20001'",
        "tombstones",
        "customer 20001",
    ),
    "a circle": (
        "UPDATE customer SET merged_into = '20001' WHERE number = '10001'",
        "circles",
        "customer 10001",
    ),
    "a number that nobody merged away": (
        "UPDATE customer SET merged_into = '20006' WHERE number = '10001'",
        "tombstones",
        "customer 10001",
    ),
    "a way to nowhere": (
        "UPDATE customer SET merged_into = '4711' WHERE number = '20006'",
        "circles",
        "customer 20006",
    ),
}


@pytest.mark.parametrize("kind", REGISTER)
def test_what_is_done_to_the_register_behind_the_orders_is_critical(standing, kind):
    statement, check, subject = REGISTER[kind]
    audit = after(standing, statement)
    assert audit.verdict is Verdict.CRITICAL
    assert subject in found(audit, CheckName(check))


DROPPED = {
    "custmerge_history": "chain",
    "custmerge_head": "chain",
    "custmerge_order": "orders",
    "custmerge_before_image": "images",
    "customer": "tombstones",
    "domain": "domains",
    "custmerge_form": "forms",
    "custmerge_lock": "chain",
}


@pytest.mark.parametrize("table", DROPPED)
def test_a_dropped_table_is_critical_whatever_is_wanted(lived, table):
    cascade = "" if lived.startswith("sqlite") else " CASCADE"
    tamper(lived, f"DROP TABLE {table}{cascade}")
    assert f"table {table}" in found(audited(lived), CheckName(DROPPED[table]))
    assert audited(lived, checks={CheckName.EXPIRY}).findings


def test_a_dropped_column_is_critical(lived):
    tamper(lived, "ALTER TABLE custmerge_order DROP COLUMN taken")
    assert "column custmerge_order.taken" in found(audited(lived), CheckName.ORDERS)


def test_a_column_of_another_type_is_critical(lived):
    if lived.startswith("sqlite"):
        # It can't change one.
        return
    tamper(lived, "ALTER TABLE custmerge_transfer ALTER COLUMN at TYPE timestamptz USING at::timestamptz")
    assert "column custmerge_transfer.at" in found(audited(lived), CheckName.TRANSFERS)


@pytest.mark.parametrize("event", ["update", "delete"])
def test_a_dropped_trigger_is_critical(lived, event):
    name = f"custmerge_history_no_{event}"
    database = Database(lived)
    with database.writing() as unit:
        where = "" if database.is_sqlite else " ON custmerge_history"
        unit._connection.exec_driver_sql(f"DROP TRIGGER {name}{where}")
    database.close()
    assert found(audited(lived), CheckName.TRIGGERS) == {f"trigger {name}"}


def test_a_trigger_that_is_switched_off_is_critical(lived):
    if lived.startswith("sqlite"):
        # SQLite can't switch a trigger off.
        return
    tamper(lived, "ALTER TABLE custmerge_history DISABLE TRIGGER custmerge_history_no_truncate")
    assert found(audited(lived), CheckName.TRIGGERS) == {"trigger custmerge_history_no_truncate"}


def test_a_trigger_that_does_nothing_is_critical(lived):
    if lived.startswith("sqlite"):
        tamper(lived)
        database = Database(lived)
        with database.writing() as unit:
            unit._connection.exec_driver_sql("DROP TRIGGER custmerge_history_no_delete")
            unit._connection.exec_driver_sql(
                "CREATE TRIGGER custmerge_history_no_delete BEFORE DELETE ON custmerge_history BEGIN SELECT 1; END"
            )
        database.close()
    else:
        tamper(
            lived,
            "CREATE OR REPLACE FUNCTION custmerge_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN NULL; END $$",
        )
    assert "trigger custmerge_history_no_delete" in found(audited(lived), CheckName.TRIGGERS)


RETYPED = {
    "a transfer's salt": "UPDATE custmerge_transfer SET salt = lower(hex(salt)) WHERE id = 1",
    "a form": "UPDATE custmerge_form SET content = CAST(content AS text) WHERE transfer = 1",
    "a second head": 'INSERT INTO custmerge_head SELECT 0, seq + 1, hash, "order" FROM custmerge_head',
    "a contact in part": "UPDATE package SET contact_email = 'eve@x.example' WHERE package = 'P20001'",
}


@pytest.mark.parametrize("kind", RETYPED)
def test_what_only_an_sqlite_without_its_checks_takes_is_critical(lived, kind):
    if not lived.startswith("sqlite"):
        # Its types and constraints can't be passed by.
        return
    assert audited(lived).verdict is Verdict.OK
    tamper(lived, "PRAGMA ignore_check_constraints = ON", RETYPED[kind])
    assert audited(lived).verdict is Verdict.CRITICAL


TWO_FORMS = {
    True: [
        "CREATE TABLE aside AS SELECT * FROM custmerge_form",
        "DROP TABLE custmerge_form",
        "CREATE TABLE custmerge_form (transfer INTEGER NOT NULL, content BLOB NOT NULL)",
        "INSERT INTO custmerge_form SELECT * FROM aside UNION ALL SELECT 1, x'25504446'",
    ],
    False: [
        "ALTER TABLE custmerge_form DROP CONSTRAINT custmerge_form_pkey",
        "INSERT INTO custmerge_form VALUES (1, 'x')",
    ],
}


def test_a_second_form_for_one_transfer_is_critical(standing):
    audit = after(standing, *TWO_FORMS[standing.startswith("sqlite")])
    assert "transfer 1" in found(audit, CheckName.FORMS)
    assert any(subject.startswith("constraint custmerge_form") for subject in found(audit, CheckName.COLUMNS))


DULLED = {
    "triggers that don't fire": ["SET LOCAL session_replication_role = replica"],
    "a trigger of the same name": [
        "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        (
            "CREATE TRIGGER custmerge_history_no_update BEFORE INSERT ON custmerge_transfer FOR EACH ROW "
            "EXECUTE FUNCTION evil()"
        ),
    ],
    "a trigger that never fires": [
        "DROP TRIGGER custmerge_history_no_update ON custmerge_history",
        (
            "CREATE TRIGGER custmerge_history_no_update BEFORE UPDATE ON custmerge_history FOR EACH STATEMENT "
            "WHEN (false) EXECUTE FUNCTION custmerge_refuse()"
        ),
    ],
    "a trigger for one column": [
        "DROP TRIGGER custmerge_history_no_update ON custmerge_history",
        (
            "CREATE TRIGGER custmerge_history_no_update BEFORE UPDATE OF seq ON custmerge_history FOR EACH STATEMENT "
            "EXECUTE FUNCTION custmerge_refuse()"
        ),
    ],
    "a rule": ["CREATE RULE quietly AS ON INSERT TO custmerge_history DO ALSO NOTHING"],
}


@pytest.mark.parametrize("kind", DULLED)
def test_a_protection_of_postgresql_that_was_dulled_is_critical(standing, kind):
    if standing.startswith("sqlite"):
        # It knows neither.
        return
    assert found(after(standing, *DULLED[kind], replica=False), CheckName.TRIGGERS)


@pytest.mark.parametrize("check", [CheckName.CHAIN, CheckName.COLUMNS])
def test_a_body_that_is_no_entry_any_more_is_found_whichever_check_is_asked_for(lived, check):
    tamper(lived, """UPDATE custmerge_history SET body = '{"action": "import"}' WHERE seq = 3""")
    assert found(audited(lived, checks={check}), check) == {"history 3"}
