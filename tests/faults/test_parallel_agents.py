"""Several agents at the same customers at once: nothing is lost, nobody deadlocks, and the loser is told."""

import pytest
from support.world import details

TAKEN = {
    "20001": ("street", "Weg 1"),
    "20002": ("city", "Ulm"),
    "20003": ("phone", "0711 1"),
    "20004": ("mobile", ""),
}


def verified(agent, absorbed, survivor):
    proof = ("--domain", f"d{absorbed}.example", "--password-stdin")
    assert agent.in_process("verify", absorbed, "--into", survivor, *proof, stdin="hefezopf").code == 0


def at_once(caller, *commands):
    """Run commands side by side, and return exit code and standard error of each."""
    running = [caller.start(*command) for command in commands]
    for process, _ in running:
        process.join(300)
    return [(process.exitcode, err.read_text()) for process, (_, _, err) in running]


@pytest.fixture
def five(world, agent):
    """A number, and four others that differ from it in one detail each and are proved."""
    world.customer("10001", domains=["own.example"])
    for number, (field, value) in TAKEN.items():
        world.customer(number, password="hefezopf", domains=[f"d{number}.example"], **{field: value})
        verified(agent, number, "10001")
    return world


def test_merges_into_one_number_at_once_lose_no_update(five, agent, supervisor):
    orders = [("merge", n, "--into", "10001", "--keep", "--take", TAKEN[n][0], "--yes") for n in TAKEN]
    assert at_once(agent, *orders) == [(0, "")] * 4
    record = five.customers()["10001"]
    assert {field: record[field] for field in details()} == details(**dict(TAKEN.values()))
    assert {package["number"] for package in five.packages().values()} == {"10001"}
    assert supervisor.in_process("audit").code == 0


def test_undos_of_one_numbers_orders_at_once_give_everything_back(five, agent, supervisor):
    before = five.dump()
    for number in TAKEN:
        order = ("merge", number, "--into", "10001", "--keep", "--take", TAKEN[number][0], "--yes")
        assert agent(*order).code == 0
    done = at_once(supervisor, *(("undo", str(order), "--yes") for order in range(1, 5)))
    assert done == [(0, "")] * 4
    assert five.dump() == before
    assert supervisor.in_process("audit").code == 0


def test_merges_in_a_ring_at_once_leave_one_number_and_no_circle(world, agent, supervisor):
    ring = [("1", "2"), ("2", "3"), ("3", "1")]
    for number, _ in ring:
        world.customer(number, password="hefezopf", domains=[f"d{number}.example"])
    for absorbed, survivor in ring:
        verified(agent, absorbed, survivor)
    done = at_once(agent, *(("merge", absorbed, "--into", survivor, "--yes") for absorbed, survivor in ring))
    merged = [pair for pair, (code, _) in zip(ring, done, strict=True) if code == 0]
    # Whichever comes first takes a number that another was to go into (5, with where it went), and voids what
    # was proved about its survivor (4).
    assert len(merged) == 1
    assert sorted(code for code, _ in done) == [0, 4, 5]
    for (absorbed, survivor), (code, said) in zip(ring, done, strict=True):
        if code == 5:
            assert {absorbed, survivor} & {word.strip(".,:") for word in said.split()}
    customers = world.customers()
    assert {n: c["merged_into"] for n, c in customers.items() if c["merged_into"]} == dict(merged)
    assert supervisor.in_process("audit").code == 0


def test_an_edit_and_a_merge_at_once_lose_neither(five, agent, supervisor, tmp_path):
    (tmp_path / "edit.csv").write_text("number,email\n10001,neu@sonnentau.example\n")
    edit = supervisor.start("import", "customers", "edit.csv", "--update")
    merge = agent.start("merge", "20002", "--into", "10001", "--keep", "--take", "city", "--yes")
    for process, (_, _, err) in (edit, merge):
        process.join(300)
        assert process.exitcode == 0, err.read_text()
    record = five.customers()["10001"]
    assert (record["email"], record["city"]) == ("neu@sonnentau.example", "Ulm")
