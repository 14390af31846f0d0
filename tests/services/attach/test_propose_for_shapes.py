"""What `attach --propose` finds in databases of other shapes: names in German, glued together, shortened.

Names and types are those of the programs: Odoo (res_partner), Dolibarr (llx_societe), WHMCS, Saleor.
"""

import pytest
from support.host_proposals import demand_good, proposed
from support.host_shapes import Shape, lay_out_shape

from custmerge.rules.fields import Field
from custmerge.rules.mapping import Policy

ODOO = Shape(
    "odoo", "res_partner",
    """
res_partner: id name:t parent_id commercial_partner_id user_id email:t phone:t street:t zip:t city:t
res_users: id login:t password:t partner_id company_id
res_partner_bank: id acc_number:t partner_id bank_id
sale_order: id name:t partner_id partner_invoice_id partner_shipping_id user_id team_id state:t amount:n
account_move: id name:t partner_id commercial_partner_id partner_bank_id journal_id move_type:t
account_payment: id partner_id amount:n payment_type:t partner_type:t
mail_followers: id res_model:t res_id partner_id
mail_message: id model:t res_id author_id message_type:t body:t
ir_attachment: id name:t res_model:t res_id res_field:t type:t
ir_property: id name:t res_id:t fields_id type:t
crm_tag: id name:t color sequence
project_task: id name:t partner_id project_id stage_id sequence
""",
    frozenset({
        "res_partner.parent_id", "res_partner.commercial_partner_id", "res_users.partner_id",
        "res_partner_bank.partner_id", "sale_order.partner_id", "sale_order.partner_invoice_id",
        "sale_order.partner_shipping_id", "account_move.partner_id", "account_move.commercial_partner_id",
        "account_payment.partner_id", "mail_followers.partner_id", "project_task.partner_id",
        "mail_message.author_id",
    }),
    {"mail_followers.res_id": ("res_model", "res.partner"), "mail_message.res_id": ("model", "res.partner"),
     "ir_attachment.res_id": ("res_model", "res.partner")},
    {"ir_property.res_id": "res.partner,%d"},
)  # fmt: skip
DOLIBARR = Shape(
    "dolibarr", "llx_societe",
    """
llx_societe: rowid nom:t entity code_client:t address:t zip:t town:t phone:t email:t fk_user_creat parent status
llx_user: rowid login:t pass:t lastname:t firstname:t fk_soc fk_user statut email:t
llx_socpeople: rowid fk_soc lastname:t firstname:t address:t zip:t town:t phone:t fk_user_creat
llx_facture: rowid ref:t fk_soc fk_user_author fk_projet fk_statut total_ttc:n type
llx_commande: rowid ref:t fk_soc fk_user_author fk_statut
llx_contrat: rowid ref:t fk_soc statut
llx_projet: rowid ref:t fk_soc title:t fk_statut
llx_societe_rib: rowid fk_soc iban_prefix:t bic:t label:t
llx_actioncomm: id fk_soc fk_user_author fk_element elementtype:t label:t
llx_product: rowid ref:t label:t fk_product_type
llx_links: rowid url:t objecttype:t objectid
""",
    frozenset({"llx_societe.parent", "llx_user.fk_soc", "llx_socpeople.fk_soc", "llx_facture.fk_soc",
               "llx_commande.fk_soc", "llx_contrat.fk_soc", "llx_projet.fk_soc", "llx_societe_rib.fk_soc",
               "llx_actioncomm.fk_soc"}),
    {"llx_actioncomm.fk_element": ("elementtype", "societe"), "llx_links.objectid": ("objecttype", "societe")},
)  # fmt: skip
PORTAL = Shape(
    "portal", "tiers",
    """
tiers: id code:t name:t email:t type:t
tiers_addresses: id tiers_id street:t city:t postcode:t
users: id tiers_id name:t email:t password:t phone:t role:t
devis: id tiers_id user_id responsable_id total:n
factures: id tiers_id user_id total:n
payments: id tiers_id amount:n
contracts: id tiers_id label:t
documents: id user_id path:t
imports: id user_id file:t
exports: id user_id file:t
pay_slips: id user_id amount:n
expense_reports: id user_id manager_id total:n
performance_reviews: id user_id reviewer_id note:t
vehicle_usage_logs: id user_id km:n
projects: id user_id created_by name:t
""",
    frozenset({"tiers_addresses.tiers_id", "users.tiers_id", "devis.tiers_id", "factures.tiers_id",
               "payments.tiers_id", "contracts.tiers_id"}),
)  # fmt: skip
WHMCS = Shape(
    "whmcs", "tblclients",
    """
tblclients: id firstname:t lastname:t companyname:t email:t city:t postcode:t password:t currency
tblcontacts: id userid firstname:t lastname:t email:t
tblinvoices: id userid invoicenum:t total:n status:t
tblinvoiceitems: id invoiceid userid type:t relid description:t amount:n
tblhosting: id userid orderid packageid server domain:t username:t password:t amount:n
tbldomains: id userid orderid domain:t type:t status:t
tblorders: id ordernum userid contactid status:t amount:n
tblcredit: id clientid date:d amount:n
tbltickets: id tid:t did userid title:t status:t
tblactivitylog: id date:d description:t userid
tbladmins: id username:t password:t firstname:t lastname:t email:t roleid
tblproducts: id gid name:t type:t
""",
    frozenset({"tblcontacts.userid", "tblinvoices.userid", "tblinvoiceitems.userid", "tblhosting.userid",
               "tbldomains.userid", "tblorders.userid", "tblcredit.clientid", "tbltickets.userid",
               "tblactivitylog.userid"}),
)  # fmt: skip
SALEOR = Shape(
    "saleor", "account_user",
    """
account_user: id email:t first_name:t last_name:t password:t is_staff:b default_billing_address_id
account_address: id first_name:t last_name:t company_name:t street_address_1:t city:t postal_code:t phone:t
account_user_addresses: id user_id address_id
account_customernote: id user_id customer_id content:t
order_order: id number user_id channel_id billing_address_id total_gross_amount:n
order_orderevent: id user_id order_id type:t
checkout_checkout: id user_id channel_id
giftcard_giftcard: id code:t used_by_id created_by_id current_balance_amount:n
product_product: id name:t category_id
channel_channel: id slug:t
""",
    frozenset({"account_user_addresses.user_id", "account_customernote.user_id", "account_customernote.customer_id",
               "order_order.user_id", "order_orderevent.user_id", "checkout_checkout.user_id",
               "giftcard_giftcard.used_by_id", "giftcard_giftcard.created_by_id"}),
)  # fmt: skip
GERMAN = Shape(
    "german", "kunden",
    """
kunden: kundennr vorname:t nachname:t firma:t strasse:t plz:t ort:t telefon:t handy:t mail:t iban:t bic:t kennwort:t\
 mandant_id geworben_von
rechnungen: rechnungsnr kdnr betrag:n datum:d status
vertraege: vertrag_id kunden_id bezeichnung:t tarif_id laufzeit
domains: domain_id vertrag_id name:t
mahnungen: id rechnungsnr kundennummer stufe
anschriften: id kd_id typ strasse:t plz:t ort:t
notizen: id ziel_typ:t ziel_id text:t mitarbeiter_id
mitarbeiter: id name:t kuerzel:t
bestellungen: id besteller_id artikel_id menge status
artikel: artikel_id titel:t preis:n
sitzungen: id kunde_id token:t
verlauf: id kunde_id aktion:t
""",
    frozenset({"kunden.geworben_von", "rechnungen.kdnr", "vertraege.kunden_id", "mahnungen.kundennummer",
               "anschriften.kd_id", "bestellungen.besteller_id", "sitzungen.kunde_id", "verlauf.kunde_id"}),
    {"notizen.ziel_id": ("ziel_typ", "kunde")},
)  # fmt: skip
SHAPES = (ODOO, DOLIBARR, PORTAL, WHMCS, SALEOR, GERMAN)


@pytest.fixture
def propose_for(tmp_path):
    """Return what is proposed for a shape whose customers' keys begin at a number."""

    def propose(shape, first=1):
        lay_out_shape(tmp_path / "shape.db", shape, first)
        return proposed(f"sqlite:///{tmp_path / 'shape.db'}")

    return propose


@pytest.mark.parametrize("first", [1, 5001])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_customers_and_references_are_found(propose_for, shape, first):
    proposal = propose_for(shape, first)
    assert proposal.customer.table.name == shape.customers
    demand_good(proposal, shape.truth)


def test_german_names_give_every_field_the_tenant_and_the_way_to_a_domain(propose_for):
    proposal = propose_for(GERMAN)
    assert set(proposal.fields.fields) == set(Field)
    assert proposal.customer.same == ("mandant_id",)
    assert proposal.customer.password == "kennwort"
    assert (proposal.package.table, proposal.package.customer) == ("vertraege", "kunden_id")
    assert (proposal.domain.table, proposal.domain.package) == ("domains", "vertrag_id")
    left = {each.finding.name for each in proposal.references if each.policy is Policy.LEAVE}
    assert left == {"sitzungen.kunde_id", "verlauf.kunde_id"}
