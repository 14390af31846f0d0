"""Every table, for what looks at all of them: an audit, the rights of roles."""

from custmerge.storage.tables.attached import contact, mapping, tombstone
from custmerge.storage.tables.batches import batch, batch_chunk
from custmerge.storage.tables.dismissals import dismissal
from custmerge.storage.tables.guesses import guess, lock
from custmerge.storage.tables.history import head, history
from custmerge.storage.tables.orders import before_image, order
from custmerge.storage.tables.people import proof, service, session, staff
from custmerge.storage.tables.register import REGISTER_TABLES, customer, domain, package
from custmerge.storage.tables.transfers import form, transfer

__all__ = [
    "REGISTER_TABLES",
    "batch",
    "batch_chunk",
    "before_image",
    "contact",
    "customer",
    "dismissal",
    "domain",
    "form",
    "guess",
    "head",
    "history",
    "lock",
    "mapping",
    "order",
    "package",
    "proof",
    "service",
    "session",
    "staff",
    "tombstone",
    "transfer",
]
