"""What is in Paymenter's tables: customers, staff in the same table, ids that mean something else elsewhere."""

import itertools

USER, SERVICE = "App\\Models\\User", "App\\Models\\Service"
THEN = "2024-03-01 10:00:00"
# Bcrypt at the least cost, by password.
HASHES = {
    "apfelkuchen": "$2y$04$q5MboCoYBCv2ui6F2F4CnO7QL3KNrjR4fKG250Kzuxr/S7uxr61.6",
    "birnenmus": "$2y$04$vawegPvX4eVWeh9rbkJgIuqqd.LVMAbYhbdWjsamYFWgxfC10d336",
    "kirschtorte": "$2y$04$ILe/IvBKHpe7DvTXhIlUde3enWKk1Dae3Q/JRG9ghgeaKWIG3rXUK",
}
ADA = {"company_name": "Engines Ltd", "address": "Marktstr. 12", "zip": "76131", "city": "Ulm", "phone": "0731 12345"}
# Number: name, what is different from Ada's answers, and the password. An answer of None isn't there.
CUSTOMERS = {
    7: ("King", {}, "apfelkuchen"),
    70: ("King", {}, "kirschtorte"),
    17: ("King", {"city": "Köln", "phone": "0221 54321"}, "birnenmus"),
    8: ("King", {"address": None, "zip": None, "city": None, "phone": None}, "birnenmus"),
    71: ("Kong", {}, "birnenmus"),
    10: ("King", {}, "birnenmus"),
    11: ("King", {}, "birnenmus"),
    12: ("King", {}, "birnenmus"),
    **{number: ("Lovelace", {"city": "Trier"}, "birnenmus") for number in range(101, 107)},
}
EMPTY_HANDED = 8
"""A customer who has no rows anywhere but the company's name."""
STAFF = {1: 1, 2: 2}
"""Roles by the ids of staff."""
GONE = 900
"""A user who was deleted, and whom rows without a constraint still point to."""
PASSWORDS = {str(number): password for number, (_, _, password) in CUSTOMERS.items()}
DOMAINS = {str(number): f"d{number}.example" for number in CUSTOMERS if number != EMPTY_HANDED}
_TIMES = {"created_at": THEN, "updated_at": THEN}


def rows():
    busy = [number for number in CUSTOMERS if number != EMPTY_HANDED]
    return {
        "roles": [{"id": 1, "name": "admin", "permissions": '["*"]'}, {"id": 2, "name": "agent"}],
        "users": _users(),
        "password_reset_tokens": [{"email": f"u{number}@x.example", "token": f"t{number}"} for number in (7, 70)],
        "sessions": [
            {"id": f"s{place}", "user_id": user, "payload": f"user {user}", "last_activity": 70}
            for place, user in enumerate([*busy, GONE, 0, None])
        ],
        "user_sessions": _numbered(
            {"ulid": f"01S{number:023}", "user_id": number, "ip_address": "192.0.2.1", "last_activity": THEN}
            for number in busy
        ),
        "user_authentication_logs": _numbered(
            {"user_id": number, "ip_address": "192.0.2.7", "last_used_at": THEN, **_TIMES} for number in busy
        ),
        "api_keys": _numbered({"name": "k", "token": f"key{user}", "user_id": user} for user in (7, 70, None)),
        "oauth_access_tokens": [
            {
                "id": f"o{place}",
                "user_id": user,
                "client_id": f"{place:08}-0000-4000-8000-000000000070",
                "revoked": False,
            }
            for place, user in enumerate((7, 70, 17, GONE, 0, None))
        ],
        "custom_properties": [
            {"id": place, "name": key, "key": key, "type": "string", "model": USER}
            for place, key in enumerate([*ADA, "nickname"], start=7)
        ],
        **_orders(busy),
        "properties": _properties(busy),
        "credits": _credits(),
        **_carts(),
        **_notifications(busy),
        "email_logs": _numbered(
            {"user_id": user, "subject": "Hello", "to": f"u{user}@x.example", "body": f"user {user}", **_TIMES}
            for user in (7, 70, 17, None)
        ),
        "audits": _audits(busy),
        "ext_affiliates": _numbered({"user_id": 10, "code": "ten", **_TIMES} for _ in range(1)),
    }


def _numbered(rows, first=1):
    """Return rows with an id for each."""
    return [{"id": place, **row} for place, row in enumerate(rows, start=first)]


def _users():
    customers = [
        {
            "id": number,
            "first_name": "Ada",
            "last_name": last_name,
            "email": f"u{number}@x.example",
            "role_id": None,
            "email_verified_at": THEN,
            "password": HASHES[password],
            "tfa_secret": f"secret of {number}" if number % 2 else None,
            **_TIMES,
        }
        for number, (last_name, _, password) in CUSTOMERS.items()
    ]
    staff = [
        {**customers[0], "id": number, "email": f"staff{number}@x.example", "role_id": role}
        for number, role in STAFF.items()
    ]
    return staff + customers


def _orders(busy):
    """Orders with services, tickets and invoices. Service 70 is another customer's than 70."""
    orders = _numbered(({"user_id": number, "currency_code": "EUR", **_TIMES} for number in busy), first=60)
    agreements = _numbered(
        {"ulid": f"01B{n:023}", "user_id": n, "name": "Visa", "external_reference": f"r{n}", **_TIMES} for n in busy
    )
    services = _numbered(
        (
            {
                "status": status,
                "label": f"{status} of {order['user_id']}",
                "order_id": order["id"],
                "user_id": order["user_id"],
                "currency_code": "EUR",
                "price": "7.00",
                "subscription_id": str(order["user_id"]),
                "billing_agreement_id": agreement["id"],
                **_TIMES,
            }
            for status in ("active", "cancelled")
            for order, agreement in zip(orders, agreements, strict=True)
        ),
        first=60,
    )
    services.append({**services[0], "id": 11, "status": "suspended", "user_id": 11})
    invoices = _numbered(
        {
            "number": None if n % 3 == 0 else str(n),
            "due_at": "2024-04-01",
            "currency_code": "EUR",
            "user_id": n,
            **_TIMES,
        }
        for n in busy
    )
    tickets = _numbered(
        {"subject": f"ticket of {n}", "user_id": n, "assigned_to": 1 if n % 2 else None, "service_id": 60, **_TIMES}
        for n in busy
    )
    tickets.append({**tickets[0], "id": 700, "user_id": 12, "assigned_to": 7})
    return {
        "orders": orders,
        "billing_agreements": agreements,
        "services": services,
        "invoices": invoices,
        "invoice_items": _numbered(
            {"invoice_id": bill["id"], "price": "7.00", "reference_type": SERVICE, "reference_id": 70, **_TIMES}
            for bill in invoices
        ),
        "tickets": tickets,
        "ticket_messages": _numbered(
            {"ticket_id": ticket["id"], "user_id": who, "message": f"{who} says", **_TIMES}
            for ticket in tickets
            for who in (ticket["user_id"], 1)
        ),
    }


def _properties(busy):
    """Answers of customers, of a deleted one too, and domains of services whose ids are customers' as well."""
    ids = itertools.count(1)
    kept = [
        {"key": key, "value": changes.get(key, answer), "model_type": USER, "model_id": number}
        for number, (_, changes, _) in CUSTOMERS.items()
        for key, answer in ADA.items()
        if changes.get(key, answer) is not None
    ]
    kept += [{"key": "nickname", "value": f"n{n}", "model_type": USER, "model_id": n} for n in (70, 102, 103, GONE)]
    kept += [
        {"key": "domain", "value": f"d{number}.example", "model_type": SERVICE, "model_id": 60 + place}
        for place, number in enumerate(busy)
    ]
    kept += [{"key": "city", "value": "nowhere", "model_type": SERVICE, "model_id": number} for number in (7, 17, 70)]
    return [{"id": next(ids), **row, **_TIMES} for row in kept]


def _credits():
    amounts = [
        (7, "EUR", "12.50"),
        (70, "EUR", "7.25"),
        # Twice, which the program means never to be.
        (70, "EUR", "0.50"),
        (70, "USD", "1.00"),
        (17, "USD", "3.00"),
        (101, "EUR", "10.00"),
        (102, "EUR", "0.05"),
        (103, "EUR", "-2.00"),
        (104, "GBP", "4.00"),
        (105, "GBP", "6.00"),
    ]
    return _numbered(
        {"user_id": user, "currency_code": code, "amount": amount, **_TIMES} for user, code, amount in amounts
    )


def _carts():
    owners = [
        (7, "EUR"),
        (70, "EUR"),
        (70, "USD"),
        (17, "USD"),
        (None, "EUR"),
        (102, "EUR"),
        (104, "EUR"),
        (105, "EUR"),
    ]
    carts = _numbered(
        {"ulid": f"01C{place:023}", "user_id": user, "currency_code": code, **_TIMES}
        for place, (user, code) in enumerate(owners)
    )
    items = [{"cart_id": cart["id"], "quantity": n, **_TIMES} for cart in carts for n in range(cart["id"] % 3)]
    return {"carts": carts, "cart_items": _numbered(items)}


def _notifications(busy):
    wishes = [(7, 1), (7, 2), (70, 1), (70, 3), (17, 2), (101, 1), (102, 1), (103, 1), (103, 2), (105, 2)]
    urls = ["/clients/7", "/clients/70", "/clients/070", "/clients/7 ", "/clients/", "/clients/7/x", None, "70"]
    return {
        "notification_templates": _numbered(
            {"key": f"k{n}", "subject": "s", "body": "b", **_TIMES} for n in range(3)
        ),
        "notification_preferences": _numbered(
            {
                "user_id": user,
                "notification_template_id": template,
                "mail_enabled": bool(user % 2),
                "in_app_enabled": True,
                **_TIMES,
            }
            for user, template in wishes
        ),
        "notifications": _numbered(
            {"user_id": user, "title": "t", "body": "b", "url": url, **_TIMES}
            for user, url in zip(itertools.cycle(busy), urls * 3, strict=False)
        ),
    }


def _audits(busy):
    whose = [(USER, number) for number in (*busy, 1, GONE, 0)] + [(None, None), (SERVICE, 70)]
    return _numbered(
        {
            "user_type": kind,
            "user_id": number,
            "event": "updated",
            "auditable_type": USER if place % 2 else SERVICE,
            "auditable_id": number or 70,
            "old_values": f'{{"user_id": {number or 7}}}',
            **_TIMES,
        }
        for place, (kind, number) in enumerate(whose)
    )
