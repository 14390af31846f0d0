"""German or English: one catalogue for every text, Typer's own included."""

from __future__ import annotations

import gettext
import os
import re
from gettext import gettext as _
from gettext import ngettext
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from custmerge.cli.render.escape import visible
from custmerge.errors import N_
from custmerge.rules.fields import Field
from custmerge.rules.people import Role
from custmerge.settings import LANGUAGES, without_urls_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custmerge.errors import CustmergeError

__all__ = ["_", "choose", "field_label", "field_list", "filled", "install", "ngettext", "sentence", "word"]

DOMAIN = "custmerge"
CLAUSES_SHOWN = 10
"""More reasons than this are counted, not listed, in a sentence; scripts see all."""

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

ROLE_LABELS = {
    Role.CUSTOMER: N_("customer"),
    Role.AGENT: N_("agent"),
    Role.SUPERVISOR: N_("supervisor"),
    Role.AUDITOR: N_("auditor"),
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
        *(N_("connection"), N_("files")),
    }
)
_FACT_LABELS = {
    "name": N_("name"),
    "role": N_("role"),
    "until": N_("until"),
    "transfer": N_("transfer"),
    "batch": N_("batch"),
    "row": N_("row"),
    "rows": N_("rows"),
    "updated": N_("updated"),
    "orders": N_("orders"),
    "command": N_("command"),
    "code": N_("code"),
    "with_hashes": N_("with hashes"),
    "forms": N_("forms"),
    "reasons": N_("reasons"),
}
_PLACE = re.compile(r"\{(\w+)\}")
_TEMPLATES = {"why", "what", "role", "status", "expected"}


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


def _language_of(value: str) -> str | None:
    """Return which of our languages a locale's name is of, None for another's."""
    name = re.split(r"[_.@-]", value.lower())[0]
    return name if name in LANGUAGES else None


def install(language: str) -> None:
    """Make `language` (`de` or `en`) that of every text from now on."""
    # gettext looks here at each call; Typer asks gettext for its own texts too.
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, Path(__file__).parents[1] / "locale")
    gettext.textdomain(DOMAIN)


def word(value: str | None) -> str:
    """Return a choice, an action, a role or a check as people read it; scripts see the English one."""
    return "" if value is None else _(value) if value in _WORDS else value


def fact_label(name: str, value: str) -> str:
    """Return one of the things that a history entry tells besides its order, for people."""
    if name not in _FACT_LABELS:
        return word(value)
    label = _(_FACT_LABELS[name])
    return f"{label}: {word(value)}"


def field_label(field: Field) -> str:
    """Return a field's name for people."""
    return _(_FIELD_LABELS[field])


def field_list(fields: Sequence[Field]) -> str:
    """Return fields' names for people, separated by commas."""
    return ", ".join(field_label(field) for field in fields)


def sentence(error: CustmergeError) -> str:
    """Return what an error tells a person: translated, with its values made visible."""
    return filled(error.template, error.details)


def filled(template: str, details: Mapping[str, object]) -> str:
    """Return an English template translated and filled.

    `why`, `what`, `role`, `status` and `expected` among the details are templates themselves. Values are made
    visible.
    """
    shown = {name: _shown(value) for name, value in details.items()}
    for name in _TEMPLATES & details.keys():
        # Somebody else may have written it: a status in the database, a name in a question. A reason is ours.
        written = str(details[name]) if name == "why" else without_urls_secrets(str(details[name]))
        shown[name] = _formatted(_(visible(written)), shown)
    return _(template).format(**shown)


def _formatted(template: str, shown: Mapping[str, str]) -> str:
    """Fill the places `{name}` of a template for which there is a value; other brackets stay as they are."""
    return _PLACE.sub(lambda place: shown.get(place[1], place[0]), template)


def _shown(value: object) -> str:
    if isinstance(value, Field):
        return field_label(value)
    if isinstance(value, dict):
        return filled(str(value["why"]), value)
    if isinstance(value, (list, tuple)):
        sentences = any(isinstance(item, dict) for item in value)
        shown = [_shown(item) for item in value[:CLAUSES_SHOWN]] if sentences else map(_shown, value)
        more = _(" and {count} more").format(count=len(value) - CLAUSES_SHOWN)
        return ("; " if sentences else ", ").join(shown) + (more if sentences and len(value) > CLAUSES_SHOWN else "")
    return visible(without_urls_secrets(str(value)))
