"""Our own tables under another mapping: what a host's says of proofs, hashes and scope, without a host's tables."""

from dataclasses import replace

from custmerge.rules.fields import Customer
from custmerge.rules.hashes import Hashing
from custmerge.storage.register.mapping import OWN
from custmerge.storage.register.records import Register
from custmerge.storage.tables import customer
from custmerge.storage.unit import Unit

HOSTS_HASHES = Hashing(renews=False, kind="pbkdf2_sha256$1000")
# The columns of our own that stand for a tenant's number and a currency.
SCOPE = {"scope": (customer.c.postcode, customer.c.city), "scope_names": ("postcode", "city")}


def have_mapping(monkeypatch, **changes):
    """From now on, every unit of this process has our own tables with `changes` to their mapping."""
    mapping = replace(OWN, record=_record, **changes)

    def register(unit):
        return unit.__dict__.setdefault("mapped_register", Register(unit._connection, mapping))

    monkeypatch.setattr(Unit, "register", property(register))


def _record(row):
    number, *values, merged_into = row[:13]
    return Customer(number=number, values=tuple(values), merged_into=merged_into, scope=tuple(row[13:]))
