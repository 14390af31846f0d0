"""Something of everything that most tests do, done once in the process that commands are forked from."""

from pathlib import Path

from support.command_line import CommandLine
from support.world import World

WARM_UP = "CUSTMERGE_TESTS_WARM_UP"
"""The environment variable with the URLs of the databases for it, divided by blanks."""
PROOF = ("--domain", "zwei.example", "--password-stdin")
COMMANDS = (
    ("find", "Vogelsang"),
    ("show", "10001"),
    ("diff", "20002", "--into", "10001"),
    ("verify", "20002", "--into", "10001", *PROOF),
    ("merge", "20002", "--into", "10001", "--adopt", "--yes"),
    ("history",),
    ("undo", "1", "--yes"),
    ("transfer", "file", "40004", "--into", "10001", "--form", "form.pdf"),
    ("transfer", "approve", "1", "--yes"),
    ("transfer", "list"),
    ("bulk", "approve", "pairs.csv", "--yes"),
    ("bulk", "run", "pairs.csv"),
    ("bulk", "status"),
    ("export", "history"),
    ("import", "customers", "customers.csv", "--update"),
    ("login", "10001", "--password-stdin", "--print-token"),
    ("user", "list"),
    ("token", "list"),
    ("audit",),
)
BY_BEN = {("transfer", "file"), ("bulk", "run")}
"""What nobody does and approves of too."""


def do_everything(url, folder):
    """Do it as staff on a database that is as all tests get one; `folder` is for files."""
    anna = CommandLine(url, Path(folder)).as_("anna")
    world = World(anna)
    world.customer("10001", password="pw-2", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")
    world.customers_like("30003")
    world.customers_like("40004", company="Sonnentau OHG")
    (anna.folder / "form.pdf").write_bytes(b"%PDF-")
    (anna.folder / "pairs.csv").write_text("survivor,absorbed\n10001,30003\n")
    (anna.folder / "customers.csv").write_text("number,city\n10001,Bonn\n")
    for command in COMMANDS:
        by = anna.as_("ben") if command[:2] in BY_BEN else anna
        done = by.in_process(*command, stdin="pw-2")
        assert done.code in (0, 1), (command, done.err)
