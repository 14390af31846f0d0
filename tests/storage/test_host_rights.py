"""On a host's tables a role gets what the mapping needs, and nothing more."""

import psycopg
import pytest
from support.bare_hosts import BareHost
from support.databases import STAFF_PASSWORD

NEEDED = {
    ("client", "SELECT", None),
    ("client", "UPDATE", "name"),
    ("invoice", "SELECT", None),
    ("invoice", "UPDATE", "client_id"),
    ("newsletter", "SELECT", None),
    ("newsletter", "UPDATE", "client_id"),
    ("newsletter", "INSERT", None),
    ("newsletter", "DELETE", None),
    ("note", "SELECT", None),
    ("note", "UPDATE", "target"),
}
GIVEN = """
SELECT relname::text, privilege_type, NULL FROM pg_class, aclexplode(relacl) JOIN pg_roles r ON r.oid = grantee
WHERE rolname = %(role)s AND relname NOT LIKE 'custmerge%%'
UNION ALL
SELECT relname::text, privilege_type, attname::text FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid,
aclexplode(attacl) JOIN pg_roles r ON r.oid = grantee WHERE rolname = %(role)s AND relname NOT LIKE 'custmerge%%'
"""


@pytest.fixture
def role(bare, worker_id):
    name = f"app_{worker_id}"
    with psycopg.connect(bare.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
        yield name
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


@pytest.mark.parametrize("bare_url", ["postgresql"], indirect=True)
def test_a_role_gets_exactly_what_the_mapping_needs(bare, role):
    assert bare.in_process("attach", bare.mapping()).code == 0
    assert bare.in_process("init", "--supervisor", "anna", "--password-stdin", stdin=STAFF_PASSWORD).code == 0
    done = bare("init", "--grant", role)
    assert done.code == 0, done.err
    with psycopg.connect(bare.url) as connection:
        assert set(connection.execute(GIVEN, {"role": role}).fetchall()) == NEEDED
    app = BareHost(bare.url.replace("postgres:@", f"{role}:@"), bare.folder)
    login = ("login", "--staff", "anna", "--password-stdin", "--print-token")
    app.token = app.in_process(*login, stdin=STAFF_PASSWORD).out.strip()
    assert app.token
    (check,) = (one for one in app.in_process("doctor", "-f", "json").json if one["check"] == "permissions")
    assert check["ok"]
    assert app.in_process("attach", bare.mapping(), "--check").code == 0
    done = app.in_process("attach", "shop.toml", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "not_owner")


@pytest.mark.parametrize("bare_url", ["postgresql"], indirect=True)
def test_a_right_that_is_taken_away_is_told_by_doctor(bare, role):
    assert bare.in_process("attach", bare.mapping()).code == 0
    assert bare.in_process("init", "--grant", role).code == 0
    with psycopg.connect(bare.url, autocommit=True) as connection:
        connection.execute(f"REVOKE UPDATE (client_id) ON invoice FROM {role}")
    app = BareHost(bare.url.replace("postgres:@", f"{role}:@"), bare.folder)
    (check,) = (one for one in app.in_process("doctor", "-f", "json").json if one["check"] == "permissions")
    assert not check["ok"]
    assert "may not UPDATE" in check["message"]


@pytest.mark.parametrize("bare_url", ["postgresql"], indirect=True)
def test_a_table_in_a_schema_that_may_not_be_used_is_told_like_any_other(bare, role):
    with psycopg.connect(bare.url, autocommit=True) as connection:
        connection.execute(
            "CREATE SCHEMA billing;"
            "CREATE TABLE billing.invoice (id int PRIMARY KEY, client_id int REFERENCES client);"
            f"GRANT SELECT, UPDATE, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        )
    app = BareHost(bare.url.replace("postgres:@", f"{role}:@"), bare.folder)
    done = app.in_process("attach", bare.mapping(), "--check", "-f", "json")
    assert done.code == 1, done.err
    (problem,) = done.json["problems"]
    assert problem["subject"] == "billing.invoice"
    assert "may not SELECT, UPDATE here" in problem["message"]


@pytest.mark.parametrize("bare_url", ["postgresql"], indirect=True)
def test_rows_that_policies_hide_are_told_by_the_check_and_stay_nowhere_unseen(bare, role):
    assert bare.in_process("attach", bare.mapping()).code == 0
    assert bare.in_process("init", "--supervisor", "anna", "--password-stdin", stdin=STAFF_PASSWORD).code == 0
    assert bare.in_process("init", "--grant", role).code == 0
    app = BareHost(bare.url.replace("postgres:@", f"{role}:@"), bare.folder)
    login = ("login", "--staff", "anna", "--password-stdin", "--print-token")
    app.token = app.in_process(*login, stdin=STAFF_PASSWORD).out.strip()
    assert app.in_process("diff", "20002", "--into", "10001").code == 0
    with psycopg.connect(bare.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE note ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON note USING (id > 1)")
    done = app.in_process("attach", bare.mapping(), "--check", "-f", "json")
    assert (done.code, [problem["subject"] for problem in done.json["problems"]]) == (1, ["note"])
    assert "BYPASSRLS" in done.json["problems"][0]["message"]
    done = app.in_process("diff", "20002", "--into", "10001", "-f", "json")
    assert (done.code, done.error["code"]) == (8, "database_read_only")
    assert "Policies" in done.error["message"]
    # Policies hide nothing from the owner of a table, unless it is FORCE ROW LEVEL SECURITY.
    assert bare.in_process("attach", bare.mapping(), "--check").code == 0
