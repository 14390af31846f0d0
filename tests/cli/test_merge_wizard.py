"""The article's form, in a real terminal."""

import pytest
from support import form_scenes
from support.typist import Typist
from support.world import details

customers = form_scenes.customers


def test_the_form_goes_from_number_to_confirmation_and_to_a_further_number(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "merge")
    typist.sees("10001 is kept")
    typist.answers("Customer number to take over: ", "20002")
    typist.answers("A domain from its package: ", "zwei.example")
    typist.answers("The password that belongs to it: ", "pw-2")
    typist.sees("Karlsruhe")
    typist.sees("Ulm")
    typist.answers("Your choice: ", "1")
    typist.sees("4 of 4: confirmation")
    typist.sees("Adopt: the moved packages use the data of 10001.")
    typist.answers("Merge 20002 into 10001? [y/N]: ", "y")
    typist.sees("Order 1 is done: 20002 went into 10001.")
    typist.sees("1 domain moved: zwei.example")
    typist.answers("Merge a further number? [y/N]: ", "y")
    typist.answers("Customer number to take over: ", "20003")
    typist.answers("A domain from its package: ", "drei.example")
    typist.answers("The password that belongs to it: ", "pw-3")
    typist.sees("Both records say the same")
    typist.answers("Merge 20003 into 10001? [y/N]: ", "y")
    typist.sees("Order 2 is done")
    typist.answers("Merge a further number? [y/N]: ", "n")
    assert typist.ends() == 0
    assert customers.packages()["P20002"]["contact"] is None
    assert {p["number"] for p in customers.packages().values()} == {"10001", "20004"}


def test_the_form_says_what_a_number_brings_and_what_each_choice_takes_fills_and_drops(customers, cli):
    own = details(street="Postfach 1")
    customers.package("Q", "20002", ["laden.example"], contact=own)
    (customers.folder / "empty.csv").write_text("number,mobile,phone\n10001,,\n20002,0171 5550000,0731 1234\n")
    assert customers.anna.in_process("import", "customers", "empty.csv", "--update").code == 0
    typist = Typist(cli.login("10001", "pw-1"), "merge", "20002", "--domain", "zwei.example")
    typist.answers("belongs to it: ", "pw-2")
    typist.sees("The proof of 20002 holds until ")
    typist.sees("Brings 2 packages: P20002, Q")
    typist.sees("and 2 domains: laden.example, zwei.example")
    typist.sees("these lose the contact")
    typist.sees("4  [ ] Add to 10001 what is missing there: phone, mobile")
    typist.sees("5  [ ] Take over for 10001: city Ulm")
    typist.answers("Your choice: ", "1 2")
    typist.sees("with one only of 1, 2 and 3")
    typist.answers("Your choice: ", "4, city")
    typist.sees("4  [x] Add")
    typist.sees("5  [x] Take")
    typist.answers("Your choice: ", "adopt the data")
    typist.sees("Adopt: the moved packages use the data of 10001.")
    typist.sees("Takes from 20002: city")
    typist.sees("Fills in from 20002, because it is empty: phone, mobile")
    typist.sees("1 package loses the contact of its own: Q")
    typist.answers("[y/N]: ", "y")
    for text in ("Order 1 is done", "Taken from 20002: city", "was empty: phone, mobile", "of its own: Q"):
        typist.sees(text)
    assert typist.ends() == 0
    kept = customers.customers()["10001"]
    assert (kept["city"], kept["phone"], kept["mobile"]) == ("Ulm", "0731 1234", "0171 5550000")
    assert customers.packages()["Q"]["contact"] is None


def test_whoever_goes_back_may_choose_otherwise_and_finds_what_was_ticked(customers, cli):
    customers.package("Q", "20002", contact=details(street="Postfach 1"))
    typist = Typist(cli.login("10001", "pw-1"), "merge", "20002", "--domain", "zwei.example")
    typist.answers("belongs to it: ", "pw-2")
    typist.answers("Your choice: ", "city 1")
    typist.answers("[y/N]: ", "<")
    typist.sees("[x] Take over for 10001: city Ulm")
    typist.answers("Your choice: ", "2")
    typist.answers("[y/N]: ", "y")
    typist.sees("Keep: the moved packages keep the data of 20002.")
    assert typist.ends() == 0
    assert customers.packages()["Q"]["contact"]["street"] == "Postfach 1"
    assert customers.customers()["10001"]["city"] == "Ulm"


def test_a_detail_that_is_gone_when_somebody_goes_back_is_not_taken(customers, agent):
    typist = Typist(agent, "merge", "20002", "--into", "10001", "--domain", "zwei.example")
    typist.answers("belongs to it: ", "pw-2")
    typist.answers("Your choice: ", "city 1")
    typist.sees("[y/N]: ")
    (customers.folder / "gone.csv").write_text("number,city,phone\n20002,,0731 99\n")
    assert customers.anna.in_process("import", "customers", "gone.csv", "--update").code == 0
    typist.child.sendline("<")
    typist.answers("Your choice: ", "2")
    typist.answers("[y/N]: ", "y")
    assert typist.ends() == 0
    assert customers.customers()["10001"]["city"] != ""


def test_a_proof_that_holds_is_not_asked_for_again(customers, agent):
    agent("verify", "20003", "--into", "10001", "--domain", "drei.example", "--password-stdin", stdin="pw-3")
    typist = Typist(agent, "--lang", "de", "merge", "20003", "--into", "10001", "--domain", "drei.example")
    typist.sees("Der Nachweis für 20003 gilt bis ")
    typist.sees("Identisch: Keine Kontaktdaten unterscheiden sich")
    typist.answers("[j/N]: ", "j")
    assert typist.ends() == 0


def test_a_proof_that_ends_while_somebody_chooses_is_asked_for_again(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "merge")
    for answer in ("20002", "zwei.example", "pw-2"):
        typist.answers(": ", answer)
    typist.sees("Your choice: ")
    (customers.folder / "new.csv").write_text("number,password\n20002,pw-neu\n")
    assert customers.anna.in_process("import", "customers", "new.csv", "--update").code == 0
    typist.child.sendline("1")
    typist.sees("The proof doesn't hold any more")
    typist.answers("A domain from its package [zwei.example]: ", "")
    typist.answers("The password that belongs to it: ", "pw-neu")
    typist.answers("Your choice: ", "1")
    typist.answers("Merge 20002 into 10001? [y/N]: ", "y")
    typist.sees("Order 1 is done")
    typist.answers("[y/N]: ", "n")
    assert typist.ends() == 0


def test_a_number_is_not_merged_with_itself_but_asked_for_again(customers, agent):
    typist = Typist(agent, "merge", "20002")
    typist.answers("Number that is kept: ", "20002")
    typist.sees("can't be merged with itself")
    typist.answers("Number that is kept: ", "10001")
    typist.sees("A domain from its package: ")
    typist.presses_ctrl_c()
    assert typist.ends() == 130


@pytest.mark.parametrize("changed", ["P20002,20002,zwei.example,Bonn", "NEW,20002,neu.example,"])
def test_packages_that_changed_after_they_were_shown_are_not_merged(customers, agent, changed):
    typist = Typist(agent, "merge", "20002", "--into", "10001", "--adopt", "--domain", "zwei.example")
    typist.answers("belongs to it: ", "pw-2")
    typist.sees("Merge 20002 into 10001? [y/N]: ")
    (customers.folder / "own.csv").write_text(f"package,number,domains,contact_city\n{changed}\n")
    assert customers.anna.in_process("import", "packages", "own.csv", "--update").code == 0
    typist.child.sendline("y")
    typist.sees("was changed meanwhile")
    assert typist.ends() == 6


def test_the_form_keeps_the_data_where_the_person_says_so(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "merge")
    for answer in ("20002", "zwei.example", "pw-2", "keep", "y", "n"):
        typist.answers(": ", answer)
    assert typist.ends() == 0
    assert customers.packages()["P20002"]["contact"]["city"] == "Ulm"


def test_a_password_is_not_shown_while_it_is_typed(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "merge")
    typist.answers("take over: ", "20002")
    typist.answers("package: ", "zwei.example")
    typist.answers("belongs to it: ", "geheimes-passwort")
    typist.sees("Not verified")
    assert "geheimes-passwort" not in typist.child.before
    # Nobody who types it once more is asked for something that is shown.
    typist.answers("belongs to it: ", "auch-falsch")
    typist.sees("20002, zwei.example: type the password again")
    assert "auch-falsch" not in typist.child.before
    typist.answers("belongs to it: ", "<")
    typist.answers("package [zwei.example]: ", "<")
    typist.answers("take over [20002]: ", "")
    typist.answers("package [zwei.example]: ", "")
    typist.answers("belongs to it: ", "pw-2")
    typist.sees("3 of 4: comparison and choice")
    typist.presses_ctrl_c()
    assert typist.ends() == 130


def test_a_customer_is_told_the_same_whatever_of_the_proof_is_wrong(customers, cli):
    told = set()
    for number, domain, password in (
        ("99999", "zwei.example", "pw-2"), ("20002", "nein.example", "pw-2"), ("20002", "zwei.example", "nein"),
    ):  # fmt: skip
        typist = Typist(cli.login("10001", "pw-1"), "merge")
        for answer in (number, domain, password):
            typist.answers(": ", answer)
        typist.child.expect("The password that belongs to it: $")
        told.add(typist.child.before.replace(number, "NUMBER").replace(domain, "DOMAIN"))
        typist.presses_ctrl_c()
        assert typist.ends() == 130
    assert len(told) == 1
    assert "Not verified" in told.pop()


def test_cancelling_changes_nothing(customers, cli):
    before = customers.dump()
    typist = Typist(cli.login("10001", "pw-1"), "merge")
    for answer in ("20002", "zwei.example", "pw-2", "nonsense", "3"):
        typist.answers(": ", answer)
    typist.sees("Cancelled")
    assert typist.ends() == 1
    assert "further" not in typist.child.before
    assert customers.dump() == before


def test_a_blocked_pair_names_the_contract_transfer_and_merges_nothing(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "merge")
    for answer in ("20004", "vier.example", "pw-4"):
        typist.answers(": ", answer)
    typist.sees("contract transfer")
    assert typist.ends() == 3
    assert "further" not in typist.child.before
    assert customers.customers()["20004"]["merged_into"] is None


def test_staff_are_asked_for_the_number_that_is_kept(customers, agent):
    typist = Typist(agent, "merge")
    typist.answers("Number that is kept: ", "10001")
    for answer in ("20003", "drei.example", "pw-3", "y", "n"):
        typist.answers(": ", answer)
    assert typist.ends() == 0
    assert customers.customers()["20003"]["merged_into"] == "10001"


def test_ctrl_c_ends_with_130_and_nothing_half_done(customers, cli):
    before = customers.dump()
    typist = Typist(cli.login("10001", "pw-1"), "merge")
    for answer in ("20002", "zwei.example", "pw-2"):
        typist.answers(": ", answer)
    typist.sees("Your choice: ")
    typist.presses_ctrl_c()
    typist.sees("Left before the order was sent: nothing was merged.")
    assert typist.ends() == 130
    assert "Traceback" not in typist.child.before
    assert customers.dump() == before


def test_ctrl_d_behind_an_order_says_what_stands(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "--lang", "de", "merge")
    for answer in ("20003", "drei.example", "pw-3", "vielleicht"):
        typist.answers(": ", answer)
    typist.sees("Bitte antworten Sie mit ja oder nein.")
    for answer in ("j", "j"):
        typist.answers("[j/N]: ", answer)
    typist.sees("Zu übernehmende Kundennummer: ")
    typist.child.send("\x04")
    typist.sees("Vor dem Abschicken eines weiteren Auftrags verlassen:")
    typist.sees("(Aufträge: 1).")
    assert typist.ends() == 130
    assert customers.customers()["20003"]["merged_into"] == "10001"


def test_the_form_speaks_german(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "--lang", "de", "merge")
    typist.answers("Zu übernehmende Kundennummer: ", "20002")
    typist.answers("Ein Domainname aus dem Paket: ", "zwei.example")
    typist.answers("Das dazugehörige Passwort: ", "pw-2")
    typist.sees("Ort")
    typist.sees("Daten übernehmen")
    typist.sees("Auftrag abschicken")
    typist.answers("Ihre Wahl: ", "2")
    typist.sees("4 von 4: Bestätigung")
    typist.sees("Ohne Übernahme: Die Pakete behalten die Daten von 20002.")
    typist.answers("20002 in 10001 übernehmen? [j/N]: ", "j")
    typist.sees("Auftrag 1 ist ausgeführt: 20002 wurde in 10001 übernommen.")
    typist.answers("Weitere Kundennummer zusammenführen? [j/N]: ", "n")
    assert typist.ends() == 0


def test_what_was_changed_after_it_was_shown_is_not_merged(customers, cli, tmp_path):
    typist = Typist(cli.login("10001", "pw-1"), "merge")
    for answer in ("20002", "zwei.example", "pw-2"):
        typist.answers(": ", answer)
    typist.sees("Your choice: ")
    (tmp_path / "change.csv").write_text("number,city\n20002,Bonn\n")
    assert customers.anna.in_process("import", "customers", "change.csv", "--update").code == 0
    typist.child.sendline("adopt")
    typist.sees("was changed meanwhile")
    assert typist.ends() == 6
    assert customers.customers()["20002"]["merged_into"] is None
