"""Rows that refer to rows whose key has the customer in it: they follow where these move, or one of two goes."""

from dataclasses import replace

import pytest
from support import attach_scenes
from support.attach_scenes import Attached, demand_as_before, demand_as_expected, demand_audit_ok, order, undo
from support.command_line import CommandLine
from support.databases import execute
from support.hosts import pagila
from support.hosts.expected import only, repoint, said, where
from support.hosts.host import lay_out

ACTIONS = ["", "ON UPDATE CASCADE", "DEFERRABLE INITIALLY DEFERRED", "ON UPDATE CASCADE ON DELETE CASCADE"]
# A profile's key is its customer's; what a reminder refers to is a wish, by the customer and the film.
TABLES = (
    "CREATE TABLE profile (customer_id integer PRIMARY KEY NOT NULL REFERENCES customer (customer_id), nick text)",
    (
        "CREATE TABLE hobby (hobby_id integer PRIMARY KEY NOT NULL, "
        "profile_id integer NOT NULL REFERENCES profile (customer_id) {action})"
    ),
    (
        "CREATE TABLE reminder (n integer NOT NULL, customer_id integer NOT NULL, film_id integer NOT NULL, "
        "PRIMARY KEY (customer_id, film_id, n), "
        "FOREIGN KEY (customer_id, film_id) REFERENCES wishlist (customer_id, film_id) {action})"
    ),
    "INSERT INTO profile SELECT customer_id, 'n' FROM customer WHERE customer_id NOT IN (3, 5)",
    "INSERT INTO hobby SELECT customer_id * 10, customer_id FROM profile",
    # No two of one customer and film, so that they don't clash.
    "INSERT INTO reminder SELECT 500 + customer_id, customer_id, film_id FROM wishlist",
)
PROFILES = """
[[reference]]
columns = ["profile.customer_id"]
policy = "drop"
"""


def with_children(rows, merge):
    """Have profiles, hobbies and reminders follow; wishes do as ever."""
    survivor, absorbed = (only(rows["customer"], uuid=number) for number in (merge.survivor, merge.absorbed))
    old, new = absorbed["customer_id"], survivor["customer_id"]
    for profile in where(rows["profile"], customer_id=old):
        if where(rows["profile"], customer_id=new):
            rows["profile"].remove(profile)
    repoint(rows["profile"], "customer_id", old, new)
    repoint(rows["hobby"], "profile_id", old, new)
    repoint(rows["reminder"], "customer_id", old, new)
    pagila.HOST.merge(rows, merge)


def with_children_where_the_survivors_wish_stays(rows, merge):
    survivor, absorbed = (only(rows["customer"], uuid=number) for number in (merge.survivor, merge.absorbed))
    films = {said(wish["film_id"]) for wish in where(rows["wishlist"], customer_id=survivor["customer_id"])}
    for wish in where(rows["wishlist"], customer_id=absorbed["customer_id"]):
        if said(wish["film_id"]) in films:
            rows["wishlist"].remove(wish)
    with_children(rows, merge)


WITH_WINNER_ABSORBED = replace(pagila.HOST, mapping=pagila.HOST.mapping + PROFILES, merge=with_children)
_WISHES = pagila.HOST.mapping[pagila.HOST.mapping.index('policy = "add"') : pagila.HOST.mapping.index("[[refuse]]")]
WITH_WINNER_SURVIVOR = replace(
    WITH_WINNER_ABSORBED,
    mapping=WITH_WINNER_ABSORBED.mapping.replace(_WISHES, 'policy = "drop"\n\n'),
    merge=with_children_where_the_survivors_wish_stays,
)


@pytest.fixture
def attached(forked_commands, databases, tmp_path, staff_hash, host, action):
    url = databases.empty()
    lay_out(url, host)
    execute(url, *(statement.format(action=action) for statement in TABLES))
    cli = CommandLine(url, tmp_path)
    attach_scenes.attach(host, cli)
    attach_scenes.hire(cli, staff_hash)
    return Attached(host, cli)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("host", [WITH_WINNER_SURVIVOR, WITH_WINNER_ABSORBED], ids=["survivor", "absorbed"])
def test_rows_follow_a_key_that_changes_and_come_back(attached, host):
    before = attached.snapshot()
    # The wishes of the first pair are for other films, those of the second for the same.
    for pair in ("equal, with an address each", "equal, with one address for both"):
        merge = host.pairs[pair]
        done = replace(merge, order=order(attached, merge))
        demand_as_expected(attached, before, [done])
        undo(attached.supervisor, done.order)
        demand_as_before(attached, before)
        before = attached.snapshot()
    demand_audit_ok(attached)
