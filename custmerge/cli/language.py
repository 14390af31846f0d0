"""Texts for people: German or English, one catalogue for all of them; values in them are made visible."""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

from custmerge.database_url import without_urls_secrets
from custmerge.errors import N_, BadValue, CustmergeError, NotAllowed
from custmerge.rules.characters import foreign_letters, is_hidden
from custmerge.rules.fields import Field
from custmerge.settings import LANGUAGES

DOMAIN = "custmerge"
_MANUAL = Path(__file__).parents[1] / "help"
_LOCALE = Path(__file__).parents[1] / "locale"
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
        *(N_("login"), N_("login_failed"), N_("locked"), N_("denied"), N_("bulk_approve")),
        *(N_("transfer_file"), N_("transfer_approve"), N_("transfer_reject"), N_("transfer_void")),
        *(N_("approved"), N_("running"), N_("finished"), N_("undone")),
        *(N_("merged"), N_("already"), N_("refused"), N_("not_found"), N_("blocked"), N_("differs"), N_("failed")),
        *(N_("customer"), N_("agent"), N_("supervisor"), N_("auditor")),
        *(N_("add"), N_("password"), N_("disable"), N_("unlock"), N_("create"), N_("revoke"), N_("seal")),
        *(N_("customers"), N_("packages"), N_("form"), N_("number"), N_("customer_caller"), N_("staff_caller")),
        *(N_("database"), N_("integrity"), N_("clock"), N_("staff"), N_("permissions"), N_("keyring")),
        *(N_("connection"), N_("files"), N_("proof"), N_("name")),
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
_HARMLESS = re.compile(r"[ -~]*")
_LETTERS = re.compile(r"[^\W\d_]+")
_COMMANDS = re.compile(r"`[^`\n]*`[^\s`]*|\S+")
"""Words, and commands in backticks, which are copied as a whole."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class SafeText(str):
    """Text that a terminal gets as it is: words of the program, with every value in them made visible.

    It is made here only: of the program's own words by `_`, `ngettext` and `literal`, of a value by `visible` and
    `json_safe`, and of both by the methods below, which make visible what isn't safe yet.
    """

    __slots__ = ()

    def format(self, *parts: object, **values: object) -> SafeText:
        """Return the text filled with values."""
        safe = {name: _safe(value) for name, value in values.items()}
        return SafeText(super().format(*map(_safe, parts), **safe))

    def join(self, parts: Iterable[str], /) -> SafeText:
        """Return the parts with this text between them."""
        return SafeText(super().join(map(_visible_part, parts)))

    def rstrip(self, characters: str | None = None, /) -> SafeText:
        """Return the text without blanks, or without `characters`, at its end."""
        return SafeText(super().rstrip(characters))

    def wrapped(self, width: int) -> SafeText:
        """Return the text broken at blanks into lines of `width` at most; a word that is longer stays as it is.

        A line's indentation is kept, and a command in backticks broken only where it is longer than a line.
        """
        return SafeText("\n".join(line for whole in self.split("\n") for line in _wrapped(whole, width)))


def _(text: str) -> SafeText:
    """Return a text of the program in the person's language."""
    return SafeText(_catalogue(os.environ.get("LANGUAGE", "")).gettext(text))


def ngettext(singular: str, plural: str, count: int) -> SafeText:
    """Return the form of a text of the program that belongs to a count, likewise."""
    return SafeText(_catalogue(os.environ.get("LANGUAGE", "")).ngettext(singular, plural, count))


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Return the texts in a language; `gettext.gettext` would look for their file at each call."""
    return gettext.translation(DOMAIN, _LOCALE, [language], fallback=True)


def literal(text: str) -> SafeText:
    """Return a text of the program that is the same in every language; it stands in the call, letter by letter."""
    return SafeText(text)


def visible(text: str) -> SafeText:
    r"""Return `text` with every character that a terminal obeys or hides written out: `\n`, `\x1b`, `\u200b`.

    What comes back has no control characters, no bidi overrides, no line ends and nothing that is drawn as nothing.
    In a word that has Latin letters, letters of another script that look like them are written out too.
    Source: OWASP ASVS 5 §1.2, Unicode TR 36 and TR 39.
    """
    if _HARMLESS.fullmatch(text):
        return SafeText(text)
    shown = "".join(written_out(c) if is_hidden(c) else c for c in text)
    return SafeText(_LETTERS.sub(lambda word: _without_lookalikes(word[0]), shown))


def written_out(text: str) -> SafeText:
    r"""Return the number of each character of `text`, like `\x1b` or `\u200b`."""
    return SafeText("".join(_SHORT.get(c) or _number(ord(c)) for c in text))


def json_safe(document: str) -> SafeText:
    """Return a JSON text in which hidden characters are written as JSON escapes; it says the same."""
    if _HARMLESS.fullmatch(document):
        return SafeText(document)
    return SafeText("".join(_json_escape(c) if c != "\n" and is_hidden(c) else c for c in document))


def _wrapped(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    lines, current = [], indent
    for command in _COMMANDS.findall(line):
        for word in [command] if len(command) <= width else command.split():
            if current.strip() and len(current) + 1 + len(word) > width:
                lines.append(current)
                current = indent
            current += f" {word}" if current.strip() else word
    return [*lines, current]


def _safe(value: object) -> object:
    return value if isinstance(value, (SafeText, int, float)) else visible(str(value))


def _visible_part(text: str) -> SafeText:
    return text if isinstance(text, SafeText) else visible(text)


def _without_lookalikes(word: str) -> str:
    strange = foreign_letters(word)
    return "".join(written_out(c) if c in strange else c for c in word) if strange else word


def _number(code: int) -> str:
    if code <= 0xFF:  # noqa: PLR2004 (one byte)
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 (two bytes)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def choose(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return `de` or `en` before anything is parsed, so that help and usage errors are translated too.

    The first that is given wins: --lang, CUSTMERGE_LANG, LANGUAGE, LC_ALL, LC_MESSAGES, LANG; else `en`.
    Source: GNU gettext, "The LANGUAGE variable": a list, of which the first language counts that there is a
    catalogue for, in the place of the locale; it doesn't count in the locale C.
    """
    wanted = [
        after if argument == "--lang" else argument.partition("=")[2]
        for argument, after in pairwise([*argv, ""])
        if argument == "--lang" or argument.startswith("--lang=")
    ]
    wanted += [environ.get("CUSTMERGE_LANG", "")]
    if chosen := next(filter(None, wanted), ""):
        return _language_of(chosen) or "en"
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    listed = "" if locale in ("C", "POSIX") else environ.get("LANGUAGE", "")
    return next(filter(None, map(_language_of, (listed or locale).split(":"))), "en")


def variable(environ: Mapping[str, str]) -> str | None:
    """Return the name of the locale's variable that the language is taken from; None where none names one of ours."""
    locale = next((name for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "LANG")
    is_listed = environ.get("LANGUAGE") and environ.get(locale) not in ("C", "POSIX")
    name = "LANGUAGE" if is_listed else locale
    return name if any(map(_language_of, environ.get(name, "").split(":"))) else None


def _language_of(value: str) -> str | None:
    """Return which of our languages a locale's name is of, None for another's."""
    name = re.split(r"[_.@-]", value.lower())[0]
    return name if name in LANGUAGES else None


def install(language: str) -> None:
    """Make `language` (`de` or `en`) that of every text from now on."""
    # Looked at when a text is wanted; Typer asks gettext for its own texts too.
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, _LOCALE)
    gettext.textdomain(DOMAIN)


def manual_page(topic: str) -> SafeText:
    """Return a page of the manual, Markdown, in the person's language, or in English where it isn't translated."""
    language = os.environ["LANGUAGE"] if is_translated(topic) else "en"
    return SafeText((_MANUAL / language / f"{topic}.md").read_text("utf-8").rstrip("\n"))


def is_translated(topic: str) -> bool:
    """Whether a page of the manual is in the person's language."""
    return (_MANUAL / os.environ["LANGUAGE"] / f"{topic}.md").is_file()


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
    german = _catalogue("de").gettext
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
