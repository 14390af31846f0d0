"""A nightly feed whose source knows nothing of merges: merged numbers are left out, the rest goes on."""

import pytest

HASH = "$2b$04$" + "a" * 53
SKIPPED = "went into 10001: the line is skipped"


@pytest.fixture
def feed(supervisor, tmp_path):
    def feed(kind, content, *options):
        (tmp_path / "feed.csv").write_text(content, "utf-8")
        return supervisor("import", kind, "feed.csv", "--update", *options)

    return feed


CUSTOMERS = "number,city\n10001,Ulm\n20001,Bonn\n30001,Kiel\n"
PACKAGES = "package,number,name,domains\nP20001,20001,Alt,d1.example\nQ,10001,Neu,d2.example\n"


def test_without_skipping_one_merged_number_stops_the_feed(merged, feed, world):
    before = world.dump()
    assert feed("customers", CUSTOMERS).code == 2
    assert feed("packages", PACKAGES).code == 2
    assert world.dump() == before


@pytest.mark.parametrize("column", ["password", "password_hash"])
def test_a_merged_number_keeps_the_password_that_an_undo_gives_back(merged, feed, world, column):
    before = world.dump()
    given = "neuespasswort" if column == "password" else HASH
    assert feed("customers", f"number,{column}\n20001,{given}\n").code == 2
    assert world.dump() == before


def test_a_merged_customer_is_left_out_and_the_rest_goes_on(merged, feed, world):
    done = feed("customers", CUSTOMERS, "--skip-merged")
    assert (done.code, done.err) == (0, f"feed.csv:3: number: 20001: {SKIPPED}\n")
    assert "1 added, 1 updated" in done.out
    assert "1 row of a number that was merged skipped" in done.out
    records = world.customers()
    assert [records[number]["city"] for number in ("10001", "30001")] == ["Ulm", "Kiel"]
    assert (records["20001"]["merged_into"], records["20001"]["city"]) == ("10001", "")


@pytest.mark.parametrize("line", ['20001,"4,91711E+11"', "20001,K\u00c3\u00b6ln", "20001,Bonn\n20001,Ulm"])
def test_whatever_stands_in_a_merged_numbers_line_the_rest_goes_on(merged, feed, world, line):
    done = feed("customers", f"number,city\n{line}\n10001,Ulm\n", "--skip-merged")
    assert (done.code, "1 updated" in done.out) == (0, True), done.err
    assert world.customers()["10001"]["city"] == "Ulm"
    done = feed("packages", "package,number,name\nP20001,20001,K\u00c3\u00b6ln\n", "--skip-merged")
    assert done.code == 0, done.err


@pytest.mark.parametrize("options", [(), ("--skip-merged",)])
@pytest.mark.parametrize("kind", ["customers", "packages"])
def test_a_number_with_a_nul_is_a_bad_line(merged, feed, kind, options):
    columns = "number" if kind == "customers" else "number,package"
    done = feed(kind, f"{columns}\n20\x0001{',P' if kind == 'packages' else ''}\n", *options)
    assert (done.code, done.err.startswith("feed.csv:2: number: ")) == (2, True), done.err


@pytest.mark.parametrize(
    "cells", ["P\x00,20001,d1.example", "P20001,20001,d\x00.example", "P20001,20001," + "d" * 100_000]
)
def test_a_nul_or_an_endless_name_in_a_skipped_line_stops_nothing(merged, feed, world, cells):
    done = feed("packages", f"package,number,domains\n{cells}\nQ,10001,d2.example\n", "--skip-merged")
    assert (done.code, "1 row of a number that was merged skipped" in done.out) == (0, True), done.err
    assert world.packages()["Q"]["domains"] == ["d2.example"]


def test_a_package_of_a_merged_number_stays_where_the_merge_put_it(merged, feed, world):
    before = world.packages()["P20001"]
    done = feed("packages", PACKAGES, "--skip-merged")
    assert (done.code, done.err) == (0, f"feed.csv:2: number: 20001: {SKIPPED}\n")
    assert world.packages()["P20001"] == before
    assert before["number"] == "10001"
    assert world.packages()["Q"]["domains"] == ["d2.example"]


@pytest.mark.parametrize("package", ["P20001", "NEW"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_domain_that_the_feed_moves_to_a_skipped_line_is_not_lost(merged, feed, world, package, is_first):
    world.package("Q", "10001", ["q.example", "shop.example"])
    before = world.dump()
    skipped = f"{package},20001,d1.example shop.example\n"
    lines = [skipped, "Q,10001,q.example\n"] if is_first else ["Q,10001,q.example\n", skipped]
    done = feed("packages", f"package,number,domains\n{''.join(lines)}", "--skip-merged")
    assert done.code == 2
    assert f"feed.csv:{2 if is_first else 3}: domains: shop.example: would be in no package" in done.err
    assert world.dump() == before
    # What another line has is there, and what nobody had is no loss.
    lines = f"{package},20001,d1.example shop.example new.example\nQ,10001,q.example shop.example\n"
    assert feed("packages", f"package,number,domains\n{lines}", "--skip-merged").code == 0
    assert world.packages()["Q"]["domains"] == ["q.example", "shop.example"]


@pytest.mark.parametrize(("kind", "content"), [("customers", CUSTOMERS), ("packages", PACKAGES)])
def test_skipped_lines_are_counted_for_scripts_and_in_the_history(merged, feed, supervisor, kind, content):
    done = feed(kind, content, "--skip-merged", "-f", "json")
    assert (done.json["skipped"], done.json["rows"]) == (1, done.json["added"] + done.json["updated"])
    assert SKIPPED in done.err
    (row,) = feed(kind, content, "--skip-merged", "-f", "csv").rows
    assert row["skipped"] == "1"
    assert '"skipped":1' in supervisor.in_process("export", "history", "-f", "csv").out.replace('""', '"')


def test_the_same_feed_may_come_every_night(merged, feed, world):
    feed("customers", CUSTOMERS, "--skip-merged")
    feed("packages", PACKAGES, "--skip-merged")
    before = world.dump()
    assert feed("customers", CUSTOMERS, "--skip-merged").code == 0
    assert feed("packages", PACKAGES, "--skip-merged").code == 0
    assert world.dump() == before


def test_the_audit_has_nothing_against_it(merged, feed, supervisor):
    feed("customers", CUSTOMERS, "--skip-merged")
    feed("packages", PACKAGES, "--skip-merged")
    assert supervisor.in_process("audit").code == 0


def test_a_bad_line_still_stops_it_and_is_the_only_thing_that_json_says(merged, feed, world):
    before = world.dump()
    done = feed("customers", CUSTOMERS + "1 2,Ulm\n", "--skip-merged", "-f", "json")
    assert (done.code, len(done.error["details"]["lines"])) == (2, 1)
    assert world.dump() == before


def test_with_quiet_a_feed_that_went_well_says_nothing_on_stderr(merged, supervisor, tmp_path):
    (tmp_path / "feed.csv").write_text(CUSTOMERS)
    assert supervisor("--quiet", "import", "customers", "feed.csv", "--update", "--skip-merged").err == ""


def test_skipping_needs_update(supervisor, tmp_path):
    (tmp_path / "c.csv").write_text("number\n1\n")
    assert supervisor("import", "customers", "c.csv", "--skip-merged").code == 2
