"""Contract §6: CSV in, one transaction, every bad line reported."""

import pytest
from support.databases import execute, first_cells
from support.typist import Typist
from support.world import KATRIN, details

HEADER = "number,company,first_name,last_name,street,postcode,city,phone,mobile,email,account_number,bank_code"


@pytest.fixture
def load(cli, tmp_path):
    """Import a text as a file of customers or packages, as the supervisor."""
    supervisor = cli.as_("anna")

    def load(kind, content, *options, name="file.csv"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return supervisor("import", kind, name, *options)

    return load


def test_columns_come_by_name_in_any_order(load, world):
    assert load("customers", "city,number\nUlm,10001\n").code == 0
    assert world.customers()["10001"]["city"] == "Ulm"


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_comma_or_semicolon_either_line_end_and_a_bom_are_fine(load, world, separator, line_end, bom):
    rows = [["number", "company"], ["10001", '"Ärger, ""Zoff"" & Söhne; KG"']]
    text = bom + line_end.join(separator.join(row) for row in rows) + line_end
    assert load("customers", text).code == 0
    assert world.customers()["10001"]["company"] == 'Ärger, "Zoff" & Söhne; KG'


def test_a_cell_may_hold_a_line_end(load, world):
    assert load("customers", 'number,street\n10001,"Hof 1\nHinterhaus"\n').code == 0
    assert world.customers()["10001"]["street"] == "Hof 1\nHinterhaus"


def test_values_come_in_byte_for_byte(load, world):
    assert load("customers", "number,company,city\n10001,  Ho\u0308fe\u200b ,\x1b[31m\n").code == 0
    record = world.customers()["10001"]
    assert (record["company"], record["city"]) == ("  Ho\u0308fe\u200b ", "\x1b[31m")


def test_leading_zeros_count(load, world):
    assert load("customers", "number\n007\n7\n").code == 0
    assert set(world.customers()) == {"007", "7"}


def test_a_tombstone_may_come_before_its_target(load, world):
    assert load("customers", "number,merged_into\n1,2\n2,3\n3,\n").code == 0
    assert world.customers()["1"]["merged_into"] == "2"


def test_tombstones_that_lead_into_a_circle_are_refused(load):
    done = load("customers", "number,merged_into\n1,2\n2,3\n3,2\n4,5\n5,6\n6,\n")
    assert done.code == 2
    assert [line for line in done.err.splitlines() if "circle" in line] == [
        f"file.csv:{line}: merged_into: {number}: leads into a circle" for line, number in ((2, 1), (3, 2), (4, 3))
    ]


def test_twenty_thousand_numbers_that_lead_one_to_the_next_come_in(load):
    lines = "".join(f"{number},{number - 1}\n" for number in range(2, 20_001))
    assert load("customers", f"number,merged_into\n1,\n{lines}").code == 0


def test_packages_come_with_domains_contact_and_password(load, world):
    load("customers", "number\n10001\n")
    text = "package;number;name;domains;contact_city;password\nP;10001;Web;b.example A.example;Ulm;geheim\n"
    assert load("packages", text).code == 0
    assert world.packages()["P"] == {
        "package": "P",
        "number": "10001",
        "name": "Web",
        "contact": dict.fromkeys(details(), "") | {"city": "Ulm"},
        "domains": ["a.example", "b.example"],
    }


def test_an_import_says_what_it_did(load, supervisor):
    assert "2 added" in load("customers", "number\n1\n2\n").out
    assert supervisor.in_process("history", "--action", "import", "-f", "json").json[0]["by"] == "anna"
    done = load("customers", "number,city\n2,Ulm\n3,Bonn\n", "--update", "-f", "json")
    assert done.json == {"kind": "customers", "rows": 2, "added": 1, "updated": 1}


def test_only_a_supervisor_imports(world, cli, tmp_path):
    (tmp_path / "c.csv").write_text("number\n1\n")
    for name in ("ben", "ada"):
        assert cli.as_(name)("import", "customers", "c.csv").code == 4
    assert world.customers() == {}


# Files that are no such CSV


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("\n", "empty"),
        (b"number,city\n10001,K\xf6ln\n", "file.csv:2: not UTF-8 (byte 0xf6)"),
        (b"\xff\xfen\x00", "not UTF-8"),
        ("number,town\n1,Ulm\n", "unknown column town"),
        ("number,city,city\n1,Ulm,Ulm\n", "city stands twice"),
        ("company\nX\n", "number is missing"),
        ("10001\tgeheim\n", "the header seems to be missing"),
        ("geheim,10001\n", "the header seems to be missing"),
        ('number,city\n1,"Ulm\n', "not CSV"),
        ('number,city\n1,"Ul"m\n', "not CSV"),
    ],
    ids=[
        "empty",
        "blank",
        "latin-1",
        "utf-16",
        "unknown",
        "doubled",
        "missing",
        "none",
        "no header",
        "unclosed",
        "quote",
    ],
)
def test_a_file_that_is_no_such_csv_is_one_sentence(load, world, content, says):
    done = load("customers", content)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert done.err.count("\n") == 1
    assert "geheim" not in done.err
    assert world.customers() == {}


@pytest.mark.parametrize(("name", "says"), [("nowhere.csv", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_one_sentence(supervisor, name, says):
    done = supervisor("import", "customers", name)
    assert done.code == 2
    assert says in done.err


def test_a_header_alone_imports_nothing(load):
    assert load("customers", HEADER).code == 0


# Bad lines


BAD_CUSTOMERS = """number,city,merged_into,password,password_hash
1,Ulm,,,
,Ulm,,,
1 2,Ulm,,,
3
4,Ulm,,,
1,Bonn,,,
5,,5,,
6,,99,,
7,,8,,
8,,7,,
9,Ulm,,geheim,$2b$12$012345678901234567890u23456789012345678901234567890ue
10,Ulm,,,crypt
1\u200b1,Ulm,,,
12,U\0lm,,,
"""


def test_every_bad_line_is_reported_with_its_number_and_field(load, world):
    done = load("customers", BAD_CUSTOMERS)
    assert done.code == 2
    reported = {line.partition(": ")[0]: line.partition(": ")[2] for line in done.err.splitlines()[:-1]}
    assert {place: text.partition(":")[0] for place, text in reported.items()} == {
        "file.csv:3": "number",
        "file.csv:4": "number",
        "file.csv:5": "1 cell, the header has 5",
        "file.csv:7": "number",
        "file.csv:8": "merged_into",
        "file.csv:9": "merged_into",
        "file.csv:10": "merged_into",
        "file.csv:11": "merged_into",
        "file.csv:12": "password",
        "file.csv:13": "password_hash",
        "file.csv:14": "number",
        "file.csv:15": "city",
    }
    assert "line 2" in reported["file.csv:7"]
    assert done.err.splitlines()[-1] == "custmerge: file.csv: lines in error: 12; nothing was imported."
    assert world.customers() == {}


def test_a_line_number_is_that_of_the_files_line_in_which_a_record_starts(load):
    done = load("customers", 'number,street\n1,"a\nb\nc"\n\n,x\n')
    assert "file.csv:6: number" in done.err


def test_a_number_that_exists_is_refused_without_update(load, world):
    load("customers", "number,city\n1,Ulm\n")
    done = load("customers", "number,city\n2,Bonn\n1,Kiel\n")
    assert done.code == 2
    assert "file.csv:3: number: 1: exists already" in done.err
    assert world.customers()["1"]["city"] == "Ulm"
    assert "2" not in world.customers()


def test_numbers_that_stand_twice_are_found_however_far_apart(load):
    numbers = [*range(10_000, 14_500), 10_001]
    done = load("customers", "number\n" + "".join(f"{number}\n" for number in numbers))
    assert done.err.splitlines()[0] == "file.csv:4502: number: 10001: stands in line 3 already"
    done = load("customers", "number\n" + "".join(f"{number}\n" for number in numbers), "--update")
    assert done.err.splitlines()[0] == "file.csv:4502: number: 10001: stands in line 3 already"


@pytest.mark.parametrize("options", [(), ("--update",)], ids=["new", "update"])
def test_a_number_that_comes_again_and_again_is_reported_at_each_line(load, options):
    done = load("customers", "number\n" + "1\n" * 2_000, *options)
    told = {line.partition(": ")[0] for line in done.err.splitlines()}
    assert told >= {f"file.csv:{line}" for line in range(3, 2_002)}


BAD_PACKAGES = """package,number,domains
P1,10001,eins.example
P2,99999,zwei.example
P3,20002,drei.example
P4,10001,EINS.example
P5,10001,m\u00fcller.example
P6,10001,xn--mller-kva.example
P7,10001,bad..example a/b
P8,10001,da.example
P1,10001,
"""


def test_every_bad_package_is_reported(load, world):
    load("customers", "number,merged_into\n10001,\n20002,10001\n")
    world.package("D", "10001", ["da.example"])
    done = load("packages", BAD_PACKAGES)
    assert done.code == 2
    for expected in (
        "file.csv:3: number: 99999: is no customer number here",
        "file.csv:4: number: 20002: went into 10001",
        "file.csv:5: domains: eins.example: stands in line 2 already",
        "file.csv:7: domains: xn--mller-kva.example: stands in line 6 already",
        "file.csv:8: domains: bad..example: isn't a domain name",
        "file.csv:8: domains: a/b: isn't a domain name",
        "file.csv:9: domains: da.example: belongs to package D",
        "file.csv:10: package: P1: stands in line 2 already",
    ):
        assert expected in done.err
    assert set(world.packages()) == {"D"}


# Update


def test_update_changes_the_columns_of_the_file_and_leaves_the_others(load, world, cli):
    world.customer("10001", password="alt")
    assert load("customers", "number,city\n10001,Ulm\n", "--update").code == 0
    assert world.customers()["10001"] == {"number": "10001", **KATRIN, "city": "Ulm", "merged_into": None}
    assert cli.login("10001", "alt")("whoami").code == 0


def test_the_same_hash_once_more_ends_no_session(load, world, cli, supervisor):
    world.customer("10001", password="alt")
    customer = cli.login("10001", "alt")
    feed = supervisor.in_process("export", "customers", "--with-hashes").out
    assert load("customers", feed, "--update").code == 0
    assert customer("whoami").code == 0


def test_update_can_set_a_password(load, world, cli):
    world.customer("10001", password="alt")
    load("customers", "number,password\n10001,neu\n", "--update")
    assert cli.login("10001", "neu")("whoami").code == 0
    assert cli.in_process("login", "10001", "--password-stdin", "--print-token", stdin="alt").code == 4


def test_update_cannot_change_where_a_number_went(load, world):
    load("customers", "number,merged_into\n1,\n2,1\n3,\n")
    done = load("customers", "number,merged_into\n2,3\n3,1\n", "--update")
    assert done.code == 2
    assert "file.csv:2: merged_into" in done.err
    assert "file.csv:3: merged_into" in done.err
    assert world.customers()["2"]["merged_into"] == "1"


def test_update_gives_a_package_the_domains_of_the_file(load, world):
    world.customer("10001", domains=["eins.example", "zwei.example"])
    world.package("Q", "10001", ["drei.example"])
    text = "package,number,domains\nQ,10001,eins.example\nP10001,10001,drei.example vier.example\n"
    assert load("packages", text, "--update").code == 0
    packages = world.packages()
    assert packages["Q"]["domains"] == ["eins.example"]
    assert packages["P10001"]["domains"] == ["drei.example", "vier.example"]


def test_what_refers_to_a_domain_stays_as_long_as_the_domain_does(load, world, database_url):
    world.customer("10001", domains=["eins.example", "zwei.example"])
    world.package("Q", "10001", ["drei.example"])
    collation = "" if database_url.startswith("sqlite") else ' COLLATE "C"'
    execute(
        database_url,
        f"CREATE TABLE dns (zone text{collation} REFERENCES domain (ascii_name) ON DELETE CASCADE)",
        "INSERT INTO dns SELECT ascii_name FROM domain",
    )
    text = "package,number,domains\nP10001,10001,eins.example drei.example\nQ,10001,vier.example\n"
    assert load("packages", text, "--update").code == 0
    packages = world.packages()
    assert packages["P10001"]["domains"] == ["drei.example", "eins.example"]
    assert packages["Q"]["domains"] == ["vier.example"]
    zones = first_cells(database_url, "SELECT zone FROM dns ORDER BY zone")
    assert zones == ["drei.example", "eins.example"]


def test_find_sees_what_an_update_changed(load, world, agent):
    world.customer("10001")
    load("customers", "number,last_name\n10001,Zitronenfalter\n", "--update")
    assert [c["number"] for c in agent.in_process("find", "zitronenFALTER", "-f", "json").json] == ["10001"]


def test_an_update_of_packages_leaves_the_contact_columns_that_the_file_has_not(load, world):
    world.customer("10001", domains=["eins.example"], contact=details())
    assert load("packages", "package,number,contact_phone\nP10001,10001,0721 1\n", "--update").code == 0
    assert world.packages()["P10001"]["contact"] == details(phone="0721 1")
    empty = ",".join(f"contact_{field}" for field in details())
    assert load("packages", f"package,number,{empty}\nP10001,10001,,,,,,,,\n", "--update").code == 0
    assert world.packages()["P10001"]["contact"] is None


def test_a_tombstone_takes_no_data(load, world):
    assert load("customers", "number,company,merged_into\n1,,\n2,Zombie,1\n").code == 2
    assert load("customers", "number,company,merged_into\n1,,\n2,,1\n").code == 0
    done = load("customers", "number,company\n2,Zombie\n", "--update")
    assert (done.code, "only says where it went" in done.err) == (2, True)
    assert world.customers()["2"]["company"] == ""


def test_with_json_the_bad_lines_are_part_of_the_one_error(load):
    done = load("customers", "number\n1\n1\n\u200b\n", "-f", "json")
    assert done.code == 2
    assert [line.partition(": ")[0] for line in done.error["details"]["lines"]] == ["file.csv:4", "file.csv:3"]


def test_the_packages_are_what_comes_next_where_there_are_none(world, supervisor):
    (supervisor.folder / "c.csv").write_text("number\n10001\n")
    (supervisor.folder / "p.csv").write_text("package,number\np1,10001\n")
    assert supervisor("import", "customers", "c.csv").err == "", "a nightly feed is silent"
    person = Typist(supervisor, "import", "customers", "c.csv", "--update")
    person.sees("Next: custmerge import packages FILE")
    assert person.ends() == 0
    assert supervisor("import", "packages", "p.csv").err == ""
    person = Typist(supervisor, "import", "customers", "c.csv", "--update")
    assert person.ends() == 0
    assert "Next:" not in person.child.before
