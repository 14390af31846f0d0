"""Chinook: a small shop with every constraint that it needs, and names that have to be quoted.

Source of the tables: lerocha/chinook-database, ChinookDatabase/DataSources/Chinook_Sqlite.sql (names as there, on
PostgreSQL too; columns that no reference can be in are left out of Track). The rows are ours.
"""

from dataclasses import replace
from pathlib import Path

from support.hosts.expected import only, repoint, take, where
from support.hosts.host import Host, Merge

MAPPING = Path(__file__).parents[3] / "examples" / "attach" / "chinook.toml"
COLUMNS = {
    "street": "Address",
    "postcode": "PostalCode",
    "city": "City",
    "phone": "Phone",
    "email": "Email",
}
LUIS = {
    "FirstName": "Luís",
    "LastName": "Gonçalves",
    "Company": "Embraer",
    "Address": "Av. Brigadeiro Faria Lima, 2170",
    "City": "São José dos Campos",
    "State": "SP",
    "Country": "Brazil",
    "PostalCode": "12227-000",
    "Phone": "+55 12 3923 5555",
    "Fax": None,
    "Email": "luisg@embraer.example",
}
FRANK = LUIS | {"FirstName": "Frank", "LastName": "Harris", "Company": None, "City": "Mountain View", "Fax": "1"}


def tables(kind):
    time = "TIMESTAMP" if kind == "postgresql" else "DATETIME"
    address = (
        '"Address" VARCHAR(70), "City" VARCHAR(40), "State" VARCHAR(40), "Country" VARCHAR(40), '
        '"PostalCode" VARCHAR(10), "Phone" VARCHAR(24), "Fax" VARCHAR(24)'
    )
    return [
        (
            f'CREATE TABLE "Employee" ("EmployeeId" INTEGER NOT NULL, "LastName" VARCHAR(20) NOT NULL, '
            f'"FirstName" VARCHAR(20) NOT NULL, "Title" VARCHAR(30), "ReportsTo" INTEGER, "BirthDate" {time}, '
            f'"HireDate" {time}, {address}, "Email" VARCHAR(60), '
            'CONSTRAINT "PK_Employee" PRIMARY KEY ("EmployeeId"), '
            'FOREIGN KEY ("ReportsTo") REFERENCES "Employee" ("EmployeeId") ON DELETE NO ACTION ON UPDATE NO ACTION)'
        ),
        (
            'CREATE TABLE "Customer" ("CustomerId" INTEGER NOT NULL, "FirstName" VARCHAR(40) NOT NULL, '
            f'"LastName" VARCHAR(20) NOT NULL, "Company" VARCHAR(80), {address}, "Email" VARCHAR(60) NOT NULL, '
            '"SupportRepId" INTEGER, CONSTRAINT "PK_Customer" PRIMARY KEY ("CustomerId"), '
            'FOREIGN KEY ("SupportRepId") REFERENCES "Employee" ("EmployeeId") '
            "ON DELETE NO ACTION ON UPDATE NO ACTION)"
        ),
        (
            f'CREATE TABLE "Invoice" ("InvoiceId" INTEGER NOT NULL, "CustomerId" INTEGER NOT NULL, '
            f'"InvoiceDate" {time} NOT NULL, "BillingAddress" VARCHAR(70), "BillingCity" VARCHAR(40), '
            '"BillingState" VARCHAR(40), "BillingCountry" VARCHAR(40), "BillingPostalCode" VARCHAR(10), '
            '"Total" NUMERIC(10,2) NOT NULL, CONSTRAINT "PK_Invoice" PRIMARY KEY ("InvoiceId"), '
            'FOREIGN KEY ("CustomerId") REFERENCES "Customer" ("CustomerId") ON DELETE NO ACTION ON UPDATE NO ACTION)'
        ),
        (
            'CREATE TABLE "Track" ("TrackId" INTEGER NOT NULL, "Name" VARCHAR(200) NOT NULL, "AlbumId" INTEGER, '
            '"MediaTypeId" INTEGER NOT NULL, "Composer" VARCHAR(220), "UnitPrice" NUMERIC(10,2) NOT NULL, '
            'CONSTRAINT "PK_Track" PRIMARY KEY ("TrackId"))'
        ),
        (
            'CREATE TABLE "InvoiceLine" ("InvoiceLineId" INTEGER NOT NULL, "InvoiceId" INTEGER NOT NULL, '
            '"TrackId" INTEGER NOT NULL, "UnitPrice" NUMERIC(10,2) NOT NULL, "Quantity" INTEGER NOT NULL, '
            'CONSTRAINT "PK_InvoiceLine" PRIMARY KEY ("InvoiceLineId"), '
            'FOREIGN KEY ("InvoiceId") REFERENCES "Invoice" ("InvoiceId") ON DELETE NO ACTION ON UPDATE NO ACTION, '
            'FOREIGN KEY ("TrackId") REFERENCES "Track" ("TrackId") ON DELETE NO ACTION ON UPDATE NO ACTION)'
        ),
        'CREATE INDEX "IFK_CustomerSupportRepId" ON "Customer" ("SupportRepId")',
        'CREATE INDEX "IFK_EmployeeReportsTo" ON "Employee" ("ReportsTo")',
        'CREATE INDEX "IFK_InvoiceCustomerId" ON "Invoice" ("CustomerId")',
        'CREATE INDEX "IFK_InvoiceLineInvoiceId" ON "InvoiceLine" ("InvoiceId")',
        'CREATE INDEX "IFK_InvoiceLineTrackId" ON "InvoiceLine" ("TrackId")',
    ]


def rows():
    # The numbers of employees, tracks and invoices are numbers of customers too.
    customers = [
        _customer(1, LUIS),
        _customer(2, LUIS),
        _customer(12, LUIS | {"City": "Porto", "Phone": "+351 22 1234 567"}),
        _customer(21, LUIS | {"Phone": None, "PostalCode": None}),
        _customer(7, LUIS | {"LastName": "Köhler"}),
        *(_customer(number, FRANK) for number in range(101, 107)),
    ]
    invoices = [_invoice(number, customer["CustomerId"]) for number, customer in enumerate(customers * 2, start=1)]
    return {
        "Employee": [
            {"EmployeeId": number, "LastName": name, "FirstName": "Jane", "ReportsTo": above}
            for number, name, above in ((1, "Adams", None), (2, "Edwards", 1), (12, "Peacock", 2), (101, "Park", 2))
        ],
        "Customer": customers,
        "Invoice": [invoice for invoice in invoices if invoice["InvoiceId"] != 102],
        "Track": [
            {"TrackId": number, "Name": f"Balls {number}", "MediaTypeId": 1, "UnitPrice": "0.99"}
            for number in (1, 2, 101)
        ],
        "InvoiceLine": [
            {
                "InvoiceLineId": place,
                "InvoiceId": invoice["InvoiceId"],
                "TrackId": (1, 2, 101)[place % 3],
                "UnitPrice": "0.99",
                "Quantity": place % 3,
            }
            for place, invoice in enumerate(invoices, start=1)
        ],
    }


def _customer(number, details):
    return {"CustomerId": number, **details, "SupportRepId": {1: 2, 2: 1, 12: 12, 7: None}.get(number, 101)}


def _invoice(number, customer):
    return {
        "InvoiceId": number,
        "CustomerId": customer,
        "InvoiceDate": f"2021-01-{number % 28 + 1:02d} 00:00:00",
        "BillingAddress": f"Street of {customer}" if number % 3 else None,
        "BillingCity": "Oslo" if number % 2 and number % 3 else None,
        "Total": f"{number}.98",
    }


def _merge(rows, merge):
    """Have the absorbed number's invoices be the survivor's; the record keeps what isn't taken."""
    survivor = only(rows["Customer"], CustomerId=merge.survivor)
    absorbed = only(rows["Customer"], CustomerId=merge.absorbed)
    repoint(rows["Invoice"], "CustomerId", merge.absorbed, merge.survivor)
    take(survivor, absorbed, COLUMNS, merge.taken)


BILLING = {"street": "BillingAddress", "postcode": "BillingPostalCode", "city": "BillingCity"}
SHOP = """
[package]
table = "Invoice"
key = "InvoiceId"
customer = "CustomerId"
name = "InvoiceDate"
contact = { street = "BillingAddress", postcode = "BillingPostalCode", city = "BillingCity" }
"""


def shop_merge(rows, merge):
    """Do the same where an invoice is a package, and its address the package's own contact."""
    absorbed = only(rows["Customer"], CustomerId=merge.absorbed)
    for invoice in where(rows["Invoice"], CustomerId=merge.absorbed):
        has_one = any(invoice[column] for column in BILLING.values())
        if merge.choice == "keep" and not has_one:
            invoice.update({column: absorbed[COLUMNS[field]] for field, column in BILLING.items()})
        if merge.choice == "adopt":
            invoice.update(dict.fromkeys(BILLING.values()))
    _merge(rows, merge)


HOST = Host(
    name="chinook",
    mapping=MAPPING.read_text("utf-8"),
    tables=tables,
    rows=rows,
    merge=_merge,
    pairs={
        "equal": Merge("1", "2"),
        "other details": Merge("1", "12", "adopt", ("city", "phone")),
        "a longer number that contains it": Merge("12", "1", "keep"),
        "empty details": Merge("21", "2", "keep", ("postcode", "phone"), is_filled=True),
        "another identity": Merge("2", "7", has_transfer=True),
    },
    chain=(
        Merge("101", "102"),
        Merge("103", "104"),
        Merge("101", "103"),
        Merge("1", "12", "adopt", ("city",)),
        Merge("105", "101"),
        Merge("2", "1", "keep"),
        Merge("105", "106"),
    ),
    refused={
        "another identity": (Merge("1", "7"), "blocked", 3),
        "no choice": (Merge("1", "12"), "differs", 1),
        "zeros in front": (Merge("1", "02"), "not_found", 5),
        "no number at all": (Merge("1", "two"), "not_found", 5),
        "an employee's": (Merge("1", "3"), "not_found", 5),
        "outside of what an integer can be": (Merge("1", "99999999999999999999"), "not_found", 5),
    },
)

WITH_CONTACTS = replace(
    HOST,
    name="chinook with contacts",
    mapping=HOST.mapping.replace('name = "chinook"', 'name = "chinook with contacts"').replace(
        "[proof]", f"{SHOP}[proof]"
    ),
    merge=shop_merge,
)
