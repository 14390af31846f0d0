"""Contract §2, rule 3: a proof is worth what it rests on. On both databases."""

import json

import pytest
from passlib.hash import sha512_crypt
from support.scenes import scene

from custmerge.storage.database import Database

BULK = "survivor,absorbed,choice,domain,password\n"
PROVED = [("zwei.example", "pw-2"), ("drei.example", "paket")]


@scene
def pair(world):
    """10001, and 20002 with a package that has no password of its own and one that has; 30003 besides."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    world.package("Q20002", "20002", ["drei.example"], password="paket")
    world.customer("30003", password="pw-3", domains=["vier.example"])
    return world


def verify(cli, domain="zwei.example", password="pw-2", absorbed="20002", into=("--into", "10001")):
    done = cli("verify", absorbed, *into, "--domain", domain, "--password-stdin", stdin=password)
    assert done.code == 0, done.err


def dry_run(cli, absorbed="20002"):
    done = cli("merge", absorbed, "--into", "10001", "--dry-run", "-f", "json")
    return done.code, done.error["code"] if done.err else None


def import_(world, kind, text):
    (world.folder / "changed.csv").write_text(text)
    done = world.anna.in_process("import", kind, "changed.csv", "--update")
    assert done.code == 0, done.err


CHANGES = {
    "the package gets a password": ("zwei.example", "packages", "package,number,password\nP20002,20002,neu\n"),
    "the number's password is replaced": ("zwei.example", "customers", "number,password\n20002,neu\n"),
    "it is replaced by the same, hashed anew": ("zwei.example", "customers", "number,password\n20002,pw-2\n"),
    "the package's password is replaced": ("drei.example", "packages", "package,number,password\nQ20002,20002,neu\n"),
    "the package goes elsewhere": ("drei.example", "packages", "package,number\nQ20002,30003\n"),
    "the domain goes elsewhere": (
        "drei.example",
        "packages",
        "package,number,domains\nQ20002,20002,\nP30003,30003,vier.example drei.example\n",
    ),
    "the domain goes to a package with another password": (
        "drei.example",
        "packages",
        "package,number,domains\nQ20002,20002,\nP20002,20002,zwei.example drei.example\n",
    ),
    "the domain is gone": ("zwei.example", "packages", "package,number,domains\nP20002,20002,\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_proof_ends_with_what_it_rests_on(pair, agent, cli, change):
    domain, kind, text = CHANGES[change]
    customer = cli.login("10001", "pw-1")
    for who, into in ((agent, ("--into", "10001")), (customer, ())):
        verify(who, domain, dict(PROVED)[domain], into=into)
    assert dry_run(agent) == (0, None)
    assert customer("diff", "20002").code == 0
    import_(pair, kind, text)
    assert dry_run(agent) == (4, "proof_required")
    before = pair.dump()
    done = agent("merge", "20002", "--into", "10001", "--yes", "-f", "json")
    assert (done.code, done.error["code"], pair.dump()) == (4, "proof_required", before)
    looked = customer("diff", "20002", "-f", "json")
    assert (looked.code, looked.error["code"]) == (4, "proof_required")


def test_a_proof_outlives_what_it_does_not_rest_on(pair, agent):
    verify(agent, "drei.example", "paket")
    import_(pair, "customers", "number,password,city\n20002,neu,Ulm\n")
    import_(pair, "packages", "package,number,domains\nP20002,30003,zwei.example\n")
    # Into another package, whose password is the same: the number's own.
    assert dry_run(agent)[1] == "details_differ"


def test_a_proof_ends_when_the_number_takes_another_over(pair, agent, supervisor):
    verify(agent)
    assert supervisor("verify", "30003", "--into", "20002", "--domain", "vier.example", "--password-stdin",
                      stdin="pw-3").code == 0  # fmt: skip
    assert dry_run(agent) == (0, None)
    assert supervisor("merge", "30003", "--into", "20002", "--yes").code == 0
    assert dry_run(agent) == (4, "proof_required")
    verify(agent)
    assert dry_run(agent) == (0, None)


# A hash that is only renewed is the same password


def legacy(world, *, own, package=""):
    def old(password):
        return sha512_crypt.using(rounds=1000).hash(password) if password else ""

    import_(world, "customers", f"number,password_hash\n20002,{old(own)}\n")
    import_(world, "packages", f"package,number,password_hash\nQ20002,20002,{old(package)}\n")


def hashes(world):
    return {(one["password_hash"] or "")[:4] for one in map(json.loads, world.dump()) if "20002" in one["number"]}


@pytest.mark.parametrize(("domain", "password"), PROVED)
def test_a_proof_stays_good_when_another_renews_the_hash(pair, agent, supervisor, database_url, domain, password):
    verify(agent, domain, password)
    legacy(pair, own="pw-2", package="paket")
    # As if it had been verified against the old hash by a version that doesn't renew.
    rest_on_what_is_there(database_url, domain)
    assert dry_run(agent) == (0, None)
    verify(supervisor, domain, password)
    assert "$arg" in hashes(pair)
    assert dry_run(agent) == (0, None)
    assert dry_run(supervisor) == (0, None)


def test_a_proof_stays_good_when_the_customer_logs_in_and_a_bulk_row_renews(pair, agent, cli, database_url):
    verify(agent)
    legacy(pair, own="pw-2", package="paket")
    rest_on_what_is_there(database_url, "zwei.example")
    cli.login("20002", "pw-2")
    assert dry_run(agent) == (0, None)
    verify(agent, "drei.example", "paket")
    legacy(pair, own="pw-2", package="paket")
    rest_on_what_is_there(database_url, "drei.example")
    (pair.folder / "rows.csv").write_text(BULK + "30003,20002,,drei.example,paket\n")
    (pair.folder / "rows.csv").chmod(0o600)
    import_(pair, "customers", "number,city\n30003,Kiel\n")
    # Differs, and the hash is renewed all the same.
    assert agent("bulk", "run", "rows.csv").code == 7
    assert dry_run(agent) == (0, None)


def rest_on_what_is_there(url, domain):
    from custmerge.rules.people import verified_sha256

    database = Database(url)
    with database.writing() as unit:
        (stored,) = unit.register.domain_passwords([("20002", domain)]).values()
        unit._connection.exec_driver_sql(f"UPDATE custmerge_proof SET verified_sha256 = '{verified_sha256(stored)}'")
    database.close()


# Rows of a bulk file that rest on the session's proofs


@pytest.mark.parametrize("chunk", ["1", "500"])
def test_an_order_of_the_same_file_ends_the_proof_of_its_survivor(pair, agent, chunk):
    verify(agent)
    verify(agent, "vier.example", "pw-3", absorbed="30003", into=("--into", "20002"))
    # Without a column of passwords a check takes a file for approved.
    (pair.folder / "proofs.csv").write_text("survivor,absorbed,password\n20002,30003,\n10001,20002,\n")
    (pair.folder / "proofs.csv").chmod(0o600)
    assert agent("bulk", "check", "proofs.csv", "--report", "check.csv").code == 7
    assert agent("bulk", "run", "proofs.csv", "--report", "report.csv", "--chunk", chunk).code == 7
    for name in ("check.csv", "report.csv"):
        told = [line.split(",")[3:5] for line in (pair.folder / name).read_text().splitlines()[1:]]
        assert told == [["merged", "0"], ["refused", "4"]]
    assert pair.customers()["20002"]["merged_into"] is None


def test_a_bulk_row_on_a_proof_that_has_ended_is_refused(pair, agent):
    verify(agent)
    import_(pair, "customers", "number,password\n20002,neu\n")
    (pair.folder / "proofs.csv").write_text("survivor,absorbed,password\n10001,20002,\n")
    (pair.folder / "proofs.csv").chmod(0o600)
    for verb in ("check", "run"):
        assert agent("bulk", verb, "proofs.csv", "--report", "report.csv").code == 7
        assert (pair.folder / "report.csv").read_text().splitlines()[1].split(",")[3:5] == ["refused", "4"]
