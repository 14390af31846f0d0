"""What is in Kill Bill's tables: two tenants, numbers that are others' keys, and accounts that were deleted."""

THEN = "2024-03-01 10:00:00"
ADA = {
    "name": "Ada King",
    "first_name_length": 3,
    "company_name": "Engines Ltd",
    "address1": "Marktstr. 12",
    "postal_code": "76131",
    "city": "Ulm",
    "phone": "+49 731 12345",
    "email": "ada@x.example",
    "currency": "EUR",
}
LOVELACE = ADA | {"name": "Ada Lovelace", "city": "Trier", "phone": None}
# Number: record_id and details. The record_id of one is another's number.
ACCOUNTS = {
    "7": (1, ADA),
    "007": (7, ADA),
    "70": (70, ADA | {"city": "Köln", "address1": "Rheinweg 1", "phone": "+49 221 54321"}),
    "7a": (71, ADA | {"name": "Ada Kong"}),
    "7A": (72, ADA | {"name": "Ida Kong"}),
    "8": (9, ADA | {"currency": "USD"}),
    "9": (8, ADA),
    "20": (21, ADA | {"company_name": None}),
    "21": (20, ADA | {"company_name": None}),
    **{str(number): (number + (1 if number % 2 else -1), LOVELACE) for number in range(101, 107)},
}
# Of another tenant: these accounts aren't there for custmerge, whatever their numbers are.
FOREIGN = {"7": 500, "500": 501, "101": 502}
GONE, GONE_RECORD = "dead0000-0000-4000-8000-000000000000", 999
MADE = {"created_by": "demo", "created_date": THEN}
CHANGED = {**MADE, "updated_by": "demo", "updated_date": THEN}


def id_of(number):
    """Return an account's UUID; one is another in capitals."""
    if number == "7A":
        return id_of("7").upper()
    return f"{ACCOUNTS[number][0]:08x}-abcd-4000-8000-000000000000"


def rows():
    accounts = [_account(number, record, details) for number, (record, details) in ACCOUNTS.items()]
    foreign = [
        _account(number, record, ADA) | {"id": f"{record:08x}-ffff-4000-8000-000000000000", "tenant_record_id": 2}
        for number, record in FOREIGN.items()
    ]
    keys = [(row["external_key"], row["id"], row["record_id"], row["tenant_record_id"]) for row in accounts + foreign]
    # Rows of accounts that were deleted, and the program's own.
    keys += [("gone", GONE, GONE_RECORD, 1), ("nobody", "", 0, 1), ("cut off", id_of("7")[:-1], 998, 1)]
    made = {"accounts": accounts + foreign}
    for number, key, record, tenant in keys:
        for table, some in _of(number, key, record, tenant).items():
            made.setdefault(table, []).extend(some)
    made["invoice_parent_children"] = _families()
    made["invoice_items"] += _items_for_children()
    made["audit_log"].append({**made["audit_log"][0], "id": "x", "account_record_id": None})
    return {table: _numbered(table, some) for table, some in made.items()}


def _numbered(table, some):
    """Return rows with a record_id of their own, beginning at another one in each table."""
    first = 1 if table == "accounts" else len(table)
    return [{"record_id": place, **row} for place, row in enumerate(some, start=first)]


def _account(number, record, details):
    parent = {"20": "21", "105": "7", "9": "9"}.get(number)
    return {
        "record_id": record,
        "id": id_of(number) if number in ACCOUNTS else "",
        "external_key": number,
        **details,
        "billing_cycle_day_local": 15,
        "parent_account_id": id_of(parent) if parent else None,
        "payment_method_id": _id("meth", number, 0),
        "reference_time": THEN,
        "time_zone": "UTC",
        "migrated": False,
        **CHANGED,
        "tenant_record_id": 1,
    }


def _id(kind, number, place):
    return f"{kind}-{number}-{place}"


def _of(number, key, record, tenant):
    """Return the rows of one account in all tables but two."""
    number = f"{number}.{tenant}"
    own = {"account_record_id": record, "tenant_record_id": tenant}
    named = {"external_key": f"key of {number}", "account_id": key, **CHANGED, **own}
    of_account = {"object_id": key, "object_type": "ACCOUNT", **CHANGED, **own}
    of_invoice = of_account | {"object_id": _id("inv", number, 0), "object_type": "INVOICE"}
    status = "DRAFT" if number == "9.1" else "COMMITTED"
    price = {"currency": "EUR", **MADE, **own}
    item = {"type": "RECURRING", "invoice_id": _id("inv", number, 0), "account_id": key, **price}
    history = {"target_record_id": record, "change_type": "INSERT", **CHANGED}
    emails = [
        {"id": _id("mail", number, n), "account_id": key, "email": email, **CHANGED, **own}
        for n, email in enumerate(("shared@x.example", f"m{number}@x.example"))
    ]
    tags = [
        {"id": _id("tag", number, 0), "tag_definition_id": "AUTO_PAY_OFF", **of_account},
        {"id": _id("tag", number, 1), "tag_definition_id": f"T{record % 3}", **of_account},
        {"id": _id("tag", number, 2), "tag_definition_id": "WRITTEN_OFF", **of_invoice},
        # Of an account by its text only: it is an object of another kind.
        {"id": _id("tag", number, 3), "tag_definition_id": "AUTO_PAY_OFF", **of_invoice, "object_id": key},
    ]
    return {
        "account_history": [
            {"id": key, **history, "external_key": number, "reference_time": THEN, "time_zone": "UTC"}
        ],
        "account_emails": emails,
        "account_email_history": [{**history, **row, "target_record_id": record} for row in emails],
        "bundles": [{"id": _id("bun", number, 0), "original_created_date": THEN, **named}],
        "subscriptions": [
            {
                "id": _id("sub", number, 0),
                "bundle_id": _id("bun", number, 0),
                "external_key": f"sub of {number}",
                "category": "BASE",
                "start_date": THEN,
                **CHANGED,
                **own,
            }
        ],
        "invoices": [
            {
                "id": _id("inv", number, 0),
                "account_id": key,
                "invoice_date": "2024-03-01",
                "status": status,
                "migrated": False,
                "grp_id": _id("inv", number, 0),
                **price,
            }
        ],
        "invoice_items": [
            {"id": _id("item", number, 0), "amount": "7.000000000", **item},
            {"id": _id("item", number, 1), "amount": "-0.500000000", "child_account_id": GONE, **item},
        ],
        "payment_methods": [
            {"id": _id("meth", number, 0), "plugin_name": "p", "is_active": bool(record % 2), **named},
        ],
        "payments": [
            {"id": _id("pay", number, 0), "payment_method_id": _id("meth", number, 0), "state_name": key, **named},
            # Written before records had an account's record_id.
            {
                "id": _id("pay", number, 1),
                "payment_method_id": _id("meth", number, 0),
                **named,
                "external_key": f"old key of {number}",
                "account_record_id": 0,
            },
        ],
        "custom_fields": [
            {"id": _id("cf", number, 0), "field_name": "vat", "field_value": number, **of_account},
            {"id": _id("cf", number, 1), "field_name": f"F{record % 3}", "field_value": key, **of_account},
            {"id": _id("cf", number, 2), "field_name": "vat", "field_value": None, **of_invoice},
        ],
        "tags": tags,
        "tag_history": [{**history, **row, "target_record_id": record} for row in tags[:1]],
        "blocking_states": [
            {
                "id": _id("block", number, n),
                "blockable_id": blocked,
                "type": kind,
                "state": "BLOCKED",
                "service": "s",
                "effective_date": THEN,
                **CHANGED,
                **own,
            }
            for n, (kind, blocked) in enumerate((("ACCOUNT", key), ("SUBSCRIPTION", _id("sub", number, 0))))
        ],
        "notifications": [
            {
                "class_name": "c",
                "event_json": f'{{"accountId": "{key}"}}',
                "created_date": THEN,
                "creating_owner": "o",
                "search_key1": record,
                "search_key2": tenant,
                "queue_name": "q",
                "effective_date": THEN,
            }
        ],
        "audit_log": [
            {
                "id": _id("log", number, 0),
                "target_record_id": record,
                "table_name": "ACCOUNT",
                "change_type": "INSERT",
                **MADE,
                **own,
            }
        ],
    }


def _families():
    """Invoices that a parent pays: of accounts that may become one, and of others."""
    pairs = [("21", "20"), ("7", "70"), ("70", "7"), ("101", "104"), ("105", "7"), ("7", "9")]
    return [
        {
            "id": _id("family", parent, place),
            "parent_invoice_id": _id("inv", f"{parent}.1", 0),
            "child_invoice_id": _id("inv", f"{child}.1", 0),
            "child_account_id": id_of(child),
            **MADE,
            "account_record_id": ACCOUNTS[parent][0],
            "tenant_record_id": 1,
        }
        for place, (parent, child) in enumerate(pairs)
    ]


def _items_for_children():
    return [
        {
            "id": _id("child", parent, place),
            "type": "PARENT_SUMMARY",
            "invoice_id": _id("inv", f"{parent}.1", 0),
            "account_id": id_of(parent),
            "child_account_id": id_of(child),
            "amount": "1.000000000",
            "currency": "EUR",
            **MADE,
            "account_record_id": ACCOUNTS[parent][0],
            "tenant_record_id": 1,
        }
        for place, (parent, child) in enumerate([("21", "20"), ("9", "70"), ("7a", "101")])
    ]
