"""What the tests of contract transfers begin with, and do."""

from support.scenes import scene

PDF = b"%PDF-1.7\nunterschrieben"


@scene
def blocked(world):
    """10001 and 20002: another company and another street."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], company="Sonnentau OHG", street="Weg 1")
    (world.folder / "form.pdf").write_bytes(PDF)
    return world


def file(cli, absorbed="20002", into="10001", form="form.pdf"):
    return cli("transfer", "file", absorbed, "--into", into, "--form", form, "-f", "json")


def approve(cli, number=1):
    return cli("transfer", "approve", number, "--yes", "-f", "json")


def merge(cli, *options, absorbed="20002", into="10001"):
    return cli("merge", absorbed, "--into", into, "--adopt", "--yes", "-f", "json", *options)


@scene
def approved(blocked, agent, supervisor):
    assert file(agent).code == 0
    assert approve(supervisor).code == 0
    return blocked
