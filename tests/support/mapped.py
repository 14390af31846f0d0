"""Our own tables under another mapping: what a host's says of proofs, hashes and scope, without a host's tables."""

from dataclasses import replace
from functools import partial

from custmerge.rules.fields import Customer
from custmerge.rules.proofs import Hashing
from custmerge.storage.register.mapping import OWN
from custmerge.storage.register.records import Register
from custmerge.storage.tables.register import customer
from custmerge.storage.unit import Unit
from support.cli_process import run_command_line
from support.command_line import CommandLine

HOSTS_HASHES = Hashing(renews=False, kind="pbkdf2_sha256$1000")
# The columns of our own that stand for a tenant's number and a currency.
SCOPE = {"scope": (customer.c.postcode, customer.c.city), "scope_names": ("postcode", "city")}


def have_mapping(monkeypatch, **changes):
    """From now on, every unit of this process has our own tables with `changes` to their mapping."""
    monkeypatch.setattr(Unit, "register", _register(changes))


class MappedCommandLine(CommandLine):
    """The command line whose processes have such a mapping; SCOPE can't be handed to one, so it is told by name."""

    def __init__(self, cli, *, has_scope=False, **changes):
        super().__init__(cli.url, cli.folder)
        self.token = cli.token
        self._told = has_scope, changes

    def start(self, *arguments, target=run_command_line, **further):
        return super().start(*arguments, target=partial(_run_mapped, self._told, target), **further)


def _run_mapped(told, target, *call):
    has_scope, changes = told
    Unit.register = _register({**changes, **(SCOPE if has_scope else {})})
    target(*call)


def _register(changes):
    mapping = replace(OWN, record=_record, **changes)
    return property(lambda unit: unit.__dict__.setdefault("mapped_register", Register(unit._connection, mapping)))


def _record(row):
    number, *values, merged_into = row[:13]
    return Customer(number=number, values=tuple(values), merged_into=merged_into, scope=tuple(row[13:]))
