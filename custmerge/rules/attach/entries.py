"""Attaching: what is wrong with an entry of the mapping, or with a column that it names."""

from __future__ import annotations

from dataclasses import dataclass

from custmerge.errors import N_
from custmerge.rules.attach.answers import entry_path
from custmerge.rules.attach.clashes import can_clash, compares_by_equality
from custmerge.rules.attach.problems import SEVERAL_WRITINGS, Problems
from custmerge.rules.attach.references import ROWS_GO, Child, ResolvedReference
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable, Kind
from custmerge.rules.mapping import HostMapping, Policy, ReferenceMap

_NUMBERS = (Kind.INTEGER, Kind.NUMBER)
_SORTED = (*_NUMBERS, Kind.MOMENT, Kind.TEXT)
_HOLDING = {
    Kind.TEXT: (Kind.TEXT, Kind.INTEGER, Kind.UUID, Kind.NUMBER),
    Kind.INTEGER: _NUMBERS,
    Kind.NUMBER: _NUMBERS,
    Kind.UUID: (Kind.UUID, Kind.TEXT),
}
"""The kinds of keys that a column of a kind can hold."""


@dataclass(slots=True)
class EntryChecks:
    """What stands in the way of a reference or a child."""

    mapping: HostMapping
    schema: HostSchema
    problems: Problems

    def reference(self, reference: ResolvedReference) -> bool:
        """Return whether a reference can be followed, and note what is wrong with its entry."""
        table = self.schema.tables[reference.table]
        column = table.column(reference.column)
        if column is None:
            return False
        if reference.table == self.mapping.customer.table and reference.column in self.mapping.customer.all_keys:
            self._at(reference, "", N_("{value} is the customer's own key, no reference"), value=reference.name)
            return False
        self._demand_holding(reference, column)
        if reference.entry is not None:
            self._entry(table, reference.entry, reference.path, (reference.column,))
        is_own = reference.table == self.mapping.customer.table
        if is_own and reference.policy in ROWS_GO:
            self._at(reference, "policy", N_("a customer's own row can't be dropped"))
        elif is_own and reference.may_drop:
            self._at(reference, "itself", N_("a customer's own row can't be dropped"))
        return True

    def child(self, child: Child) -> bool:
        """Likewise for a foreign key to a table whose rows may be dropped."""
        table = self.schema.tables[child.table]
        self._demand_one_writing(child)
        if child.answer is None:
            return True
        if child.policy is Policy.LEAVE:
            why = N_("rows of {table} may be dropped, and what refers to them can't be left: {value} has to follow")
            value = f"{child.table}.{child.foreign_key.columns[0]}"
            self.problems.at(child.answer.path, why, table=child.foreign_key.table, value=value)
            return False
        if child.table == self.mapping.customer.table and child.policy in ROWS_GO:
            self.problems.at(child.answer.path, N_("a customer's own row can't be dropped"))
        self._entry(table, child.answer.entry, child.answer.path, child.foreign_key.columns)
        return True

    def _demand_one_writing(self, child: Child) -> None:
        """Note a foreign key whose rows aren't found by the text of what they refer to."""
        foreign_key = child.foreign_key
        parent = self.schema.tables[foreign_key.table]
        for table, name in (
            *((self.schema.tables[child.table], column) for column in foreign_key.columns),
            *((parent, column) for column in foreign_key.to),
        ):
            column = table.column(name)
            if column is not None and not column.has_one_writing:
                self.problems.of(f"{table.name}.{name}", SEVERAL_WRITINGS, value=name, type=column.type)

    def _demand_holding(self, reference: ResolvedReference, column: HostColumn) -> None:
        """Note a column that can't hold another customer's key."""
        if reference.policy is Policy.REFUSE:
            return
        customer = self.schema.table(self.mapping.customer.table)
        key = customer and customer.column(self.mapping.customer.all_keys[reference.key])
        if column.is_generated:
            why = N_("{value} is computed by the database, so it can't move: answer with leave or refuse")
            self._at(reference, "", why, value=reference.name)
        elif column.type and column.kind not in _HOLDING:
            why = N_("{value} is of the type {type}: that can't move yet, answer it with leave, refuse or [ignore]")
            self._at(reference, "", why, value=reference.name, type=column.type)
        elif not column.has_one_writing:
            self._at(reference, "", SEVERAL_WRITINGS, value=reference.name, type=column.type)
        elif key and key.type and column.type and key.kind not in _HOLDING.get(column.kind, (key.kind,)):
            why = N_("{value} is of the type {type} and can't hold {name}, which is {other}")
            self._at(reference, "key", why, value=reference.name, type=column.type, name=key.name, other=key.type)
        elif reference.entry is not None and reference.entry.form != "{key}" and column.kind is not Kind.TEXT:
            why = N_("{value} is of the type {type}: only a text can have something beside the key")
            self._at(reference, "form", why, value=reference.name, type=column.type)

    def _entry(self, table: HostTable, entry: ReferenceMap, path: str, columns: tuple[str, ...]) -> None:
        """Note what an entry names that isn't in the table, or is of the wrong kind."""
        begin = entry_path(path)
        for place, name in enumerate(entry.unique or (), start=1):
            self.problems.column(table, name, f"{begin}.unique.{place}")
        for key, kinds in (("add", _NUMBERS), ("latest", _SORTED), ("earliest", _SORTED)):
            for place, name in enumerate(getattr(entry, key), start=1):
                self._summed(table, name, f"{begin}.{key}.{place}", kinds)
        self.problems.written(table, f"{begin}.set", entry.set)
        if entry.policy in ROWS_GO and entry.unique is None:
            about = [unique for column in columns for unique in can_clash(table, column)]
            if not any(compares_by_equality(unique) for unique in about):
                why = N_(
                    "nothing says when two rows of {table} are the same: name the columns as unique; unique = [] is "
                    "one row for each customer"
                )
                self.problems.at(f"{begin}.policy", why, table=table.name)

    def _summed(self, table: HostTable, name: str, path: str, kinds: tuple[Kind, ...]) -> None:
        column = self.problems.column(table, name, path)
        if column is not None and column.kind not in kinds:
            why = N_("{value} of {table} is no number (its type is {type}), so it can't be added up")
            if len(kinds) > len(_NUMBERS):
                why = N_("{value} of {table} is neither a time nor a number (its type is {type})")
            self.problems.at(path, why, value=name, table=table.name, type=column.type)

    def _at(self, reference: ResolvedReference, key: str, why: str, **details: str) -> None:
        """Note a problem at a key of a reference's entry; at the column itself where it has none."""
        if reference.entry is None:
            self.problems.of(reference.name, why, **details)
        else:
            begin = entry_path(reference.path)
            self.problems.at(f"{begin}.{key}" if key else reference.path, why, **details)
