r"""Paymenter, a billing panel of Laravel's kind: `App\Models\User` types, rows only the program takes for unique.

Source of the tables: Paymenter/Paymenter, database/migrations, and extensions/Others/Affiliates/database/migrations
(ext_affiliates), each table as all migrations together leave it. Columns that lead to tables which aren't here
(products, plans, coupons, gateways) are left out or stand without their constraint. The rows are ours.
"""

from pathlib import Path

from support.hosts.expected import WAS_SET, added, only, repoint, said, take, touch, where
from support.hosts.host import POSTGRESQL, Host, Merge
from support.hosts.paymenter_rows import DOMAINS, PASSWORDS, SERVICE, USER, rows

MAPPING = Path(__file__).parents[3] / "examples" / "attach" / "paymenter.toml"
PROPERTIES = {"street": "address", "city": "city", "phone": "phone"}
"""The key of the property that holds a detail which may be written."""


def tables(kind):
    is_postgresql = kind == POSTGRESQL
    serial = "bigserial PRIMARY KEY" if is_postgresql else "integer PRIMARY KEY AUTOINCREMENT NOT NULL"
    number = "bigint" if is_postgresql else "integer"
    text = "varchar(255)" if is_postgresql else "varchar"
    time = "timestamp(0) without time zone" if is_postgresql else "datetime"
    money = "numeric(17, 2)" if is_postgresql else "numeric"
    true = "boolean" if is_postgresql else "tinyint(1)"
    json, address = ("json", "inet") if is_postgresql else ("text", "varchar")
    times = f"created_at {time}, updated_at {time}"
    user = f"user_id {number} NOT NULL REFERENCES users (id) ON DELETE CASCADE"
    perhaps_user = f"user_id {number} REFERENCES users (id)"
    return [
        f"CREATE TABLE roles (id {serial}, name {text} NOT NULL UNIQUE, permissions {json}, {times})",
        (
            f"CREATE TABLE users (id {serial}, first_name {text}, last_name {text}, email {text} NOT NULL UNIQUE, "
            f"role_id {number}, email_verified_at {time}, password {text} NOT NULL, tfa_secret text, {times})"
        ),
        "CREATE INDEX users_role_id_index ON users (role_id)",
        (
            f"CREATE TABLE password_reset_tokens (email {text} PRIMARY KEY NOT NULL, token {text} NOT NULL, "
            f"created_at {time})"
        ),
        (
            f"CREATE TABLE sessions (id {text} PRIMARY KEY NOT NULL, user_id {number}, ip_address varchar(45), "
            "user_agent text, payload text NOT NULL, last_activity integer NOT NULL)"
        ),
        "CREATE INDEX sessions_user_id_index ON sessions (user_id)",
        (
            f"CREATE TABLE user_sessions (id {serial}, ulid char(26) NOT NULL UNIQUE, {user}, ip_address {address}, "
            f"user_agent varchar(512), last_activity {time} NOT NULL, expires_at {time})"
        ),
        (
            f"CREATE TABLE user_authentication_logs (id {serial}, {user}, ip_address {address} NOT NULL, "
            f"last_used_at {time} NOT NULL, {times})"
        ),
        (
            f"CREATE TABLE api_keys (id {serial}, name {text} NOT NULL, permissions {json}, "
            f"token {text} NOT NULL UNIQUE, "
            f"{perhaps_user} ON DELETE CASCADE ON UPDATE CASCADE, enabled {true} NOT NULL DEFAULT '1', {times})"
        ),
        (
            f"CREATE TABLE oauth_access_tokens (id varchar(100) PRIMARY KEY NOT NULL, user_id {number}, "
            f"client_id {'uuid' if is_postgresql else 'varchar'} NOT NULL, name {text}, scopes text, "
            f"revoked {true} NOT NULL, {times}, expires_at {time})"
        ),
        (
            f'CREATE TABLE custom_properties (id {serial}, name {text} NOT NULL, "key" {text} NOT NULL UNIQUE, '
            f"type {text} NOT NULL, model {text} NOT NULL)"
        ),
        (
            f"CREATE TABLE properties (id {serial}, "
            f"custom_property_id {number} REFERENCES custom_properties (id) ON DELETE CASCADE, name {text}, "
            f'"key" {text} NOT NULL, value text NOT NULL, model_type {text} NOT NULL, '
            f"model_id {number} NOT NULL, {times}, "
            'CONSTRAINT properties_key_model_id_model_type_unique UNIQUE ("key", model_id, model_type))'
        ),
        (
            f"CREATE TABLE credits (id {serial}, {user}, currency_code varchar(3) NOT NULL, amount {money} NOT NULL, "
            f"{times})"
        ),
        f"CREATE TABLE orders (id {serial}, {user}, currency_code varchar(3) NOT NULL, {times})",
        (
            f"CREATE TABLE billing_agreements (id {serial}, ulid char(26) NOT NULL UNIQUE, {user}, "
            f"name {text} NOT NULL, "
            f"external_reference {text} NOT NULL UNIQUE, deleted_at {time}, {times})"
        ),
        (
            f"CREATE TABLE services (id {serial}, status {text} NOT NULL DEFAULT 'pending', label {text}, "
            f"order_id {number} REFERENCES orders (id) ON DELETE CASCADE, {user}, currency_code varchar(3) NOT NULL, "
            f"quantity integer NOT NULL DEFAULT '1', price {money} NOT NULL, expires_at {time}, "
            f"subscription_id {text}, "
            f"billing_agreement_id {number} REFERENCES billing_agreements (id) ON DELETE SET NULL, {times})"
        ),
        (
            f"CREATE TABLE invoices (id {serial}, number {text} UNIQUE, status {text} NOT NULL DEFAULT 'pending', "
            f"due_at date, currency_code varchar(3) NOT NULL, {user}, {times})"
        ),
        (
            f"CREATE TABLE invoice_items (id {serial}, "
            f"invoice_id {number} NOT NULL REFERENCES invoices (id) ON DELETE CASCADE, price {money} NOT NULL, "
            f"quantity integer NOT NULL DEFAULT '1', description {text}, reference_type {text}, "
            f"reference_id {number}, "
            f"{times})"
        ),
        (
            f"CREATE TABLE tickets (id {serial}, subject {text} NOT NULL, status {text} NOT NULL DEFAULT 'open', "
            f"priority {text} NOT NULL DEFAULT 'normal', {user}, "
            f"assigned_to {number} REFERENCES users (id) ON DELETE SET NULL, "
            f"service_id {number} REFERENCES services (id) ON DELETE SET NULL, {times})"
        ),
        (
            f"CREATE TABLE ticket_messages (id {serial}, "
            f"ticket_id {number} NOT NULL REFERENCES tickets (id) ON DELETE CASCADE, {user}, message text NOT NULL, "
            f"{times})"
        ),
        (
            f"CREATE TABLE carts (id {serial}, ulid char(26) NOT NULL UNIQUE, {perhaps_user} ON DELETE CASCADE, "
            f"currency_code varchar(3) NOT NULL, {times})"
        ),
        (
            f"CREATE TABLE cart_items (id {serial}, "
            f"cart_id {number} NOT NULL REFERENCES carts (id) ON DELETE CASCADE, "
            f"config_options {json}, quantity integer NOT NULL DEFAULT '1', {times})"
        ),
        (
            f'CREATE TABLE notification_templates (id {serial}, "key" {text} NOT NULL UNIQUE, '
            f"subject {text} NOT NULL, "
            f"body text NOT NULL, {times})"
        ),
        (
            f"CREATE TABLE notification_preferences (id {serial}, {user}, notification_template_id {number} NOT NULL "
            f"REFERENCES notification_templates (id) ON DELETE CASCADE, mail_enabled {true} NOT NULL DEFAULT '1', "
            f"in_app_enabled {true} NOT NULL DEFAULT '1', {times})"
        ),
        (
            f"CREATE TABLE notifications (id {serial}, {user}, title {text} NOT NULL, "
            f"body text NOT NULL, url {text}, "
            f"read_at {time}, {times})"
        ),
        (
            f"CREATE TABLE email_logs (id {serial}, {perhaps_user} ON DELETE SET NULL, subject {text} NOT NULL, "
            f'"to" {text} NOT NULL, body text NOT NULL, sent_at {time}, {times})'
        ),
        (
            f"CREATE TABLE audits (id {serial}, user_type {text}, user_id {number}, event {text} NOT NULL, "
            f"auditable_type {text} NOT NULL, auditable_id {number} NOT NULL, old_values text, "
            "new_values text, url text, "
            f"{times})"
        ),
        "CREATE INDEX audits_user_id_user_type_index ON audits (user_id, user_type)",
        (
            f"CREATE TABLE ext_affiliates (id {serial}, {user}, code {text} NOT NULL UNIQUE, "
            f"enabled {true} NOT NULL DEFAULT '1', visitors integer NOT NULL DEFAULT '0', {times})"
        ),
    ]


MOVED = ("orders", "billing_agreements", "services", "invoices", "tickets", "ticket_messages", "notifications")


def merge(rows, merge):
    """Do what the panel's owner wants of a merge."""
    survivor, absorbed = (only(rows["users"], id=number) for number in (merge.survivor, merge.absorbed))
    old, new = absorbed["id"], survivor["id"]
    changed = []
    # An answer is written before the absorbed number's answers go.
    for field in merge.taken:
        (own,), (other,) = (_answers(rows, key, PROPERTIES[field]) for key in (new, old))
        take(own, other, {field: "value"}, [field])
        changed.append(own)
    for table in MOVED:
        changed += repoint(rows[table], "user_id", old, new)
    changed += repoint(rows["tickets"], "assigned_to", old, new)
    changed += repoint(rows["notifications"], "url", old, new, form="/clients/{}")
    changed += _credits(rows, old, new) + _properties(rows, old, new) + _carts(rows, old, new)
    changed += _preferences(rows, old, new)
    absorbed.update(email_verified_at=None, tfa_secret=None)
    touch([*changed, absorbed], updated_at=WAS_SET)


def _answers(rows, key, name):
    return where(rows["properties"], model_type=USER, model_id=key, key=name)


def _credits(rows, old, new):
    """One balance for each currency; two of the absorbed number's that nobody has put together stay two."""
    changed = []
    balances = {row["currency_code"]: row for row in where(rows["credits"], user_id=new)}
    for credit in where(rows["credits"], user_id=old):
        if balance := balances.get(credit["currency_code"]):
            balance["amount"] = added(balance["amount"], credit["amount"])
            rows["credits"].remove(credit)
            changed.append(balance)
        else:
            changed += repoint([credit], "user_id", old, new)
    return changed


def _properties(rows, old, new):
    """An answer that the survivor hasn't given."""
    changed = []
    for answer in where(rows["properties"], model_type=USER, model_id=old):
        if _answers(rows, new, answer["key"]):
            rows["properties"].remove(answer)
        else:
            changed += repoint([answer], "model_id", old, new)
    return changed


def _carts(rows, old, new):
    """One cart for each currency, with what was in both."""
    changed = []
    for cart in where(rows["carts"], user_id=old):
        kept = where(rows["carts"], user_id=new, currency_code=cart["currency_code"])
        if kept:
            changed += repoint(rows["cart_items"], "cart_id", cart["id"], kept[0]["id"])
            rows["carts"].remove(cart)
        else:
            changed += repoint([cart], "user_id", old, new)
    return changed


def _preferences(rows, old, new):
    """The absorbed number's wishes, and those of the survivor's that it has none of."""
    moved = where(rows["notification_preferences"], user_id=old)
    templates = {said(row["notification_template_id"]) for row in moved}
    for row in where(rows["notification_preferences"], user_id=new):
        if said(row["notification_template_id"]) in templates:
            rows["notification_preferences"].remove(row)
    return repoint(moved, "user_id", old, new)


HOST = Host(
    name="paymenter",
    mapping=MAPPING.read_text("utf-8"),
    tables=tables,
    rows=rows,
    merge=merge,
    pairs={
        "equal, with everything twice": Merge("7", "70"),
        "other details": Merge("7", "17", "adopt", ("city",)),
        "the other way round": Merge("17", "7", "keep"),
        "into one that has nothing": Merge("8", "70", "keep"),
        "one that has nothing": Merge("70", "8", "keep"),
    },
    chain=(
        Merge("101", "102"),
        Merge("103", "104"),
        Merge("101", "103"),
        Merge("7", "17", "adopt", ("phone", "city")),
        Merge("105", "101"),
        Merge("7", "70", "keep"),
        Merge("106", "105"),
    ),
    refused={
        "another identity": (Merge("7", "71"), "blocked", 3),
        "a partner": (Merge("7", "10"), "blocked", 3),
        "suspended": (Merge("7", "11"), "blocked", 3),
        "a ticket from the one to the other": (Merge("7", "12"), "blocked", 3),
        "no choice": (Merge("7", "17"), "differs", 1),
        "a user with a role": (Merge("7", "2"), "not_found", 5),
        "into a user with a role": (Merge("1", "7"), "not_found", 5),
        "zeros in front": (Merge("7", "070"), "not_found", 5),
        "a user that was deleted": (Merge("7", "900"), "not_found", 5),
    },
    passwords=PASSWORDS,
    domains=DOMAINS,
)

__all__ = ["HOST", "SERVICE", "USER"]
