"""What a mapping's file says already, whose rest is to be proposed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from custmerge.errors import N_, BadMapping
from custmerge.rules.attach import Resolved, resolve
from custmerge.rules.attach.names import table_named, with_names_of
from custmerge.rules.host_schema import HostSchema
from custmerge.rules.mapping import HostMapping
from custmerge.rules.mapping.file import mapping_of, toml_values
from custmerge.rules.mapping.toml_lines import key_lines
from custmerge.rules.mapping.toml_table import TomlTable


@dataclass(frozen=True, slots=True)
class Known:
    """A part of a mapping, perhaps `[customer]` with its `table` alone."""

    text: str
    file: str
    values: Mapping[str, object]
    lines: Mapping[str, int] = field(repr=False)

    @property
    def has_key(self) -> bool:
        """Whether it says by which column customers are told: the rest of `[customer]` is as it is by intention."""
        return "key" in self.said("customer")

    def said(self, part: str) -> frozenset[str]:
        """Return the keys that are there of a part, such as `customer`; of a part that isn't there, none."""
        values = self.values.get(part)
        return frozenset(values) if isinstance(values, dict) else frozenset()

    def table(self, schema: HostSchema) -> str | None:
        """Return the customers' table as the catalogue calls it, or None; raises BadMapping if it isn't there."""
        values = self.values.get("customer")
        if not isinstance(values, dict) or "table" not in values:
            return None
        part = TomlTable(values, "customer", self.lines, self.file)
        name = part.text("table")
        table = table_named(schema, name)
        if table is None:
            raise part.bad("table", N_("there is no table {value}"), value=name)
        return table.name

    def header(self, part: str) -> int | None:
        """Return the number of the line behind which a part's keys can be added; None if there is no `[part]`."""
        number = self.lines.get(part)
        if number is None:
            return None
        line = self.text.split("\n")[number - 1]
        if not re.match(rf"\s*\[\s*{re.escape(part)}\s*\]", line):
            return None
        # What comes first in a part stays the first, if it is right below.
        return number + (self.lines.get(f"{part}.table") == number + 1)

    def resolved(self, schema: HostSchema, table: str, key: str) -> Resolved:
        """Return what it says of a catalogue, with `table` and `key` where it has none.

        Raises BadMapping for a mistake in it, also for a table or column of customers that isn't there.
        """
        resolved = resolve(with_names_of(schema, self._mapping(table, key)), schema)
        for problem in resolved.problems:
            if problem.subject.startswith("customer."):
                line = problem.line or self.lines.get("customer", 1)
                raise BadMapping(
                    file=self.file, line=line, key=problem.subject, why=problem.message, **problem.details
                )
        return resolved

    def lacks_key(self) -> BadMapping:
        """Return the error for a table in which no column alone tells customers."""
        return BadMapping(
            file=self.file, line=self.lines.get("customer", 1), key="customer.key", why=N_("is missing")
        )

    def _mapping(self, table: str, key: str) -> HostMapping:
        customer = self.values.get("customer", {})
        if isinstance(customer, dict):
            customer = {"table": table, "key": key, **customer}
        # What proves a number may be among what is to be proposed.
        values = {**self.values, "customer": customer, "proof": {"by": "nothing"}}
        return mapping_of(values, self.lines, self.file)


def read_known(text: str, file: str) -> Known:
    """Return what a file says; raises BadMapping for one that isn't TOML, or to which nothing can be added."""
    values = toml_values(text, file)
    known = Known(text, file, values, key_lines(text))
    if "customer" in values and known.header("customer") is None:
        line, why = known.lines.get("customer", 1), N_("write it as {header}, so that something can be added")
        raise BadMapping(file=file, line=line, key="customer", why=why, header="[customer]")
    return known
