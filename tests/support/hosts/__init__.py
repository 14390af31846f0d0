"""Databases of other programs, of different shape, that custmerge is attached to in tests.

A module for each: its tables on both databases, rows, the mapping, and in plain Python what a merge does to the rows.
None of them knows custmerge's code: what it did is held against what they say.
"""

from support.hosts import chinook, kill_bill, pagila, paymenter

HOSTS = {
    host.name: host for host in (chinook.HOST, chinook.WITH_CONTACTS, kill_bill.HOST, pagila.HOST, paymenter.HOST)
}
