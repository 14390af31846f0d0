"""What several files of tests of `undo` have in common."""

import time

from support.scenes import scene
from support.world import details


@scene
def pair(world):
    """10001 and 20002, another city and mobile number, two packages, one of them with a contact of its own."""
    world.customer("10001", password="pw-1", domains=["eins.example"], mobile="")
    world.customer("20002", password="pw-2", domains=["zwei.example", "drei.example"], city="Ulm", phone="0711 5")
    world.package("Q20002", "20002", ["müller.example"], name="Shop", password="paket", contact=details(city="Bonn"))
    world.customer("30003", password="pw-3", domains=["vier.example"], city="Kiel")
    return world


def merge(cli, absorbed="20002", *options, into="10001", password="pw-2", domain="zwei.example"):
    done = cli.in_process(
        "merge", absorbed, "--into", into, "--domain", domain, "--password-stdin", "--yes", "-f", "json", *options,
        stdin=password,
    )  # fmt: skip
    assert done.code == 0, done.err
    return done.json["order"]


def merge_third(cli, *options, into="10001"):
    return merge(cli, "30003", *options, into=into, domain="vier.example", password="pw-3")


def undo(cli, *arguments):
    return cli("undo", *arguments, "--yes", "-f", "json")


def import_(world, kind, text):
    path = world.folder / f"changed-{time.monotonic_ns()}.csv"
    path.write_text(text)
    done = world.anna.in_process("import", kind, path.name, "--update")
    assert done.code == 0, done.err
