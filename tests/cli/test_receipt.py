"""The receipt: what an order did, for whoever ordered it, and in a file for the customer."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.marks import on_sqlite_alone
from support.scenes import scene
from support.typist import Typist
from support.world import details

ACCOUNT, PHONE = "9290701", "0731 1234"


@scene
def customers(world):
    world.customer("10001", password="pw-1", mobile="")
    world.customer(
        "20002", password="pw-2", domains=["zwei.example"], city="Ulm", phone=PHONE, account_number=ACCOUNT
    )
    world.customer("20003", password="pw-3", domains=["drei.example"], mobile="")
    world.package("P<b>&1", "20002", ["müller.example"], contact=details(street="Postfach 1"))
    return world


def merge(cli, *options, lang="en"):
    return cli(
        "--lang", lang, "merge", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin",
        "--adopt", "--take", "city", "--fill", *options, stdin="pw-2",
    )  # fmt: skip


@on_sqlite_alone
def test_the_dry_run_and_the_receipt_name_what_is_taken_filled_and_dropped_and_how_it_is_taken_back(customers, agent):
    dry, done = merge(agent, "--dry-run"), merge(agent, "--yes")
    for shown in (dry.out, done.out):
        assert "Adopt: the moved packages use the data of 10001." in shown
    for would_be in (
        "Takes from 20002: city\n",
        "because it is empty: mobile\n",
        "1 package loses the contact of its",
    ):
        assert would_be in dry.out
    for was in ("Taken from 20002: city\n", "was empty: mobile\n", "1 package lost the contact of its own: P<b>&1\n"):
        assert was in done.out
    assert "undo" not in dry.out
    assert "`custmerge undo 1` takes it back: you can until 20" in done.out
    assert "a supervisor as a rule until 20" in done.out
    assert "By ben, 20" in done.out


@on_sqlite_alone
def test_a_customer_is_told_whom_to_ask(customers, cli):
    done = merge(cli.login("10001", "pw-1"), "--yes")
    assert "We can take the order back, as a rule until 20" in done.out
    assert "custmerge undo" not in done.out


@on_sqlite_alone
def test_a_receipt_as_text_is_in_the_chosen_language_and_shows_nobodys_data(customers, agent):
    assert merge(agent, "--yes", "--receipt", "20002.txt", lang="de").code == 0
    file = customers.folder / "20002.txt"
    text = file.read_text("utf-8")
    for fact in (
        "Bestätigung von Auftrag 1: 20002 wurde in 10001 übernommen",
        "Übernommene Domains",
        "müller.example, zwei.example",
        "Eigener Ansprechpartner entfällt",
        "Kontaktdaten ergänzt, weil leer",
        "Handy",
        "Ausgeführt von",
        "ben",
        "Wir können den Auftrag zurücknehmen",
    ):
        assert fact in text
    for personal in (ACCOUNT, ACCOUNT[-4:], PHONE, "Ulm", "Postfach", "pw-2"):
        assert personal not in text
    assert max(map(len, text.splitlines())) <= 78
    assert file.stat().st_mode & 0o777 == 0o600


@on_sqlite_alone
def test_a_receipt_as_a_page_is_escaped_and_loads_nothing(customers, agent):
    assert merge(agent, "--yes", "--receipt", "20002.HTML", "-f", "json").json["order"] == 1
    page = (customers.folder / "20002.HTML").read_text("utf-8")
    assert '<html lang="en">' in page
    assert "P&lt;b&gt;&amp;1" in page
    assert "<b>" not in page
    assert "default-src 'none'" in page
    assert "src=" not in page.replace("default-src", "")
    assert page.count("<section>") == 1


@on_sqlite_alone
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("receipt.pdf", "a receipt is a .txt or an .html file"),
        ("-", "a receipt is a .txt or an .html file"),
        ("link.txt", "is a symbolic link"),
        ("folder.html", "is a folder"),
        ("theirs.txt", "is there already: name another file"),
        ("nowhere/receipt.txt", "can't be written"),
    ],
)
def test_a_place_that_takes_no_receipt_is_refused_before_anything_is_merged(customers, agent, name, sentence):
    theirs = customers.folder / "theirs"
    theirs.write_text("theirs")
    (customers.folder / "link.txt").symlink_to(theirs)
    (customers.folder / "folder.html").mkdir()
    (customers.folder / "theirs.txt").write_text("theirs")
    done = merge(agent, "--yes", "--receipt", name)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert theirs.read_text() == "theirs"
    assert customers.customers()["20002"]["merged_into"] is None


@on_sqlite_alone
def test_a_dry_run_has_no_receipt(customers, agent):
    done = merge(agent, "--dry-run", "--receipt", "x.txt")
    assert (done.code, (customers.folder / "x.txt").exists()) == (2, False)


@on_sqlite_alone
def test_the_orders_of_one_form_are_in_one_file_each_on_a_sheet(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "merge", "--receipt", "all.html", "--keep")
    for answer in ("20002", "zwei.example", "pw-2", "y", "y", "20003", "drei.example", "pw-3", "y", "n"):
        typist.answers(": ", answer)
    assert typist.ends() == 0
    page = (customers.folder / "all.html").read_text("utf-8")
    assert page.count("<section>") == 2
    assert "20002 went into 10001" in page
    assert "20003 went into 10001" in page


@on_sqlite_alone
def test_an_order_whose_receipt_is_lost_is_said_to_be_executed(customers, agent):
    (customers.folder / "out").mkdir()
    typist = Typist(agent, "merge", "20003", "--into", "10001", "--domain", "drei.example", "--receipt", "out/x.txt")
    typist.answers("belongs to it: ", "pw-3")
    typist.sees("[y/N]: ")
    shutil.rmtree(customers.folder / "out")
    typist.child.sendline("y")
    typist.sees("Order 1 is executed, but its receipt")
    assert typist.ends() == 1
    assert customers.customers()["20003"]["merged_into"] == "10001"


@on_sqlite_alone
def test_a_receipt_is_written_though_the_output_is_lost(customers, agent):
    order = ("20003", "--into", "10001", "--domain", "drei.example", "--password-stdin", "--yes")
    with Path("/dev/full").open("w") as full:
        lost = subprocess.run(
            [sys.executable, "-m", "custmerge", "merge", *order, "--receipt", "x.txt"],
            input=b"pw-3", stdout=full, stderr=subprocess.PIPE, env=agent.environ(), cwd=agent.folder, check=False,
        )  # fmt: skip
    assert lost.returncode == 1
    assert "20003" in (agent.folder / "x.txt").read_text("utf-8")
