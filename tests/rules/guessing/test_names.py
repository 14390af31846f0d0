"""Whether a column's name says that it holds a customer's key."""

import pytest

from custmerge.rules.guessing.names import Fit, customer_names
from custmerge.rules.guessing.words import head, words
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable, Kind


def names(customers, *others, keys=("id",)):
    column = HostColumn("id", "integer", Kind.INTEGER)
    tables = {name: HostTable(name, None, name, (column,)) for name in (customers, *others)}
    return customer_names(HostSchema(tables), customers, keys)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ClientOrders", ("client", "order")),
        ("fk_soc", ("fk", "soc")),
        ("userid", ("user", "id")),
        ("kundennr", ("kunde", "nr")),
        ("Straße", ("strasse",)),
        ("addresses", ("address",)),
        ("rechnungen", ("rechnung",)),
        ("companies", ("company",)),
        ("tblclients", ("client",)),
        ("status", ("status",)),
    ],
)
def test_a_name_is_read_word_by_word_in_the_singular(name, expected):
    assert words(name) == expected


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("res_partner", ("partner",)),
        ("party_party", ("party",)),
        ("crm.client", ("client",)),
        ("llx_societe", ("societe",)),
    ],
)
def test_what_says_nothing_is_no_part_of_a_tables_name(table, expected):
    assert head(table) == expected


@pytest.mark.parametrize(
    "column",
    ["client_id", "ClientId", "clientid", "id_client", "fk_client", "client", "parent_client_id", "client_uuid",
     "clients", "client_id_2", "client_shipping_id", "fk_client_author", "clientno"],
)  # fmt: skip
def test_the_customers_own_name_fits_exactly(column):
    assert names("client").fit("invoice", column) is Fit.EXACT


def test_a_table_between_two_is_not_what_its_own_column_means():
    known = names("users", "coupon_user", "coupons")
    assert known.fit("coupon_user", "user_id") is Fit.EXACT
    assert known.fit("coupon", "user_id") is Fit.OTHER


@pytest.mark.parametrize(
    ("column", "fit"),
    [
        ("customer_id", Fit.SYNONYM),
        ("user_id", Fit.SYNONYM),
        ("cli_id", Fit.SYNONYM),
        ("owner_id", Fit.ROLE),
        ("uploaded_by", Fit.ROLE),
        ("rel_id", Fit.GENERIC),
        ("taggable_id", Fit.GENERIC),
        ("product_id", Fit.OTHER),
        ("status", Fit.NONE),
        ("client_name", Fit.NONE),
        ("client_status", Fit.NONE),
        ("num_order_items", Fit.NONE),
    ],
)
def test_other_names_fit_less_or_not(column, fit):
    assert names("client").fit("invoice", column) is fit


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("line", "client_order_id"),
        ("oauth_token", "client_id"),
        ("note", "user_id"),
        ("note", "staff_id"),
        ("note", "customer_id"),
    ],
)
def test_what_another_table_is_called_is_not_the_customer(table, column):
    known = names("client", "client_order", "oauth_client", "users", "staff", "customer")
    assert known.fit(table, column) is Fit.OTHER


def test_a_table_called_after_its_morph_column_is_not_what_the_column_means():
    tagged = names("client", "tags", "taggables")
    assert tagged.fit("taggables", "taggable_id") is Fit.GENERIC
    assert tagged.fit("notes", "taggable_id") is Fit.OTHER
    assert names("client", "orders").fit("orders", "order_id") is Fit.OTHER


def test_each_of_two_keys_is_known_by_its_name():
    known = names("accounts", keys=("record_id", "id"))
    assert known.fit("invoices", "account_record_id") is Fit.EXACT
    assert known.fit("invoices", "tenant_record_id") is not Fit.EXACT


def test_a_table_behind_a_programs_name_is_called_by_its_last_word():
    assert names("account_user", "account_address").fit("order_order", "user_id") is Fit.EXACT
    assert names("account_user", "users").fit("order_order", "user_id") is Fit.OTHER
