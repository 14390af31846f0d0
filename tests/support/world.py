"""Customers and packages, and how tests make and look at them."""

import csv
import itertools
import json
from contextlib import closing, contextmanager

from custmerge.cli.render.data import records as shapes
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer
from custmerge.rules.records import CUSTOMER_COLUMNS, PACKAGE_COLUMNS
from custmerge.services import access, imports
from custmerge.services import export as export_service
from custmerge.services.imports.customers import Customers
from custmerge.services.imports.packages import Packages
from custmerge.storage.database import Database

_NUMBERS = itertools.count()
KATRIN = {
    "company": "Sonnentau GmbH",
    "first_name": "Katrin",
    "last_name": "Vogelsang",
    "street": "Marktstr. 12",
    "postcode": "76131",
    "city": "Karlsruhe",
    "phone": "0721 91374-0",
    "mobile": "0171 5550142",
    "email": "katrin@sonnentau.example",
    "account_number": "532013000",
    "bank_code": "37040044",
}


class World:
    """Customers and packages, brought in and looked at as a supervisor does, in the process of the test."""

    def __init__(self, cli):
        self.anna = cli.as_("anna")
        self.url = cli.url
        self.folder = cli.folder
        self._database = Database(cli.url)

    def customer(self, number, *, password=None, domains=(), package_password="", contact=None, **fields):
        """Make a customer like Katrin but for `fields`, with one package where there are domains."""
        made = [(Customers, CUSTOMER_COLUMNS, [_customer(number, password, fields)])]
        if domains:
            row = _package(f"P{number}", number, domains, "", package_password, contact)
            made.append((Packages, PACKAGE_COLUMNS, [row]))
        self._import(*made)

    def customers_like(self, *numbers, password=None, **fields):
        """Make customers like Katrin but for `fields`, without packages."""
        self._import((Customers, CUSTOMER_COLUMNS, [_customer(number, password, fields) for number in numbers]))

    def package(self, package, number, domains=(), *, name="", password="", contact=None):
        row = _package(package, number, domains, name, password, contact)
        self._import((Packages, PACKAGE_COLUMNS, [row]))

    def _import(self, *kinds):
        with self._opened() as database:
            now = database.now()
            caller = access.resume(database, self.anna.token, now)
            for kind, columns, rows in kinds:
                path = self.folder / f"made-{next(_NUMBERS)}.csv"
                with path.open("w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(file, columns)
                    writer.writeheader()
                    writer.writerows(rows)
                imports.import_file(database, caller, str(path), kind, update=False, progress=Strict(), now=now)

    def customers(self):
        return {c["number"]: c for c in self._exported(export_service.customers, shapes.customer_shape)}

    def packages(self):
        return {p["package"]: p for p in self._exported(export_service.packages, shapes.package_shape)}

    def dump(self):
        """Everything there is but the history, as texts."""
        rows = self.exported("customers") + self.exported("packages")
        return [json.dumps(row, ensure_ascii=False) for row in rows]

    def exported(self, kind):
        """Return the rows of an export of `customers` or `packages`, with their hashes."""
        export, shape = {
            "customers": (export_service.customers, shapes.customer_shape),
            "packages": (export_service.packages, shapes.package_shape),
        }[kind]
        return self._exported(export, shape, with_hashes=True)

    def _exported(self, export, shape, *, with_hashes=False):
        with self._opened() as database:
            now = database.now()
            caller = access.resume(database, self.anna.token, now)
            rows = export(database, caller, with_hashes=with_hashes, now=now)
            return [shapes.exported_shape(shape(row), stored, with_hashes=with_hashes) for row, stored in rows]

    @contextmanager
    def _opened(self):
        """Give the database; it is closed afterwards, and keeps what it has compiled."""
        with closing(self._database):
            yield self._database


def _customer(number, password, fields):
    """Return the row of a customer like Katrin but for `fields`."""
    return {**KATRIN, **fields, "number": number, "password": password or ""}


def _package(package, number, domains, name, password, contact):
    row = {"package": package, "number": number, "name": name, "domains": " ".join(domains), "password": password}
    return row | {f"contact_{field}": value for field, value in (contact or {}).items()}


class Strict:
    """Watches an import in which no line may be wrong."""

    def problem(self, file, line, problem):
        raise AssertionError(f"{file}:{line}: {problem}")

    skipped = problem

    def advanced(self, done, total):
        pass


def details(**changes):
    """Katrin's eight details but for `changes`."""
    return {**{str(f): KATRIN[f] for f in DETAIL_FIELDS}, **changes}


def fields(**changes):
    """Katrin's eleven fields but for `changes`."""
    return {**{str(f): KATRIN[f] for f in FIELDS}, **changes}


def a_customer(number="10001", *, merged_into=None, **changes):
    """Katrin's record but for `changes`."""
    return Customer(number, tuple(fields(**changes).values()), merged_into)
