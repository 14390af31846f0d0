"""A contact of a package's own whose eight details are empty is not none: the package doesn't use its number's."""

import pytest
from support.scenes import scene
from support.world import details

EMPTY = details(**dict.fromkeys(details(), ""))
CONTACT_COLUMNS = [f"contact_{field}" for field in EMPTY]


@scene
def kept(world, agent):
    """Package P20001 with an empty contact of its own, and P10001 without one, both of number 10001."""
    world.customer("10001", domains=["eins.example"])
    world.customer("20001", domains=["zwei.example"], password="hefezopf", **EMPTY)
    proof = ("--domain", "zwei.example", "--password-stdin")
    done = agent("merge", "20001", "--into", "10001", *proof, "--keep", "--yes", stdin="hefezopf")
    assert done.code == 0, done.err
    return world


def contacts(world):
    return {package: found["contact"] for package, found in world.packages().items()}


def test_keep_gives_a_package_an_empty_contact_of_its_own(kept):
    assert contacts(kept) == {"P10001": None, "P20001": EMPTY}


@pytest.mark.parametrize("options", [(), ("--excel",)], ids=str)
def test_an_update_with_what_was_exported_changes_no_contact(kept, supervisor, options):
    before = kept.dump()
    assert supervisor.in_process("export", "packages", *options, "--out", "p.csv").code == 0
    assert supervisor("import", "packages", "p.csv", "--update").code == 0
    assert kept.dump() == before


@pytest.mark.parametrize("options", [(), ("--excel",)], ids=str)
def test_a_fresh_register_gets_the_contacts_that_were_exported(kept, supervisor, tmp_path, options):
    before = kept.dump()
    for kind in ("customers", "packages"):
        assert supervisor.in_process("export", kind, "--with-hashes", *options, "--out", f"{kind}.csv").code == 0
    fresh = {"CUSTMERGE_DATABASE_URL": f"sqlite:///{tmp_path / 'fresh.db'}"}
    done = supervisor.in_process(
        "init", "--supervisor", "erna", "--password-stdin", stdin="korrektes-pferd-batterie", **fresh
    )
    assert done.code == 0, done.err
    login = ("login", "--staff", "erna", "--password-stdin", "--print-token")
    done = supervisor(*login, stdin="korrektes-pferd-batterie", **fresh)
    assert done.code == 0, done.err
    fresh["CUSTMERGE_TOKEN"] = done.out.strip()
    after = []
    for kind in ("customers", "packages"):
        done = supervisor("import", kind, f"{kind}.csv", **fresh)
        assert done.code == 0, done.err
        after += supervisor.in_process("export", kind, "--with-hashes", "-f", "jsonl", **fresh).out.splitlines()
    assert after == before


@pytest.mark.parametrize("columns", [(), ("contact_city",)], ids=str)
def test_an_update_without_its_columns_leaves_an_empty_contact(kept, supervisor, tmp_path, columns):
    rows = [("package", "number", *columns), ("P20001", "10001", *("" for _ in columns))]
    (tmp_path / "p.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    assert supervisor("import", "packages", "p.csv", "--update").code == 0
    assert contacts(kept)["P20001"] == EMPTY


def test_an_update_can_give_an_empty_contact_and_take_it_away(kept, supervisor, tmp_path):
    for cell, expected in ((" ", EMPTY), ("", None)):
        header = ",".join(("package", "number", *CONTACT_COLUMNS))
        (tmp_path / "p.csv").write_text(f"{header}\nP10001,10001,{cell},,,,,,,\n")
        assert supervisor("import", "packages", "p.csv", "--update").code == 0
        assert contacts(kept)["P10001"] == expected
