"""Hashes of other programs: verified, and replaced by argon2id when their password is known."""

import unicodedata

import bcrypt
import pytest
from argon2 import PasswordHasher
from passlib.hash import sha512_crypt

pytestmark = pytest.mark.usefixtures("true_hashes")
OLD = {
    "bcrypt": lambda password: bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode(),
    "bcrypt as PHP writes it": lambda password: (
        bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
    ),
    "SHA-512-crypt": sha512_crypt.using(rounds=5000).hash,
    "SHA-512-crypt with rounds": sha512_crypt.using(rounds=1000).hash,
    "argon2 with other parameters": PasswordHasher(time_cost=2, memory_cost=1024, parallelism=2).hash,
}
PROOF = ("verify", "20002", "--into", "10001", "--password-stdin", "--domain")


@pytest.fixture(params=OLD)
def old(request):
    return OLD[request.param]


def load(world, kind, text):
    (world.folder / "new.csv").write_text(text, encoding="utf-8")
    done = world.anna.in_process("import", kind, "new.csv", "--update")
    assert done.code == 0, done.err


def hashes(world, kind):
    return [row["password_hash"] for row in world.exported(kind)]


def test_a_login_verifies_an_old_hash_and_renews_it(world, cli, old):
    load(world, "customers", f'number,password_hash\n10001,"{old("grüße")}"\n')
    log_in = ("login", "10001", "--password-stdin", "--print-token")
    assert cli(*log_in, stdin="grüssen").code == 4
    assert not hashes(world, "customers")[0].startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert cli(*log_in, stdin="grüße").code == 0
    assert hashes(world, "customers")[0].startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert cli(*log_in, stdin="grüße").code == 0


def test_a_proof_renews_the_hash_of_the_package_that_it_belongs_to(world, agent, old):
    world.customer("10001")
    load(world, "customers", f'number,password_hash\n20002,"{old("pw-2")}"\n')
    load(
        world,
        "packages",
        f'package,number,domains,password_hash\nP1,20002,a.example,"{old("paket")}"\nP2,20002,b.example,\n',
    )
    assert agent(*PROOF, "a.example", stdin="paket").code == 0
    assert [bool(h) and h.startswith("$argon2id$v=19$m=47104") for h in hashes(world, "packages")] == [True, False]
    assert not hashes(world, "customers")[1].startswith("$argon2id$v=19$m=47104")
    assert agent(*PROOF, "b.example", stdin="pw-2").code == 0
    assert hashes(world, "customers")[1].startswith("$argon2id$v=19$m=47104")
    assert hashes(world, "packages")[1] is None


def test_a_long_password_still_fits_its_bcrypt_hash(world, cli):
    password = "x" * 80
    load(world, "customers", f"number,password_hash\n10001,{OLD['bcrypt'](password[:72])}\n")
    assert cli("login", "10001", "--password-stdin", "--print-token", stdin=password).code == 0


@pytest.mark.parametrize("stored", ["$2b$31$" + "a" * 53, "$1$salt$" + "a" * 22, "klartext"])
def test_a_hash_of_another_kind_is_refused_by_an_import_without_showing_it(world, stored):
    (world.folder / "new.csv").write_text(f"number,password_hash\n10001,{stored}\n")
    done = world.anna.in_process("import", "customers", "new.csv")
    assert done.code == 2
    assert "password_hash" in done.err
    assert stored not in done.err


def test_an_endless_password_is_refused_quickly(world, cli):
    world.customer("10001", password="pw-1")
    assert cli("login", "10001", "--password-stdin", "--print-token", stdin="x" * 1_000_000).code == 4


def test_a_password_is_the_same_composed_or_not_for_logins_proofs_and_bulk_files(world, cli, agent):
    composed, decomposed = "grüße", unicodedata.normalize("NFD", "grüße")
    world.customer("10001", password=decomposed)
    for number in ("20001", "20002"):
        world.customer(number, password=decomposed, domains=[f"d{number}.example"])
    for password in (composed, decomposed):
        assert cli("login", "10001", "--password-stdin", "--print-token", stdin=password).code == 0
        proof = ("verify", "20001", "--into", "10001", "--domain", "d20001.example", "--password-stdin")
        assert agent(*proof, stdin=password).code == 0
    pairs = world.folder / "pairs.csv"
    pairs.write_text(
        "survivor,absorbed,choice,domain,password\n"
        f"10001,20001,adopt,d20001.example,{composed}\n10001,20002,adopt,d20002.example,{decomposed}\n",
        encoding="utf-8",
    )
    pairs.chmod(0o600)
    assert agent.in_process("bulk", "run", "pairs.csv", "-f", "json").json["merged"] == 2
