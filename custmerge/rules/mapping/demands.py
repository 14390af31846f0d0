"""What a mapping says that contradicts itself, or means nothing: told by its line and key."""

from __future__ import annotations

from custmerge.errors import N_
from custmerge.rules.mapping import CustomerMap, HostMapping, Policy, ReferenceMap, split_column
from custmerge.rules.mapping.toml_table import TomlTable
from custmerge.rules.proofs import ProofBy

_SUMMED = ("add", "latest", "earliest")
_ONLY_WITH = {
    **dict.fromkeys(_SUMMED, (Policy.ADD,)),
    "winner": (Policy.DROP, Policy.ADD),
    "set": (Policy.MOVE, Policy.DROP, Policy.ADD),
}
"""Keys of a reference that say nothing with another policy."""


def demand_keys_that_fit(part: TomlTable, reference: ReferenceMap, customer: CustomerMap) -> None:
    """Raise BadMapping for a reference that says nothing, or names a key that the customers don't have."""
    if not reference.columns and not reference.tables:
        raise part.bad("", N_("has to have columns or tables"))
    if reference.key is not None and reference.key not in customer.all_keys:
        why = N_("{value} isn't one of the customer's keys: {known}")
        raise part.bad("key", why, value=reference.key, known=customer.all_keys)
    if reference.form.count("{key}") != 1:
        raise part.bad("form", N_("has to have {placeholder} in it, once"), placeholder="{key}")
    _demand_policy_that_fits(part, reference)


def _demand_policy_that_fits(part: TomlTable, reference: ReferenceMap) -> None:
    """Raise BadMapping for keys that say nothing with the policy, or contradict each other."""
    for key, policies in _ONLY_WITH.items():
        if part.has(key) and reference.policy not in policies:
            why = N_("goes with other policies only: {known}")
            raise part.bad(key, why, known=[policy.value for policy in policies])
    summed = [column for key in _SUMMED for column in part.texts(key)]
    if reference.policy is Policy.ADD and not summed:
        raise part.bad(
            "policy", N_("with {value} one of {known} has to be there"), value=Policy.ADD.value, known=_SUMMED
        )
    for column in summed:
        if summed.count(column) > 1:
            raise part.bad("", N_("{value} is in two of {known}"), value=column, known=_SUMMED)


def demand_columns(part: TomlTable, key: str) -> None:
    """Raise BadMapping for a name that isn't one of a table and its column."""
    for place, name in enumerate(part.texts(key), start=1):
        table, column = split_column(name)
        if not table or not column:
            raise part.bad(f"{key}.{place}", N_("{value} has to be TABLE.COLUMN"), value=name)


def demand_related_rows(mapping: HostMapping, top: TomlTable) -> None:
    """Raise BadMapping for a related row that hangs on no row, or on itself."""
    for name in mapping.related:
        seen, row = [name], mapping.related[name].from_related
        while row is not None:
            if row in seen or row not in mapping.related:
                why = N_("{value} hangs on itself") if row in seen else N_("there is no [related.{value}]")
                raise top.bad(f"related.{seen[-1]}.from", why, value=row)
            seen.append(row)
            row = mapping.related[row].from_related


def demand_parts_that_fit(mapping: HostMapping, top: TomlTable) -> None:
    """Raise BadMapping for a domain without its package, and a proof that nothing can give."""
    if mapping.domain is not None and mapping.domain.package is not None and mapping.package is None:
        raise top.bad(
            "domain.package", N_("there is no [package]: name the column that holds the customer as customer")
        )
    has_password = mapping.customer.password is not None
    if mapping.proof is ProofBy.PASSWORD and not has_password:
        raise top.bad("proof.by", N_("there is no password in [customer] to prove a number by"))
    if mapping.proof is ProofBy.DOMAIN and mapping.domain is None:
        raise top.bad("proof.by", N_("there is no [domain] to prove a number by"))
    has_password |= mapping.package is not None and mapping.package.password is not None
    if mapping.proof is ProofBy.DOMAIN and not has_password:
        why = N_(
            "a domain proves a number with a password, which neither [customer] nor [package] has: write {known}"
        )
        raise top.bad("proof.by", why, known='by = "nothing"')


def demand_one_answer(mapping: HostMapping, top: TomlTable) -> None:
    """Raise BadMapping for a column that is named twice, here or among those that are ignored."""
    answers: dict[str, str] = {}
    named = [(f"reference.{i}.columns", r.columns) for i, r in enumerate(mapping.references, start=1)]
    for key, columns in [*named, ("ignore.columns", mapping.ignore)]:
        for place, column in enumerate(columns, start=1):
            path = f"{key}.{place}"
            if column in answers:
                before = answers[column]
                raise top.bad(
                    path,
                    N_("{value} has two answers, the other in line {other}"),
                    value=column,
                    other=top.lines[before],
                )
            answers[column] = path
