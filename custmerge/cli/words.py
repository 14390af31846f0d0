"""Words and sentences that people read: fields, roles, moments, facts and errors, in their language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from custmerge.cli.language import SafeText, _, german, literal, visible
from custmerge.database_url import without_urls_secrets
from custmerge.errors import N_, BadValue, CustmergeError, NotAllowed
from custmerge.rules.fields import Field

CLAUSES_SHOWN = 10
"""More reasons than this are counted, not listed, in a sentence; scripts see all."""
NAMES_SHOWN = 20
"""More moved packages or domains than this are counted, not listed, on a screen."""
_FIELD_LABELS = {
    Field.COMPANY: N_("company"),
    Field.FIRST_NAME: N_("first name"),
    Field.LAST_NAME: N_("last name"),
    Field.STREET: N_("street"),
    Field.POSTCODE: N_("postcode"),
    Field.CITY: N_("city"),
    Field.PHONE: N_("phone"),
    Field.MOBILE: N_("mobile"),
    Field.EMAIL: N_("e-mail address"),
    Field.ACCOUNT_NUMBER: N_("account number"),
    Field.BANK_CODE: N_("bank code"),
}
_WORDS = frozenset(
    {
        *(N_("adopt"), N_("keep"), N_("identical")),
        *(N_("merge"), N_("undo"), N_("import"), N_("export"), N_("purge"), N_("user"), N_("token"), N_("reveal")),
        *(N_("login"), N_("login_failed"), N_("locked"), N_("denied"), N_("bulk_approve"), N_("attach")),
        *(N_("dismiss"), N_("undismiss")),
        *(N_("transfer_file"), N_("transfer_approve"), N_("transfer_reject"), N_("transfer_void")),
        *(N_("approved"), N_("running"), N_("finished"), N_("undone")),
        *(N_("merged"), N_("already"), N_("refused"), N_("not_found"), N_("blocked"), N_("differs"), N_("failed")),
        *(N_("customer"), N_("agent"), N_("supervisor"), N_("auditor")),
        *(N_("add"), N_("password"), N_("disable"), N_("unlock"), N_("create"), N_("revoke"), N_("seal")),
        *(N_("customers"), N_("packages"), N_("form"), N_("number"), N_("customer_caller"), N_("staff_caller")),
        *(N_("database"), N_("integrity"), N_("clock"), N_("staff"), N_("permissions"), N_("keyring")),
        *(N_("connection"), N_("files"), N_("proof"), N_("name"), N_("schema")),
        *(N_("option"), N_("environment"), N_("file"), N_("default"), N_("history")),
    }
)
_WHY_VOID = {
    "identity_changed": N_("company, first or last name was changed"),
    "number_merged": N_("one of the numbers went into another"),
    "filer_disabled": N_("the person who filed it was disabled"),
    "filer_role": N_("the person who filed it has another role"),
    "approver_disabled": N_("the person who approved it was disabled"),
    "approver_role": N_("the person who approved it has another role"),
    "not_as_told": N_("it wasn't as the history has it"),
    "withdrawn": N_("withdrawn by the person who filed it"),
    "older_version": N_("void since an older version"),
}
"""Why a contract transfer became void, see `rules.transfers.Why`, which isn't loaded for every command."""
# What the system says of files and connections: the C library's texts, which have no German where no such locale is.
_SYSTEM_REASONS = (
    *(N_("No such file or directory"), N_("Permission denied"), N_("Operation not permitted"), N_("File exists")),
    *(N_("Is a directory"), N_("Not a directory"), N_("File name too long"), N_("Too many levels of symbolic links")),
    *(N_("No space left on device"), N_("Disk quota exceeded"), N_("Read-only file system"), N_("Broken pipe")),
    *(N_("Input/output error"), N_("Bad file descriptor"), N_("Too many open files")),
    N_("Resource temporarily unavailable"),
)
_FACT_LABELS = {
    "name": N_("name"),
    "role": N_("role"),
    "until": N_("until"),
    "expires_at": N_("until"),
    "transfer": N_("transfer"),
    "batch": N_("batch"),
    "row": N_("row"),
    "rows": N_("rows"),
    "updated": N_("updated"),
    "orders": N_("orders"),
    "command": N_("command"),
    "what": N_("locked"),
    "code": N_("code"),
    "with_hashes": N_("with hashes"),
    "forms": N_("forms"),
    "reasons": N_("reasons"),
}
_PLACES = frozenset(
    {
        *(
            N_("NUMBER"),
            N_("FILE"),
            N_("FIELD"),
            N_("ORDER"),
            N_("DATE"),
            N_("AGE"),
            N_("CHECK"),
            N_("DIR"),
            N_("ROLE"),
        ),
        *(N_("TOPIC"), N_("COMMAND"), N_("OPTIONS"), N_("ARGS")),
    }
)
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ZONES = {"CET": N_("CET"), "CEST": N_("CEST")}
_MOMENTS = {"at", "since", "until", "now", "newest"}
"""Details of errors and findings that are moments."""
_PLACE = re.compile(r"\{(\w+)\}")
_TEMPLATES = {"why", "what", "role", "status", "expected", "reason"}
_CAPITALS = re.compile(r"[A-Z]{2,}")


def word(value: str | None) -> SafeText:
    """Return a choice, an action, a role or a check as people read it; scripts see the English word."""
    return literal("") if value is None else _(value) if value in _WORDS else visible(value)


def fact_label(name: str, value: str) -> SafeText:
    """Return one fact of a history entry for people, like `rows: 12`."""
    if name == "why" and value in _WHY_VOID:
        return _(_WHY_VOID[value])
    if name == "did" and value == "role":
        return _("role changed")
    if name not in _FACT_LABELS:
        return word(value)
    if name == "command":
        # As it is typed, though some of these words stand for actions too.
        return literal("{label}: {value}").format(label=_(_FACT_LABELS[name]), value=value)
    return literal("{label}: {value}").format(label=_(_FACT_LABELS[name]), value=word(value))


def with_places(text: str) -> SafeText:
    """Return what is typed, like `--into NUMBER`, with what stands for a value in the person's language."""
    return SafeText(_CAPITALS.sub(lambda found: _(found[0]) if found[0] in _PLACES else found[0], visible(text)))


def field_label(field: Field) -> SafeText:
    """Return a field's name for people."""
    return _(_FIELD_LABELS[field])


def field_named(name: str) -> Field | None:
    """Return the field that somebody means: `bank_code`, `bank code`, `Bankleitzahl` in whichever language."""
    wanted = name.casefold()
    for field, label in _FIELD_LABELS.items():
        if wanted in {field.value, label.casefold(), german(label).casefold()}:
            return field
    return None


def field_choices(fields: Sequence[Field]) -> SafeText:
    """Return fields as people type them, see `field_named`: their names, or ours where one isn't a plain word."""
    labels = {field: field_label(field) for field in fields}
    return literal(", ").join(label if label.isalpha() else visible(field.value) for field, label in labels.items())


def field_list(fields: Sequence[Field]) -> SafeText:
    """Return fields' names for people, separated by commas."""
    return literal(", ").join(map(field_label, fields))


def moment(stamp: str | None) -> SafeText:
    """Return a moment, see `history.stamp`, for people: in their own zone, which it names; empty for None."""
    if not stamp or not _STAMP.fullmatch(stamp):
        return visible(stamp or "")
    try:
        local = datetime.fromisoformat(stamp).astimezone()
    except (ValueError, OverflowError):
        return visible(stamp)
    name = local.tzname() or ""
    zone = _(_ZONES[name]) if name in _ZONES else visible(f"UTC{name}" if name[:1] in "+-" else name)
    year, month, day = local.strftime("%Y-%m-%d").split("-")
    written = _("{year}-{month}-{day} {time} {zone}")
    return written.format(year=year, month=month, day=day, time=local.strftime("%H:%M:%S"), zone=zone)


def day(stamp: str) -> SafeText:
    """Return the day of a moment, see `history.stamp`, for people: in their own zone."""
    year, month, number = datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d").split("-")
    return _("{year}-{month}-{day}").format(year=year, month=month, day=number)


def decimal(value: float) -> SafeText:
    """Return a number with one decimal for people."""
    whole, tenths = f"{value:.1f}".split(".")
    return literal("{whole}{point}{tenths}").format(whole=whole, point=_("."), tenths=tenths)


def pair(survivor: str | None, absorbed: str | None) -> SafeText:
    """Return which number went into which, or the one number that there is."""
    if absorbed is None:
        return visible(survivor or "")
    return literal("{absorbed} → {survivor}").format(absorbed=absorbed, survivor=survivor)


def unlocked(name: str, *, was_locked: bool) -> SafeText:
    """Return what to say after a lock was to be ended."""
    return (_("{name} isn't locked any more.") if was_locked else _("{name} wasn't locked.")).format(name=name)


def counted(template: SafeText, names: Sequence[str]) -> SafeText:
    """Return a template filled with names, of which the first are listed, and how many there are."""
    shown = literal(", ").join(names[:NAMES_SHOWN]) or literal("–")
    if len(names) > NAMES_SHOWN:
        more = _(" and {count} more").format(count=len(names) - NAMES_SHOWN)
        shown = literal("").join((shown, more))
    return template.format(count=len(names), names=shown)


def sentence(error: CustmergeError, *, for_data: bool = False) -> SafeText:
    """Return an error's sentence, translated; see `filled`."""
    details = error.details
    if isinstance(error, BadValue):
        details = {**details, "name": word(str(details["name"]))}
    if isinstance(error, NotAllowed) and isinstance(allowed := details.get("allowed"), list):
        details = {**details, "allowed": _(" or ").join(word(str(role)) for role in allowed)}
    return filled(error.template, details, for_data=for_data)


def filled(template: str, details: Mapping[str, object], *, for_data: bool = False) -> SafeText:
    """Return an English template translated and filled.

    `why`, `what`, `role`, `status`, `expected` and `reason` among the details are templates themselves. Moments are
    those of people, see `moment`, but UTC where the text is `for_data`.
    """
    shown = {
        name: moment(str(value)) if name in _MOMENTS and not for_data else _shown(value)
        for name, value in details.items()
    }
    if "option" in details:
        shown["option"] = with_places(str(details["option"]))
    # `why` comes last, because a reason may be filled into it.
    for name in sorted(_TEMPLATES & details.keys(), key=lambda name: name == "why"):
        # All but `why` may hold a text from outside: a status in the database, a name in a question.
        written = str(details[name]) if name == "why" else without_urls_secrets(str(details[name]))
        shown[name] = _formatted(_(visible(written)), shown)
    return _(template).format(**shown)


def _formatted(template: SafeText, shown: Mapping[str, SafeText]) -> SafeText:
    """Fill the places `{name}` of a template for which there is a value; other brackets stay as they are."""
    return SafeText(_PLACE.sub(lambda place: shown.get(place[1], place[0]), template))


def _shown(value: object) -> SafeText:
    if isinstance(value, Field):
        return field_label(value)
    if isinstance(value, dict):
        return filled(str(value["why"]), value)
    if isinstance(value, (list, tuple)):
        return _listed(value)
    return visible(without_urls_secrets(str(value)))


def _listed(values: Sequence[object]) -> SafeText:
    """Return values separated by commas; of many reasons, which are sentences, the first and how many there are."""
    if not any(isinstance(value, dict) for value in values):
        return literal(", ").join(map(_shown, values))
    listed = literal("; ").join(map(_shown, values[:CLAUSES_SHOWN]))
    if len(values) <= CLAUSES_SHOWN:
        return listed
    return literal("").join((listed, _(" and {count} more").format(count=len(values) - CLAUSES_SHOWN)))
