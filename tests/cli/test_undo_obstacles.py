"""Contract §3, `undo`: what stands in the way is named, and nothing is changed. On both databases."""

import pytest
from support import undo_scenes
from support.databases import execute
from support.undo_scenes import import_, merge, merge_third, undo
from support.world import World, details

pair = undo_scenes.pair
CONTACT = ",".join(f"contact_{field}" for field in details())


def obstacles(done):
    assert (done.code, done.error["code"]) == (6, "undo_blocked"), done.err
    return [(one["row"], one["order"], one["why"]) for one in done.error["details"]["obstacles"]]


# What stands in the way


def test_a_later_merge_of_the_survivor_is_named(pair, agent, supervisor):
    first = merge(agent, "20002", "--adopt", "--take", "city")
    second = merge(agent, "10001", "--keep", into="30003", domain="eins.example", password="pw-1")
    before = pair.dump()
    done = undo(supervisor, first)
    assert obstacles(done) == [
        ("customer 10001", second, "10001 went into 30003 by order 2"),
        ("package P20002", second, "package P20002 is under 30003 now, after order 2"),
        ("package Q20002", second, "package Q20002 is under 30003 now, after order 2"),
    ]
    assert done.error["details"]["undo_first"] == [second]
    assert "undo first: 2 (--cascade does)" in done.error["message"]
    assert pair.dump() == before


def test_a_field_that_was_taken_again_names_the_later_order(pair, agent, supervisor):
    first = merge(agent, "20002", "--adopt", "--take", "city", "--take", "phone")
    second = merge_third(agent, "--adopt", "--take", "city")
    assert obstacles(undo(supervisor, first)) == [
        ("customer 10001", second, "city of 10001 was taken again by order 2")
    ]


def test_a_field_that_was_taken_again_with_the_same_text_is_in_the_way_too(pair, agent, supervisor):
    import_(pair, "customers", "number,city\n30003,Ulm\n")
    first = merge(agent, "20002", "--adopt", "--take", "city")
    second = merge_third(agent, "--adopt", "--take", "city")
    assert [one[1] for one in obstacles(undo(supervisor, first))] == [second]


def test_a_taken_field_that_was_edited_is_named_without_its_text(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt", "--take", "city")
    import_(pair, "customers", "number,city\n10001,Hamburg\n")
    done = undo(supervisor, order)
    assert obstacles(done) == [("customer 10001", None, "city of 10001 was changed since")]
    assert "Hamburg" not in done.err
    assert done.error["details"]["undo_first"] == []


def test_a_taken_field_that_has_gone_back_is_in_nobodys_way(pair, agent, supervisor):
    before = pair.dump()
    order = merge(agent, "20002", "--adopt", "--take", "city", "--take", "phone")
    import_(pair, "customers", "number,city\n10001,Karlsruhe\n")
    assert supervisor("undo", str(order), "--dry-run").code == 0
    assert undo(supervisor, order).code == 0
    assert pair.dump() == before


def test_a_contact_that_has_gone_back_is_in_nobodys_way(pair, agent, supervisor):
    before = pair.dump()
    order = merge(agent, "20002", "--keep")
    import_(pair, "packages", f"package,number,{CONTACT}\nP20002,10001{',' * 8}\n")
    assert undo(supervisor, order).code == 0
    assert pair.dump() == before


def test_a_package_under_another_number_is_named(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep")
    import_(pair, "packages", "package,number\nP20002,30003\n")
    assert obstacles(undo(supervisor, order)) == [("package P20002", None, "package P20002 is under 30003 now")]


def test_a_package_that_came_back_by_another_order_names_it(pair, agent, supervisor):
    first = merge(agent, "20002", "--adopt")
    import_(pair, "packages", "package,number\nP20002,30003\n")
    second = merge_third(agent, "--adopt")
    assert obstacles(undo(supervisor, first)) == [
        ("package P20002", second, "package P20002 was moved again by order 2")
    ]


def test_a_package_that_is_gone_is_named(pair, agent, supervisor, database_url):
    order = merge(agent, "20002", "--keep")
    execute(
        database_url, "DELETE FROM domain WHERE package = 'Q20002'", "DELETE FROM package WHERE package = 'Q20002'"
    )
    assert obstacles(undo(supervisor, order)) == [
        ("package Q20002", None, "package Q20002 isn't there any more"),
        ("domain müller.example", None, "domain müller.example of package Q20002 isn't there any more"),
    ]


def test_a_contact_that_was_changed_is_named(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep")
    import_(pair, "packages", "package,number,contact_city\nP20002,10001,Jena\n")
    done = undo(supervisor, order)
    assert obstacles(done) == [("package P20002", None, "the contact of package P20002 was changed since")]
    assert "Jena" not in done.err


@pytest.mark.parametrize(
    ("domains", "row", "why"),
    [
        ("zwei.example", "domain drei.example", "domain drei.example of package P20002 isn't there any more"),
        (
            "zwei.example drei.example neu.example",
            "domain neu.example",
            "domain neu.example was added to package P20002 since",
        ),
    ],
    ids=["removed", "added"],
)
def test_a_domain_that_was_removed_or_added_is_named(pair, agent, supervisor, domains, row, why):
    order = merge(agent, "20002", "--keep")
    import_(pair, "packages", f"package,number,domains\nP20002,10001,{domains}\n")
    assert obstacles(undo(supervisor, order)) == [(row, None, why)]


@pytest.mark.parametrize("holder", ["P30003", "Q20002"])
def test_a_domain_that_was_registered_again_is_named_with_its_package(pair, agent, supervisor, database_url, holder):
    order = merge(agent, "20002", "--keep")
    execute(database_url, f"UPDATE domain SET package = '{holder}' WHERE name = 'drei.example'")
    found = obstacles(undo(supervisor, order))
    assert found[0] == (
        "domain drei.example", None, f"domain drei.example of package P20002 is in package {holder} now"
    )  # fmt: skip


def test_a_tombstone_that_was_tampered_with_is_named(pair, agent, supervisor, database_url):
    order = merge(agent, "20002", "--keep")
    execute(database_url, "UPDATE customer SET merged_into = '30003' WHERE number = '20002'")
    assert obstacles(undo(supervisor, order)) == [("customer 20002", None, "20002 went into 30003")]
    execute(database_url, "UPDATE customer SET merged_into = NULL WHERE number = '20002'")
    assert obstacles(undo(supervisor, order)) == [("customer 20002", None, "20002 is in use already")]


def test_everything_in_the_way_is_named_at_once_and_in_german(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep", "--take", "city")
    import_(pair, "customers", "number,city\n10001,Hamburg\n")
    import_(pair, "packages", "package,number,contact_city,domains\nP20002,10001,Jena,zwei.example\n")
    assert len(obstacles(undo(supervisor, order))) == 3
    done = supervisor("--lang", "de", "undo", order, "--yes")
    assert done.code == 6
    for said in ("Ort von 10001", "Ansprechpartner des Pakets P20002", "drei.example"):
        assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_an_unknown_order_ends_with_5(pair, supervisor):
    done = undo(supervisor, "7")
    assert (done.code, done.error["code"], done.error["details"]) == (5, "unknown_order", {"order": 7})


def test_an_order_is_undone_once(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep")
    undo(supervisor, order)
    done = undo(supervisor, order)
    assert (done.code, done.error["code"], done.error["details"]["by"]) == (6, "already_undone", "anna")
    assert len(supervisor.in_process("history", "--action", "undo", "-f", "json").json) == 1


def test_after_a_purge_it_says_why_not(pair, agent, supervisor, database_url):
    order = merge(agent, "20002", "--keep")
    empty = "''" if database_url.startswith("postgresql") else "x''"
    execute(database_url, f"UPDATE custmerge_before_image SET image = '', salt = {empty}")
    done = undo(supervisor, order)
    assert (done.code, done.error["code"]) == (6, "purged")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE custmerge_before_image SET image = replace(image, 'Ulm', 'Rom')",
        "UPDATE custmerge_before_image SET image = 'x'",
        "UPDATE custmerge_before_image SET image = ''",
        "DELETE FROM custmerge_before_image",
        "UPDATE custmerge_order SET absorbed = '30003'",
        "UPDATE custmerge_order SET taken = 'city'",
    ],
)
def test_an_order_that_is_not_the_one_of_the_history_is_refused(pair, agent, supervisor, database_url, statement):
    order = merge(agent, "20002", "--keep")
    execute(database_url, statement)
    before = pair.dump()
    done = undo(supervisor, order)
    assert (done.code, done.error["code"], "custmerge audit" in done.error["message"]) == (6, "image_changed", True)
    assert pair.dump() == before


@pytest.mark.parametrize("statement", ["image = X'00'", "image = 7", "salt = 'x'"])
def test_a_before_image_that_is_no_text_is_one_that_was_changed(sqlite_cli, statement):
    world, agent = World(sqlite_cli), sqlite_cli.as_("ben")
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"], street="Weg 7")
    order = merge(agent, "20002", "--keep")
    execute(sqlite_cli.url, f"UPDATE custmerge_before_image SET {statement}")
    done = undo(sqlite_cli.as_("anna"), order)
    assert (done.code, done.error["code"]) == (6, "image_changed")
