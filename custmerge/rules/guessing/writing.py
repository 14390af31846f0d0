"""Writes a proposed mapping as TOML, with the evidence of each guess as a comment."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet

from custmerge.errors import N_
from custmerge.rules.fields import FIELDS
from custmerge.rules.guessing.customer import balance_columns
from custmerge.rules.guessing.judging import Finding, FindingKind
from custmerge.rules.guessing.known import Known
from custmerge.rules.guessing.policies import ReferenceGuess, Remark
from custmerge.rules.guessing.proposal import Proposal
from custmerge.rules.guessing.words import joined, word_set
from custmerge.rules.host_schema import Kind
from custmerge.rules.mapping import FORMAT, ColumnSource, Policy, Related, Source, Sql
from custmerge.rules.sql_words import readable

Translate = Callable[[str], str]
"""Gives a template in the language of who reads the file."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_KINDS_OF_ROWS = word_set(
    "role roleid rolemask type usertype accounttype isstaff issuperuser isadmin iscustomer customer issupplier"
    " isdeleted deleted deletedat"
)
_STATES = ("status", "active", "is_active", "enabled", "aktiv")
_STAMPS = (
    "updated_at", "updated_date", "modified_at", "date_updated", "updated", "modified", "last_update", "write_date",
)  # fmt: skip
_CUSTOMER_KEYS = word_set("table number same password where retire touch")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a1-\ud7ff\ue000-\ufefe\uff01-\uffef]")


def mapping_text(proposal: Proposal, translate: Translate) -> str:
    """Return the mapping that is proposed, as `read_mapping` reads it."""
    writer = _Writer(translate)
    parts = (writer.top(proposal), writer.customer(proposal), *_behind_customer(writer, proposal, frozenset()))
    return _in_paragraphs(parts)


def completed_text(known: Known, proposal: Proposal, translate: Translate) -> str:
    """Return what is known with what it lacks: its own lines stay as they are."""
    writer = _Writer(translate)
    lines = known.text.rstrip("\n").split("\n")
    said = known.said("customer")
    # Who names the key has written the part as it is to be; references may hold further keys.
    spoken = said | _CUSTOMER_KEYS if known.has_key else said
    below = {
        "customer": [line for line in writer.customer_keys(proposal, spoken) if line not in lines],
        "fields": list(writer.field_keys(proposal)),
    }
    headers = {part: number for part in below if (number := known.header(part)) is not None}
    for part, number in sorted(headers.items(), key=lambda item: -item[1]):
        lines[number:number] = below[part]
    top = [
        line for line in writer.top(proposal) if line.partition(" = ")[0] not in known.values and line not in lines
    ]
    customer = () if "customer" in headers else writer.customer(proposal)
    parts = (top, lines, customer, *_behind_customer(writer, proposal, frozenset(known.values)))
    return _in_paragraphs(parts)


def _behind_customer(writer: _Writer, proposal: Proposal, said: AbstractSet[str]) -> Iterator[Iterable[str]]:
    """Yield the parts that aren't said yet."""
    yield from (writer.related(one) for one in proposal.fields.related)
    for name, part in (
        ("fields", writer.fields),
        ("package", writer.package),
        ("domain", writer.domain),
        ("proof", writer.proof),
    ):
        if name not in said:
            yield part(proposal)
    if "refuse" not in said:
        yield writer.balances(proposal)
    yield from writer.references(proposal)
    yield from (writer.question(guess) for guess in proposal.questions)


def _in_paragraphs(parts: Iterable[Iterable[str]]) -> str:
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def pasted(guess: ReferenceGuess, keys: tuple[str, ...]) -> str:
    """Return the block that answers for one column, to be pasted into a mapping with these keys of customers."""
    lines = list(_entry(guess, [toml(guess.finding.name)]))
    if _names_key(guess.finding, guess) and guess.finding.key not in keys:
        lines.insert(0, f"# [customer] keys = {_list((*keys[1:], guess.finding.key))}")
    return "\n".join(lines)


def toml(value: str) -> str:
    """Return a text as a TOML string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class _Writer:
    def __init__(self, translate: Translate) -> None:
        self._translate = translate

    def top(self, proposal: Proposal) -> Iterator[str]:
        yield self.comment(N_("Proposed by `custmerge attach --propose`: read it, answer each QUESTION, then"))
        yield self.comment(N_("`custmerge attach FILE --check` shows what would hold; it changes nothing."))
        yield f"format = {FORMAT}"
        yield f"name = {toml(proposal.name)}"

    def customer(self, proposal: Proposal) -> Iterator[str]:
        guess = proposal.customer
        yield self.comment(
            N_("{table}: its name and columns look like customers; columns that refer to it: {references}"),
            table=guess.table.name,
            references=str(guess.references),
        )
        if proposal.others:
            yield self.comment(N_("Less likely: {tables}"), tables=", ".join(proposal.others))
            yield self.comment(
                N_("If it is another: a file with `[customer]` and its `table`, `custmerge attach FILE --propose`.")
            )
        yield "[customer]"
        yield f"table = {toml(guess.table.name)}"
        yield from self.customer_keys(proposal, {"table"})

    def customer_keys(self, proposal: Proposal, said: AbstractSet[str]) -> Iterator[str]:
        """Yield the keys of customers that aren't said yet."""
        guess = proposal.customer
        if "table" not in said:
            yield f"table = {toml(guess.table.name)}"
        if "key" not in said:
            yield f"key = {toml(guess.keys[0])}"
        if "number" not in said and proposal.number != guess.keys[0]:
            note = N_("unique and never empty")
            yield f"number = {toml(proposal.number)}  {self.comment(note)}"
        if "keys" not in said and proposal.keys:
            note = N_("further keys that references hold")
            yield f"keys = {_list(proposal.keys)}  {self.comment(note)}"
        if "same" not in said and guess.same:
            note = N_("customers that differ in these are not merged")
            yield f"same = {_list(guess.same)}  {self.comment(note)}"
        if "password" not in said and guess.password is not None:
            yield f"password = {toml(guess.password)}"
        if "where" not in said and (kinds := _kinds_of_rows(proposal)):
            note = N_("Perhaps not every row is a customer ({columns} may tell): then say which are, as SQL.")
            yield self.comment(note, columns=", ".join(kinds))
            yield '# where = "…"'
        if "retire" not in said and (state := _first_column(proposal, _STATES)) is not None:
            yield self.comment(N_("What the absorbed customer's own row may get; an undo gives it back:"))
            is_text = proposal.customer.column(state).kind is Kind.TEXT
            value = toml("…") if is_text else "…"
            yield f"# retire = {{ {_key(state)} = {value} }}"
        if "touch" not in said and (stamp := _first_column(proposal, _STAMPS)) is not None:
            yield self.comment(N_("Every changed row that has the column may get the time of the order:"))
            yield f'# touch = {{ {_key(stamp)} = "{{now}}" }}'

    def related(self, related: Related) -> Iterator[str]:
        yield f"[related.{_key(related.name)}]"
        yield f"table = {toml(related.table)}"
        yield f"on = {toml(related.on)}"
        yield f"from = {toml('.'.join((related.from_related or 'customer', related.from_column)))}"
        if related.where is not None:
            yield f"where = {toml(related.where)}"
        if related.order is not None:
            yield f"order = {toml(related.order)}"

    def fields(self, proposal: Proposal) -> Iterator[str]:
        yield "[fields]"
        found = proposal.fields.fields
        yield from self.field_keys(proposal)
        missing = [field.value for field in FIELDS if field not in found]
        if missing:
            yield self.comment(N_("No column looks like: {fields}"), fields=", ".join(missing))

    def field_keys(self, proposal: Proposal) -> Iterator[str]:
        for field, source in proposal.fields.fields.items():
            yield f"{field.value} = {_source(source)}"

    def package(self, proposal: Proposal) -> Iterator[str]:
        package = proposal.package
        if package is None:
            return
        yield self.comment(N_("By its name and the column that refers to customers."))
        yield "[package]"
        yield f"table = {toml(package.table)}"
        yield f"key = {toml(package.key)}"
        yield f"customer = {toml(package.customer)}"
        if package.name is not None:
            yield f"name = {_source(package.name)}"
        if package.password is not None:
            yield f"password = {toml(package.password)}"

    def domain(self, proposal: Proposal) -> Iterator[str]:
        domain = proposal.domain
        if domain is None:
            return
        yield "[domain]"
        yield f"table = {toml(domain.table)}"
        yield f"name = {_source(domain.name)}"
        owner = "package" if domain.package is not None else "customer"
        yield f"{owner} = {toml(domain.package or domain.customer or '')}"

    def proof(self, proposal: Proposal) -> Iterator[str]:
        if not proposal.has_password:
            yield self.comment(N_("No column looks like a password: customers can't log in, transfers are approved."))
        yield "[proof]"
        yield f"by = {toml(proposal.proof.value)}"

    def balances(self, proposal: Proposal) -> Iterator[str]:
        """Yield a block in comments by which no money is left behind in the absorbed customer's own row."""
        guess = proposal.customer
        columns = balance_columns(guess.table)
        if not columns:
            return
        note = N_(
            "{columns} stays in the absorbed customer's row: without the marks `# `, no merge while it isn't 0."
        )
        yield self.comment(note, columns=", ".join(columns))
        is_there = " or ".join(f"{readable(column)} <> 0" for column in columns)
        table = ".".join(map(readable, filter(None, (guess.table.schema, guess.table.plain_name))))
        yield "# [[refuse]]"
        why = N_("there is a balance")
        yield f"# why = {toml(self._filled((why, {})))}"
        is_absorbed = f"{readable(guess.keys[0])} = :absorbed"
        sql = " ".join(("select 1 from", table, "where", is_absorbed, f"and ({is_there})"))
        yield f"# sql = {toml(sql)}"

    def references(self, proposal: Proposal) -> Iterator[Iterator[str]]:
        """Yield the entries: columns that are answered alike are in one."""
        plain: dict[tuple[Policy, str], list[ReferenceGuess]] = {}
        alone: list[ReferenceGuess] = []
        for guess in proposal.references:
            finding = guess.finding
            if finding.form == "{key}" and finding.where is None and not guess.add and not guess.set:
                key = "" if guess.policy is Policy.LEAVE else finding.key
                plain.setdefault((guess.policy, key), []).append(guess)
            else:
                alone.append(guess)
        for guesses in plain.values():
            yield self._together(guesses)
        for guess in alone:
            yield self._alone(guess)

    def question(self, guess: ReferenceGuess) -> Iterator[str]:
        """Yield a block in comments: it counts when the marks are removed."""
        asked = N_("does {column} hold keys of customers? ({why})")
        why = self._filled(guess.remarks[0])
        yield f"# QUESTION: {self._filled((asked, {'column': guess.finding.name, 'why': why}))}"
        for remark in guess.remarks[1:]:
            yield f"# {self._filled(remark)}"
        yield self.comment(N_("If so, remove the marks `# ` of the lines below; if not, name it in `[ignore]`."))
        for line in _entry(guess, [toml(guess.finding.name)]):
            yield f"# {line}"

    def comment(self, template: str, **values: str) -> str:
        """Return a comment."""
        return f"# {self._filled((template, values))}"

    def _together(self, guesses: list[ReferenceGuess]) -> Iterator[str]:
        columns = ["["]
        for guess in guesses:
            why = "; ".join(map(self._filled, guess.remarks))
            columns.append(f"  {toml(guess.finding.name)},  {self._marked(guess, why)}")
        columns.append("]")
        return _entry(guesses[0], columns)

    def _alone(self, guess: ReferenceGuess) -> Iterator[str]:
        why = "; ".join(map(self._filled, guess.remarks))
        yield self._marked(guess, why)
        yield from _entry(guess, [toml(guess.finding.name)])

    def _marked(self, guess: ReferenceGuess, why: str) -> str:
        return f"# QUESTION: {why}" if guess.is_question else f"# {why}"

    def _filled(self, remark: Remark) -> str:
        """Return a remark in one line, whatever the names of a host's columns have in them."""
        template, values = remark
        return _UNPRINTABLE.sub("?", self._translate(template).format(**values))


def _entry(guess: ReferenceGuess, columns: list[str]) -> Iterator[str]:
    finding = guess.finding
    yield "[[reference]]"
    yield "columns = " + (f"[{columns[0]}]" if len(columns) == 1 else "\n".join(columns))
    if finding.where is not None:
        yield f"where = {toml(finding.where)}"
    if finding.form != "{key}":
        yield f"form = {toml(finding.form)}"
    if _names_key(finding, guess):
        yield f"key = {toml(finding.key)}"
    yield f"policy = {toml(guess.policy.value)}"
    if guess.unique is not None:
        yield f"unique = {_list(guess.unique)}"
    if guess.add:
        yield f"add = {_list(guess.add)}"
    if guess.set:
        yield f"set = {{ {', '.join(f'{_key(name)} = {json.dumps(value)}' for name, value in guess.set)} }}"


def _names_key(finding: Finding, guess: ReferenceGuess) -> bool:
    """Return whether the entry says which key: not where it is the first, or nothing is changed."""
    return not finding.is_first_key and guess.policy is not Policy.LEAVE and finding.by is not FindingKind.LIST


def _source(source: Source) -> str:
    if isinstance(source, Sql):
        return f"{{ sql = {toml(source.text)} }}"
    return toml(_column(source))


def _column(source: ColumnSource) -> str:
    return source.column if source.related is None else f"{source.related}.{source.column}"


def _kinds_of_rows(proposal: Proposal) -> tuple[str, ...]:
    """Return the columns by which staff, suppliers or deleted rows may be told from customers."""
    fields = {_column(s) for s in proposal.fields.fields.values() if isinstance(s, ColumnSource)}
    names = proposal.customer.table.column_names
    return tuple(name for name in names if joined(name) in _KINDS_OF_ROWS and name not in fields)


def _first_column(proposal: Proposal, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if proposal.customer.table.column(name) is not None), None)


def _list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(toml, values))}]"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else toml(name)
