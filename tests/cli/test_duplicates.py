"""custmerge duplicates: who may be one customer, in the shapes of contract §4 and as a bulk file (§6)."""

import stat

import pytest
from support.databases import execute
from support.host_tables import let_hold, make_tables
from support.marks import on_sqlite_alone
from support.scenes import scene

from custmerge.storage.tables import register as tables

SHAPE = ["survivor", "absorbed", "kind", "probability", "why", "identity", "packages", "via"]
MODEL = ("--related", "--threshold=0.5", "--engine=duckdb", "--memory=1GB", "--model=m", "--explain=e.html")


@scene
def doubled(world):
    """Katrin four times, in two writings, and her namesake without a company twice."""
    world.customer("10001", domains=["eins.example"])
    world.package("P-2", "10001", ["zwei.example"])
    world.customer("9", last_name=" VOGELSANG ", city="Ulm", postcode="", phone="", mobile="")
    world.customer("20003", domains=["drei.example"], email="kai@sonnentau.example")
    world.customer("20004", first_name="Kai")
    world.customer("30001", company="", first_name="Ümit", last_name="ΣΊΣΥΦΟΣ")
    world.customer("30002", company=" ", first_name="u\u0308mit", last_name="σίσυφος")
    for number in ("40001", "40002"):
        world.customer(number, company="", first_name=" ", last_name="")
    return world


def pairs(done):
    return [(row["survivor"], row["absorbed"]) for row in done.json]


def test_a_candidate_has_the_contracts_shape(doubled, supervisor):
    found = supervisor("duplicates", "--survivor", "packages", "-f", "json").json
    assert [list(row) for row in found] == [SHAPE] * 3
    assert found[1] == {
        "survivor": "10001",
        "absorbed": "20003",
        "kind": "same",
        "probability": None,
        "why": [
            *("company and name equal", "street equal", "postcode and city equal", "phone equal", "mobile equal"),
            *("account equal", "other e-mail"),
        ],
        "identity": "same",
        "packages": 1,
        "via": None,
    }


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("oldest", [("9", "10001"), ("9", "20003"), ("30001", "30002")]),
        ("recent", [("20003", "10001"), ("20003", "9"), ("30002", "30001")]),
        ("packages", [("10001", "20003"), ("10001", "9"), ("30001", "30002")]),
        ("filled", [("10001", "20003"), ("10001", "9"), ("30001", "30002")]),
    ],
)
def test_a_group_is_a_star_round_the_one_that_the_rule_lets_survive(doubled, supervisor, rule, expected):
    found = supervisor("duplicates", "--survivor", rule, "-f", "json")
    assert sorted(pairs(found)) == sorted(expected)
    lines = supervisor("duplicates", "--survivor", rule, "-f", "csv").out.splitlines()
    assert lines == ["survivor,absorbed,choice,take", *(f"{one},{other},," for one, other in pairs(found))]


def test_another_writing_of_the_name_is_equivalent(doubled, supervisor):
    found = supervisor("duplicates", "-f", "json").json
    assert {row["absorbed"]: row["identity"] for row in found} == {
        "10001": "equivalent",
        "20003": "equivalent",
        "30002": "equivalent",
    }


def test_a_number_is_told_who_else_it_is(doubled, auditor):
    assert pairs(auditor("duplicates", "--against", "20003", "-f", "json")) == [("9", "10001"), ("9", "20003")]
    assert pairs(auditor("duplicates", "--against", "20004", "-f", "json")) == []
    assert auditor("duplicates", "--against", "40001", "-f", "csv").out.split() == ["survivor,absorbed,choice,take"]
    done = auditor("duplicates", "--against", "4711", "-f", "json")
    assert (done.code, done.error["code"]) == (5, "unknown_number")


def test_numbers_that_were_merged_away_are_left_out_until_the_order_is_undone(doubled, supervisor, agent):
    before = pairs(supervisor("duplicates", "-f", "json"))
    (doubled.folder / "pairs.csv").write_text("survivor,absorbed,choice\n10001,20003,adopt\n")
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent("bulk", "run", "pairs.csv").code == 0
    assert pairs(supervisor("duplicates", "-f", "json")) == [("30001", "30002"), ("9", "10001")]
    done = supervisor("duplicates", "--against", "20003", "-f", "json")
    assert (done.code, done.error["code"]) == (5, "merged_away")
    assert supervisor("undo", "1", "--yes").code == 0
    assert pairs(supervisor("duplicates", "-f", "json")) == before
    assert supervisor("audit").code == 0


def test_a_changed_name_is_found_at_once(doubled, supervisor):
    (doubled.folder / "changes.csv").write_text("number,first_name\n20004,katrin\n9,Kai\n")
    assert supervisor("import", "customers", "changes.csv", "--update").code == 0
    found = pairs(supervisor("duplicates", "-f", "json"))
    assert found == [("30001", "30002"), ("10001", "20003"), ("10001", "20004")]


def test_the_file_goes_through_bulk_as_it_is(doubled, supervisor, agent):
    done = supervisor("duplicates", "--out", "pairs.csv")
    assert (done.code, done.out) == (0, "")
    assert "3 pairs written to pairs.csv." in done.err
    file = doubled.folder / "pairs.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert agent("bulk", "check", "pairs.csv", "-f", "json").json["counts"]["differs"] == 2
    file.write_text(file.read_text().replace("10001,,", "10001,keep,").replace("20003,,", "20003,adopt,email"))
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent("bulk", "run", "pairs.csv", "-f", "json").json["merged"] == 3
    assert supervisor("duplicates", "-f", "json").json == []
    assert supervisor("undo", "--batch", "1", "--yes").code == 0
    assert len(supervisor("duplicates", "-f", "json").json) == 3


def test_a_file_that_is_there_is_left_alone(doubled, supervisor):
    (doubled.folder / "pairs.csv").write_text("with choices")
    done = supervisor("duplicates", "--out", "pairs.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (2, "bad_file")
    assert (doubled.folder / "pairs.csv").read_text() == "with choices"


def test_a_limit_and_json_lines(doubled, supervisor):
    assert len(supervisor("duplicates", "--limit", "2", "-f", "json").json) == 2
    assert len(supervisor("duplicates", "--limit", "1", "-f", "jsonl").out.splitlines()) == 1
    assert supervisor("duplicates", "--limit", "1", "-f", "csv").out.count("\n") == 2
    assert supervisor("duplicates", "--out", "all.json", "-f", "json").code == 0
    assert (doubled.folder / "all.json").read_text() == supervisor("duplicates", "-f", "json").out


def test_the_table_says_what_a_person_needs(doubled, supervisor):
    done = supervisor("duplicates", COLUMNS="200")
    assert "10001 → 9" in done.out
    assert "other e-mail" in done.out
    assert done.err.endswith("3 pairs.\n")
    assert "more than 1" in supervisor("duplicates", "--limit", "1").err
    german = supervisor("--lang", "de", "duplicates", COLUMNS="200")
    assert "Firma und Name gleich" in german.out
    assert "3 Paare." in german.err


def test_nothing_found_is_said(world, supervisor):
    world.customer("10001")
    done = supervisor("duplicates")
    assert (done.code, done.out, done.err) == (0, "", "No duplicates found.\n")
    assert supervisor("duplicates", "-f", "json").json == []


def test_a_stale_key_makes_no_pair_and_the_audit_names_it(doubled, supervisor, database_url):
    execute(database_url, "UPDATE customer SET last_name = 'Vogel' WHERE number = '10001'")
    assert pairs(supervisor("duplicates", "-f", "json")) == [("30001", "30002"), ("9", "20003")]
    done = supervisor("audit", "-f", "json")
    assert done.code == 1
    (finding,) = done.json["findings"]
    assert (finding["check"], finding["severity"], finding["subject"]) == ("identities", "warning", "customer 10001")
    supervisor("export", "customers", "--out", "all.csv")
    assert supervisor("import", "customers", "all.csv", "--update").code == 0
    assert supervisor("audit").code == 0


@on_sqlite_alone
@pytest.mark.parametrize("option", MODEL)
def test_options_of_the_model_go_with_fuzzy(doubled, supervisor, option):
    done = supervisor("duplicates", *option.split("="), "-f", "json")
    assert (done.code, done.error["code"]) == (2, "usage")


@on_sqlite_alone
@pytest.mark.parametrize(
    "options",
    [
        ("--model", "m", "--save-model", "n"),
        ("--spark-master", "local[2]"),
        ("--memory", "much"),
        ("--memory", "1KB"),
        ("--memory", "128MB"),
        ("--memory", "999999999T"),
        ("--threshold", "1.5"),
        ("--explain", "there.html"),
        ("--explain", "-"),
        ("--save-model", "-"),
        ("--explain", "new", "--out", "./new"),
        ("--explain", "new", "--save-model", "new"),
    ],
    ids=" ".join,
)
def test_wrong_options_of_the_model_are_refused(doubled, supervisor, options):
    (doubled.folder / "there.html").write_text("")
    assert supervisor("duplicates", "--fuzzy", *options).code == 2


@on_sqlite_alone
@pytest.mark.parametrize("options", [("--limit", "2"), ("--fuzzy",), ("--survivor", "recent"), ("-f", "csv")])
def test_options_of_a_search_before_another_command_are_refused(doubled, supervisor, options):
    done = supervisor("duplicates", *options, "dismissed", "-f", "json")
    assert (done.code, done.error["code"]) == (2, "usage")
    assert supervisor("duplicates", "nonsense").code == 2


def test_nobody_without_a_login_searches(doubled, cli):
    done = cli("duplicates", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "not_logged_in")


def test_a_refused_search_is_in_the_history(doubled, agent, auditor):
    assert agent("duplicates").code == 4
    assert "duplicates" in auditor("history", "--action", "denied").out


MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
number = "no"
same = ["tenant"]
retire = { note = "gone" }
[fields]
company = "company"
last_name = { sql = "last || ''" }
email = "mail"
[package]
table = "contract"
key = "id"
customer = "client_id"
[[reference]]
columns = ["contract.client_id"]
policy = "move"
"""
TABLES = (
    """CREATE TABLE client (id INTEGER PRIMARY KEY, no TEXT UNIQUE, company TEXT, last TEXT, mail TEXT,
       tenant INTEGER, note TEXT)""",
    "CREATE TABLE contract (id INTEGER PRIMARY KEY, client_id INTEGER)",
    """INSERT INTO client VALUES (1, 'K1', 'Öl AG', '', 'a@x.example', 1, ''),
       (2, 'K2', 'ÖL  ag ', NULL, 'b@x.example', 1, ''), (3, 'K3', 'O\u0308l AG', '', '', 2, ''),
       (4, 'K4', 'öl ag', '', 'a@x.example', 1, ''), (5, 'K5', 'Oel AG', '', '', 1, '')""",
    "INSERT INTO contract VALUES (1, 2), (2, 2), (3, 4)",
)


@pytest.fixture
def host(cli, database_url):
    """The command line on a database whose register is a host's."""
    make_tables(database_url, *TABLES)
    let_hold(database_url, MAPPING)
    execute(database_url, *(f"DROP TABLE {table.name}" for table in (tables.domain, tables.package, tables.customer)))
    return cli


def test_a_hosts_customers_are_found_within_what_has_to_be_equal(host):
    anna = host.as_("anna")
    found = anna.in_process("duplicates", "--survivor", "packages", "-f", "json").json
    assert [(row["survivor"], row["absorbed"], row["packages"]) for row in found] == [
        ("K2", "K4", 1),
        ("K2", "K1", 0),
    ]
    assert found[1]["why"] == ["only the company equal", "other e-mail"]
    assert pairs(anna.in_process("duplicates", "--against", "K4", "-f", "json")) == [("K1", "K2"), ("K1", "K4")]
    assert anna.in_process("duplicates", "--against", "K3", "-f", "json").json == []


def test_a_hosts_pairs_are_dismissed_merged_and_undone(host):
    anna, ben = host.as_("anna"), host.as_("ben")
    assert anna.in_process("duplicates", "dismiss", "K4", "K1", "--reason", "two firms").code == 0
    assert pairs(anna.in_process("duplicates", "-f", "json")) == [("K1", "K2")]
    assert anna.in_process("duplicates", "--out", "pairs.csv").code == 0
    file = host.folder / "pairs.csv"
    file.write_text(file.read_text().replace("K2,,", "K2,adopt,"))
    assert anna.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert ben.in_process("bulk", "run", "pairs.csv").code == 0
    assert anna.in_process("duplicates", "-f", "json").json == []
    assert anna.in_process("undo", "1", "--yes").code == 0
    assert pairs(anna.in_process("duplicates", "-f", "json")) == [("K1", "K2")]
    assert anna.in_process("audit", "-f", "json").json["findings"] == []
