"""The words in the names of tables and columns, and what they mean in English, German and usual abbreviations."""

from __future__ import annotations

import re
from functools import cache


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


CUSTOMER_WORDS = {
    "customer": 10, "client": 10, "kunde": 10, "debitor": 9, "debtor": 9, "subscriber": 7, "patron": 7,
    "thirdparty": 7, "account": 6, "member": 6, "mitglied": 6, "partner": 5, "party": 6, "buyer": 5, "kaeufer": 5,
    "user": 4, "contact": 4, "kontakt": 4, "person": 4, "guest": 4, "benutzer": 4, "mandant": 3, "holder": 3,
}  # fmt: skip
"""How likely a table with this name holds the customers."""
CLEARLY_CUSTOMER = frozenset({"customer", "client", "kunde", "debitor", "debtor", "subscriber", "buyer", "kaeufer"})
"""Words by which other tables may name a customer, whatever the customers' table is called."""
ALSO_CUSTOMER = word_set("user benutzer member mitglied partner party person patron")
"""Words by which they may, if an id word follows: `user_id`."""
ABBREVIATIONS = {"kd": "kunde", "knd": "kunde", "cust": "customer", "acct": "account", "usr": "user", "cl": "client"}
OTHER_PEOPLE = word_set(
    "staff employee admin administrator operator agent supplier vendor mitarbeiter lieferant teacher driver"
)
ROLES = word_set(
    "owner author buyer payer recipient sender holder member subscriber referrer affiliate sponsor payee creator"
    " besitzer inhaber empfaenger absender zahler ersteller receiver reporter requester"
    " besteller auftraggeber eigentuemer"
)
"""What somebody is to a row: the column may name a customer, or somebody else."""
ID_WORDS = word_set(
    "id ids nr no number nummer key uid ulid uuid guid code ref fk oid pk rowid recordid kennung identifier"
)
GENERIC = word_set(
    "rel target object obj entity model item record subject source element related resource parent ref res foreign"
    " owner holder notifiable reference ziel objekt bezug quelle"
)
"""With an id word, the name of a column that may hold keys of several tables."""
TYPE_WORDS = word_set("type typ model class kind art table entity resource klasse tabelle")
CREDENTIALS = word_set(
    "reset token session otp totp mfa 2fa twofactor apikey oauth oauth2 permission role group passkey webauthn"
    " credential secret rolle gruppe berechtigung sitzung acl privilege login"
    " remember remembered"
)
"""Tables that open an account or say what one may: their rows don't move (rule 3)."""
LOGS = word_set(
    "history log audit activity changelog auditlog protokoll verlauf historie logbuch journaling revision logs"
)
TENANTS = word_set(
    "company tenant shop store mandant currency website site organization organisation org brand realm entity"
    " franchise waehrung filiale firma"
)
"""What separates customers that must not be merged, if an id word or nothing follows."""
PASSWORDS = word_set("password passwd pass pwd passwort kennwort passwordhash passhash pwhash encryptedpassword")
BUSINESS = word_set(
    "invoice payment quote contract order bill offer estimate refund subscription rechnung zahlung angebot vertrag"
    " auftrag bestellung gutschrift facture paiement devis commande contrat"
)
"""Tables whose rows are a customer's."""
CLERKS = word_set(
    "reviewer responsible responsable manager approver assignee assigned editor author creator ersteller bearbeiter"
    " verantwortlich sachbearbeiter updater creat modif"
)
"""What staff are to a row."""
PACKAGES = word_set(
    "subscription package service contract hosting abo abonnement vertrag paket tarif webspace license lizenz"
    " membership order"
)
OTHER_THINGS = word_set(
    "invoice order product plan item category service package payment transaction ticket message domain server"
    " template currency country language bundle file document image page post tax rate price quote cart coupon"
    " voucher event task project gateway status state role group rechnung auftrag bestellung artikel produkt zahlung"
    " store shop website tenant subscription contract vertrag version step queue thread film inventory stock staff"
)
"""What else a column may be about: its values are keys of customers by chance, or because both are counted up."""
NO_KEYS = word_set(
    "name title description text note comment status state type kind label subject body content url path email mail"
    " message class step hash language locale code currency ip agent bezeichnung titel bemerkung beschreibung text"
)
"""With these as its last word, a column holds no keys that its name doesn't speak of."""
ADDRESSES = word_set("address adresse anschrift addr")
PLACES = word_set(
    "address adresse anschrift addr addresse contact kontakt profile profil detail bank bankaccount bankverbindung"
    " location billing info data phone telefon person party"
)
"""Tables of which one row may describe a customer further."""
DESCRIPTIONS = word_set("person party profile profil contact kontakt")
"""Tables to which one of customers may leave their names."""
BALANCES = word_set("credit balance wallet points point loyalty guthaben saldo punkte bonus")
"""Tables in which a program may keep one row for each customer."""
AMOUNTS = word_set("amount balance points point credit credits value total saldo betrag guthaben punkte sum")
_LONGER_THAN_PREFIX = 5
_GLUED_ENDS = ("id", "nr", "no", "nummer", "number", "uuid", "key", "code", "ref")
_GLUED_STEMS = ("rel", "target", "object", "entity", "owner", "cust", "kd", "kunden")
_NOISE = word_set("tbl tab t res auth llx stamm master main base core crm app sys dbo public tx entity data")
_KEEPS_ITS_S = word_set("address status business access process class analysis bonus series news radius")
_GERMAN_PLURALS = {
    "kunden": "kunde", "benutzern": "benutzer", "mandanten": "mandant", "debitoren": "debitor",
    "mitglieder": "mitglied", "personen": "person", "kontakte": "kontakt", "adressen": "adresse",
    "anschriften": "anschrift", "vertraege": "vertrag", "pakete": "paket", "gruppen": "gruppe", "rollen": "rolle",
    "people": "person", "abos": "abo", "firmen": "firma", "tarife": "tarif", "lizenzen": "lizenz",
}  # fmt: skip
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")


@cache
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, the singular of each: `ClientOrders` gives `client`, `order`.

    A name without letters and digits is one word.
    """
    spread = _CAMEL.sub("_", name).lower()
    parts = (part.translate(_UMLAUTS) for part in _SEPARATORS.split(spread) if part)
    return tuple(_singular(word) for part in parts for word in _apart(part)) or (name,)


def head(table: str) -> tuple[str, ...]:
    """Return the words of a table's name without its schema and what says nothing: `llx_client` gives `client`."""
    plain = words(table.rpartition(".")[2])
    kept = tuple(word for word in plain if word not in _NOISE)
    if len(kept) > 1 and len(set(kept)) == 1:
        return kept[:1]
    return kept or plain


def joined(name: str) -> str:
    """Return the words of a name in one: `E-Mail` gives `email`."""
    return "".join(words(name))


def _apart(word: str) -> tuple[str, ...]:
    """Return the words of which one is made: `userid`, `kundennr`, `relid`, `tblclients`."""
    word = word.removeprefix("tbl") if word.startswith("tbl") and len(word) > _LONGER_THAN_PREFIX else word
    for end in _GLUED_ENDS:
        stem = word.removesuffix(end)
        if stem != word and (_singular(stem) in CUSTOMER_WORDS or stem in _GLUED_STEMS):
            return stem, end
    return (word,)


def _singular(word: str) -> str:
    if word in _GERMAN_PLURALS:
        return _GERMAN_PLURALS[word]
    if word.endswith("ungen"):
        return word[:-2]
    if word in _KEEPS_ITS_S or len(word) < 4 or not word.endswith("s"):  # noqa: PLR2004 (`gas`, `ids` stay)
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word if word.endswith("ss") else word[:-1]
