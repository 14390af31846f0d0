"""Tables that hold one detail of a customer in each row: a name of the detail, and its value."""

from __future__ import annotations

from dataclasses import dataclass

from custmerge.rules.fields import Field
from custmerge.rules.guessing.fields import meaning_of
from custmerge.rules.guessing.judging import Finding
from custmerge.rules.guessing.samples import Sample
from custmerge.rules.guessing.words import joined
from custmerge.rules.host_schema import HostTable, Kind

_NAMES = (
    "key",
    "metakey",
    "attribute",
    "attributename",
    "field",
    "fieldname",
    "property",
    "type",
    "typ",
    "kind",
    "name",
)
_VALUES = ("value", "metavalue", "val", "wert", "attributevalue", "fieldvalue")


@dataclass(frozen=True, slots=True)
class Attributes:
    """The details that the rows of a table hold."""

    finding: Finding
    """The column that says whose they are."""
    name_column: str
    value_column: str
    names: dict[Field, str]
    """How the table calls each detail."""


def attributes_of(table: HostTable, finding: Finding, sample: Sample) -> Attributes | None:
    """Return the details that a table with a reference to customers holds in rows; None if it is no such table."""
    texts = {joined(column.name): column.name for column in table.columns if column.kind in (Kind.TEXT, Kind.OTHER)}
    values = [texts[name] for name in _VALUES if name in texts]
    named = [texts[name] for name in _NAMES if name in texts and texts[name] in sample.columns]
    if not values or not finding.is_sure or finding.form != "{key}" or not table.row_key:
        return None
    for name_column in named:
        found: dict[Field, tuple[int, str]] = {}
        for value in sorted(set(sample.values(name_column))):
            meaning = meaning_of(value)
            if meaning is not None and (meaning[0] not in found or meaning[1] < found[meaning[0]][0]):
                found[meaning[0]] = meaning[1], value
        if found:
            names = {field: value for field, (_, value) in found.items()}
            return Attributes(finding, name_column, values[0], names)
    return None
