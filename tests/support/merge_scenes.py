"""What several files of tests of merging have in common."""

from support.scenes import scene


@scene
def pair(world):
    """10001 and 20002, the same person at another address; the domain of 20002 has its customer's password."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer(
        "20002", password="pw-2", domains=["zwei.example", "drei.example"], street="Gartenweg 3", mobile=""
    )
    return world


def merge(cli, absorbed, *options, domain="zwei.example", password="pw-2", into="10001"):
    return cli(
        "merge", absorbed, "--into", into, "--domain", domain, "--password-stdin", "--yes", "-f", "json", *options,
        stdin=password,
    )  # fmt: skip
