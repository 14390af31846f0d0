"""The tables: the register (customers, packages, domains) and the ledger (what custmerge did).

The SQLModel classes stay in these modules, which are as many as there are parts that a command may do without:
defining a class takes milliseconds. Other modules use the Core tables below them. Keys are compared byte by byte on
both databases, so that both sort alike. Migrations create the tables; a test compares them with the classes.
"""

from __future__ import annotations

from sqlalchemy import Text

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every version of the schema, oldest first; the last is this program's."""
Key = Text().with_variant(Text(collation="C"), "postgresql")
