"""Companies, practices, clubs and shops as web hosts have them, with their legal forms."""

import random

from support.population import last_names

FORMS = (
    ["GmbH"] * 14
    + ["UG (haftungsbeschränkt)"] * 4
    + ["e.K."] * 4
    + ["GbR"] * 4
    + ["GmbH & Co. KG"] * 4
    + ["AG", "OHG", "KG", "eG"]
)
"""Legal forms, the frequent ones several times."""
FORM_WRITTEN = {
    "GmbH": ["Gmbh", "G.m.b.H.", "GMBH", ""],
    "UG (haftungsbeschränkt)": ["UG", "UG (haftungsbeschr.)", ""],
    "e.K.": ["e. K.", "eK", ""],
    "GbR": ["Gbr", "G.b.R.", ""],
    "GmbH & Co. KG": ["GmbH & Co KG", "GmbH und Co. KG", "GmbH"],
    "AG": ["Aktiengesellschaft", ""],
    "OHG": ["oHG", ""],
    "e.V.": ["e. V.", "eV", ""],
}
"""How a legal form is also written; empty if it is left out."""
_TRADES = (
    "Autohaus|Bäckerei|Metzgerei|Dachdeckerei|Malerbetrieb|Schreinerei|Zimmerei|Elektro|Sanitär|Heizungsbau|"
    "Fahrschule|Reisebüro|Gasthaus|Hotel|Pension|Restaurant|Café|Friseursalon|Kosmetikstudio|Blumenhaus|Gärtnerei|"
    "Gartenbau|Spedition|Taxi|Umzüge|Fotostudio|Druckerei|Buchhandlung|Musikschule|Tanzschule|Steuerberatung|"
    "Rechtsanwälte|Notariat|Architekturbüro|Ingenieurbüro|Immobilien|Versicherungsbüro|Zahnarztpraxis|Praxis|"
    "Physiotherapie|Tierarztpraxis|Apotheke|Optik|Hörakustik|Juwelier|Uhren|Computerservice|IT-Beratung|"
    "Softwareentwicklung|Landmaschinen|Metallbau|Maschinenbau|Werkzeugbau|Weingut|Brauerei|Hofladen|Reiterhof|"
    "Kinderbetreuung|Pflegedienst|Bestattungen|Schlüsseldienst|Gebäudereinigung|Sicherheitstechnik|"
    "Veranstaltungstechnik"
).split("|")
_INVENTED_STARTS = (
    "Sonnen Nord Süd Rhein Elb Alpen Blau Grün Licht Stern Inno Medi Tecno Opti Pro Euro Neo Data Web Bio Aqua Ter "
    "Vita Lumi Kon"
).split()
_INVENTED_ENDS = (
    "tau wind kraft werk haus data soft media net consult plan bau tec form line logik sys connect flora via punkt "
    "zeit stoff"
).split()
_FIELDS = (
    "IT-Service|Consulting|Handels|Vertriebs|Verwaltungs|Solutions|Systems|Marketing|Design|Logistik|Energie|Bau|"
    "Medien|Events|Immobilien"
).split("|")
_CLUBS = (
    "TSV|SV|TuS|FC|Musikverein|Schützenverein|Förderverein|Heimatverein|Kleingartenverein|Angelverein|Reitverein|Chor"
).split("|")


def company(chance: random.Random, name: str, place: str) -> tuple[str, str]:
    """Return a company of somebody of that last name in a place: its name, and its legal form or an empty text."""
    draw = chance.random()
    if draw < 0.10:
        year = f" {chance.randrange(1848, 1999)}" if chance.random() < 0.4 else ""
        return f"{chance.choice(_CLUBS)}{year} {place.partition(' (')[0]}", "e.V."
    if draw < 0.42:
        return f"{chance.choice(_TRADES)} {name}", chance.choice(FORMS) if chance.random() < 0.6 else ""
    if draw < 0.52:
        other = chance.choice(["Sohn", "Söhne", "Partner", last_names.last_name(chance), "Co."])
        return f"{name} & {other}", chance.choice(FORMS)
    if draw < 0.60:
        return f"{name} {chance.choice(_FIELDS)}", chance.choice(FORMS)
    invented = chance.choice(_INVENTED_STARTS) + chance.choice(_INVENTED_ENDS)
    if draw < 0.72:
        invented = f"{invented}-{last_names.last_name(chance)}"
    return f"{invented} {chance.choice(_FIELDS)}", chance.choice(FORMS)
