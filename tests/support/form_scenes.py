"""What the tests of the form of a merge begin with."""

from support.scenes import scene


@scene
def customers(world):
    world.customer("10001", password="pw-1")
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")
    world.customer("20003", password="pw-3", domains=["drei.example"])
    world.customer("20004", password="pw-4", domains=["vier.example"], company="Anders GmbH")
    return world
