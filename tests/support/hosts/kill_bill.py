"""Kill Bill: a biller whose rows hold an account's UUID *and* its bigint `record_id`, and no foreign key anywhere.

Source of the tables: killbill/killbill, account, subscription, entitlement, invoice, payment and util, each in
src/main/resources/org/killbill/billing/…/ddl.sql, and util's ddl-postgresql.sql, which makes `datetime` a domain.
Columns that say nothing of an account are left out of the wide tables. The rows are ours.
"""

from pathlib import Path

from support.hosts.expected import WAS_SET, boolean, like, only, repoint, said, take, touch, where
from support.hosts.host import POSTGRESQL, Host, Merge
from support.hosts.kill_bill_rows import rows

MAPPING = Path(__file__).with_suffix(".toml")
COLUMNS = {"street": "address1", "postcode": "postal_code", "city": "city", "phone": "phone", "email": "email"}
MADE = "created_by varchar(50) NOT NULL, created_date datetime NOT NULL"
CHANGED = f"{MADE}, updated_by varchar(50) DEFAULT NULL, updated_date datetime DEFAULT NULL"
TENANT = "tenant_record_id bigint NOT NULL DEFAULT 0, PRIMARY KEY (record_id)"
OWNER = f"account_record_id bigint NOT NULL, {TENANT}"
ACCOUNT = (
    "external_key varchar(255) NOT NULL, email varchar(128) DEFAULT NULL, name varchar(100) DEFAULT NULL, "
    "first_name_length int DEFAULT NULL, currency varchar(3) DEFAULT NULL, billing_cycle_day_local int DEFAULT NULL, "
    "parent_account_id varchar(36) DEFAULT NULL, payment_method_id varchar(36) DEFAULT NULL, "
    "reference_time datetime NOT NULL, time_zone varchar(50) NOT NULL, address1 varchar(100) DEFAULT NULL, "
    "company_name varchar(50) DEFAULT NULL, city varchar(50) DEFAULT NULL, postal_code varchar(16) DEFAULT NULL, "
    "phone varchar(25) DEFAULT NULL, notes varchar(4096) DEFAULT NULL, migrated boolean DEFAULT false"
)
ACTIVE = "is_active boolean DEFAULT true"
KEYED = "external_key varchar(255) NOT NULL, account_id varchar(36) NOT NULL"
HISTORY = "target_record_id bigint NOT NULL, change_type varchar(6) NOT NULL"
# By table: its columns but for record_id and id.
TABLES = {
    "accounts": f"{ACCOUNT}, {CHANGED}, {TENANT}",
    "account_history": f"{HISTORY}, {ACCOUNT}, {CHANGED}, {TENANT}",
    "account_emails": f"account_id varchar(36) NOT NULL, email varchar(128) NOT NULL, {ACTIVE}, {CHANGED}, {OWNER}",
    "account_email_history": f"{HISTORY}, account_id varchar(36) NOT NULL, email varchar(128) NOT NULL, {ACTIVE}, "
    f"{CHANGED}, {OWNER}",
    "bundles": f"{KEYED}, original_created_date datetime NOT NULL, {CHANGED}, {OWNER}",
    "subscriptions": "bundle_id varchar(36) NOT NULL, external_key varchar(255) NOT NULL, "
    "category varchar(32) NOT NULL, "
    f"start_date datetime NOT NULL, {CHANGED}, {OWNER}",
    "invoices": "account_id varchar(36) NOT NULL, invoice_date date NOT NULL, currency varchar(3) NOT NULL, "
    "status varchar(15) NOT NULL DEFAULT 'COMMITTED', migrated bool NOT NULL, grp_id varchar(36) NOT NULL, "
    f"{MADE}, {OWNER}",
    "invoice_items": "type varchar(24) NOT NULL, invoice_id varchar(36) NOT NULL, account_id varchar(36) NOT NULL, "
    "child_account_id varchar(36), amount numeric(15,9) NOT NULL, currency varchar(3) NOT NULL, item_details text, "
    f"{MADE}, {OWNER}",
    "invoice_parent_children": "parent_invoice_id varchar(36) NOT NULL, child_invoice_id varchar(36) NOT NULL, "
    f"child_account_id varchar(36) NOT NULL, {MADE}, {OWNER}",
    "payment_methods": f"{KEYED}, plugin_name varchar(50) NOT NULL, {ACTIVE}, {CHANGED}, {OWNER}",
    "payments": f"{KEYED}, payment_method_id varchar(36) NOT NULL, state_name varchar(64) DEFAULT NULL, {CHANGED}, "
    f"{OWNER}",
    "custom_fields": f"object_id varchar(36) NOT NULL, object_type varchar(30) NOT NULL, {ACTIVE}, "
    f"field_name varchar(64) NOT NULL, field_value varchar(255), {CHANGED}, {OWNER}",
    "tags": "tag_definition_id varchar(36) NOT NULL, object_id varchar(36) NOT NULL, "
    "object_type varchar(30) NOT NULL, "
    f"{ACTIVE}, {CHANGED}, {OWNER}",
    "tag_history": f"{HISTORY}, object_id varchar(36) NOT NULL, object_type varchar(30) NOT NULL, "
    f"tag_definition_id varchar(36) NOT NULL, {ACTIVE}, {CHANGED}, {OWNER}",
    "blocking_states": "blockable_id varchar(36) NOT NULL, type varchar(20) NOT NULL, state varchar(50) NOT NULL, "
    f"service varchar(20) NOT NULL, effective_date datetime NOT NULL, {ACTIVE}, {CHANGED}, {OWNER}",
    "audit_log": "target_record_id bigint NOT NULL, table_name varchar(50) NOT NULL, "
    "change_type varchar(6) NOT NULL, "
    f"{MADE}, account_record_id bigint DEFAULT NULL, {TENANT}",
}
# Names as there; a history's id is the id of what it tells of, and comes more than once.
UNIQUE = {
    "accounts_id": "accounts (id)",
    "accounts_external_key": "accounts (external_key, tenant_record_id)",
    "account_email_id": "account_emails (id)",
    "bundles_id": "bundles (id)",
    "bundles_external_key": "bundles (external_key, tenant_record_id)",
    "subscriptions_id": "subscriptions (id)",
    "subscriptions_external_key": "subscriptions (external_key, tenant_record_id)",
    "invoices_id": "invoices (id)",
    "invoice_items_id": "invoice_items (id)",
    "invoice_parent_children_id": "invoice_parent_children (id)",
    "payment_methods_id": "payment_methods (id)",
    "payment_methods_external_key": "payment_methods (external_key, tenant_record_id)",
    "payments_id": "payments (id)",
    "payments_key": "payments (external_key, tenant_record_id)",
    "custom_fields_id": "custom_fields (id)",
    "tags_id": "tags (id)",
}


def tables(kind):
    is_postgresql = kind == POSTGRESQL
    number = "record_id bigserial UNIQUE" if is_postgresql else "record_id integer UNIQUE"
    return [
        *(["CREATE DOMAIN datetime AS timestamp without time zone"] if is_postgresql else []),
        *(
            f"CREATE TABLE {table} ({number}, id varchar(36) NOT NULL, {columns})"
            for table, columns in TABLES.items()
        ),
        (
            f"CREATE TABLE notifications ({number}, class_name varchar(256) NOT NULL, event_json text NOT NULL, "
            "created_date datetime NOT NULL, creating_owner varchar(50) NOT NULL, search_key1 bigint NOT NULL, "
            "search_key2 bigint NOT NULL DEFAULT 0, queue_name varchar(64) NOT NULL, "
            "effective_date datetime NOT NULL, "
            "PRIMARY KEY (record_id))"
        ),
        *(f"CREATE UNIQUE INDEX {name} ON {columns}" for name, columns in UNIQUE.items()),
        *(
            f"CREATE INDEX {table}_tenant_account_record_id ON {table} (tenant_record_id, account_record_id)"
            for table in TABLES
            if OWNER in TABLES[table]
        ),
    ]


BY_ID = ("bundles", "invoices", "invoice_items", "payments")
BY_RECORD_ID = (
    *BY_ID,
    "account_emails",
    "subscriptions",
    "payment_methods",
    "tags",
    "custom_fields",
    "blocking_states",
    "invoice_parent_children",
)


def merge(rows, merge):
    """Do what the biller's owner wants of a merge."""
    ours = where(rows["accounts"], tenant_record_id=1)
    survivor, absorbed = (only(ours, external_key=number) for number in (merge.survivor, merge.absorbed))
    old, new = absorbed["id"], survivor["id"]
    if merge.taken:
        take(survivor, absorbed, COLUMNS, merge.taken)
        touch([survivor], updated_date=WAS_SET, updated_by="custmerge")
    changed = repoint(rows["accounts"], "parent_account_id", old, new)
    changed += _emails(rows, old, new) + _tags(rows, old, new) + _fields(rows, old, new)
    changed += _methods(rows, old, new) + _of_parents(rows, survivor, absorbed)
    changed += repoint(where(rows["blocking_states"], type="ACCOUNT"), "blockable_id", old, new)
    for table in BY_ID:
        changed += repoint(rows[table], "account_id", old, new)
    for table in BY_RECORD_ID:
        changed += repoint(rows[table], "account_record_id", absorbed["record_id"], survivor["record_id"])
    changed += repoint(rows["notifications"], "search_key1", absorbed["record_id"], survivor["record_id"])
    absorbed.update(
        email=None,
        notes=merge.survivor,
        parent_account_id=new,
        billing_cycle_day_local=like(absorbed["billing_cycle_day_local"], merge.order),
        migrated=boolean(absorbed["migrated"], value=True),
    )
    touch([*changed, absorbed], updated_date=WAS_SET, updated_by="custmerge")


def _of_accounts(rows, table, key):
    return where(rows[table], object_type="ACCOUNT", object_id=key)


def _emails(rows, old, new):
    """Addresses that the survivor hasn't."""
    known = {row["email"] for row in where(rows["account_emails"], account_id=new)}
    for row in where(rows["account_emails"], account_id=old):
        if row["email"] in known:
            rows["account_emails"].remove(row)
    return repoint(rows["account_emails"], "account_id", old, new)


def _tags(rows, old, new):
    """Tags that the survivor hasn't."""
    known = {row["tag_definition_id"] for row in _of_accounts(rows, "tags", new)}
    for row in _of_accounts(rows, "tags", old):
        if row["tag_definition_id"] in known:
            rows["tags"].remove(row)
    return repoint(where(rows["tags"], object_type="ACCOUNT"), "object_id", old, new)


def _fields(rows, old, new):
    """The absorbed account's fields, and those of the survivor's that it has none of."""
    theirs = {row["field_name"] for row in _of_accounts(rows, "custom_fields", old)}
    for row in _of_accounts(rows, "custom_fields", new):
        if row["field_name"] in theirs:
            rows["custom_fields"].remove(row)
    return repoint(where(rows["custom_fields"], object_type="ACCOUNT"), "object_id", old, new)


def _methods(rows, old, new):
    """Ways of paying, which are off until somebody chooses one."""
    moved = repoint(rows["payment_methods"], "account_id", old, new)
    for row in moved:
        row["is_active"] = boolean(row["is_active"], value=False)
    return moved


def _of_parents(rows, survivor, absorbed):
    """What a parent pays for its child: nothing any more where the two are one; items stay as they were written."""
    old, new = absorbed["id"], survivor["id"]
    for row in list(rows["invoice_parent_children"]):
        pair = (said(row["account_record_id"]), row["child_account_id"])
        if pair in ((said(absorbed["record_id"]), new), (said(survivor["record_id"]), old)):
            rows["invoice_parent_children"].remove(row)
    items = [row for row in rows["invoice_items"] if row["account_id"] != new]
    return repoint(items, "child_account_id", old, new) + repoint(
        rows["invoice_parent_children"], "child_account_id", old, new
    )


HOST = Host(
    name="kill bill",
    mapping=MAPPING.read_text("utf-8"),
    tables=tables,
    rows=rows,
    merge=merge,
    pairs={
        "a number with zeros in front": Merge("7", "007"),
        "other details": Merge("7", "70", "adopt", ("city", "street")),
        "the other way round": Merge("70", "7", "keep"),
        "a child into its parent": Merge("21", "20"),
        "another identity": Merge("007", "21", has_transfer=True),
    },
    chain=(
        Merge("101", "102"),
        Merge("103", "104"),
        Merge("101", "103"),
        Merge("7", "70", "adopt", ("phone",)),
        Merge("105", "101"),
        Merge("007", "7", "keep"),
        Merge("106", "105"),
    ),
    refused={
        "another identity": (Merge("7", "7a"), "blocked", 3),
        "another currency": (Merge("7", "8"), "blocked", 3),
        "a draft invoice": (Merge("7", "9"), "blocked", 3),
        "a parent into its child": (Merge("20", "21"), "blocked", 3),
        "no choice": (Merge("7", "70"), "differs", 1),
        "another tenant's": (Merge("7", "500"), "not_found", 5),
        "a record_id": (Merge("7", "1"), "not_found", 5),
        "fewer zeros": (Merge("7", "07"), "not_found", 5),
    },
)
