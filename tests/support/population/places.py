"""Towns with postcodes and dialling codes, and streets: the large towns by hand, the small ones put together."""

import random
from dataclasses import dataclass
from itertools import accumulate

_TOWNS = """
Berlin 3600 030 10115-14199; Hamburg 1850 040 20095-22769; München 1480 089 80331-81929; Köln 1080 0221
50667-51149; Frankfurt am Main 760 069 60306-60599; Stuttgart 630 0711 70173-70629; Düsseldorf 620 0211
40210-40629; Leipzig 600 0341 04103-04357; Dortmund 590 0231 44135-44388; Essen 580 0201 45127-45359; Bremen 570
0421 28195-28779; Dresden 555 0351 01067-01328; Hannover 535 0511 30159-30659; Nürnberg 520 0911 90402-90491;
Duisburg 500 0203 47051-47279; Bochum 365 0234 44787-44894; Wuppertal 355 0202 42103-42399; Bielefeld 334 0521
33602-33739; Bonn 330 0228 53111-53229; Münster 316 0251 48143-48167; Karlsruhe 309 0721 76131-76229; Mannheim 309
0621 68159-68309; Augsburg 297 0821 86150-86199; Wiesbaden 279 0611 65183-65207; Mönchengladbach 261 02161
41061-41239; Gelsenkirchen 260 0209 45879-45899; Braunschweig 249 0531 38100-38126; Aachen 249 0241 52062-52080;
Kiel 246 0431 24103-24159; Chemnitz 244 0371 09111-09131; Halle (Saale) 238 0345 06108-06132; Magdeburg 236 0391
39104-39130; Freiburg im Breisgau 231 0761 79098-79117; Krefeld 227 02151 47798-47839; Mainz 217 06131
55116-55131; Lübeck 216 0451 23552-23570; Erfurt 213 0361 99084-99099; Oberhausen 210 0208 46045-46149; Rostock
208 0381 18055-18147; Kassel 201 0561 34117-34134; Hagen 188 02331 58089-58135; Potsdam 182 0331 14467-14482;
Saarbrücken 180 0681 66111-66133; Hamm 179 02381 59063-59077; Ludwigshafen am Rhein 172 0621 67059-67071;
Oldenburg 170 0441 26121-26135; Mülheim an der Ruhr 170 0208 45468-45481; Osnabrück 165 0541 49074-49090;
Leverkusen 163 0214 51371-51381; Heidelberg 159 06221 69115-69126; Darmstadt 159 06151 64283-64297; Solingen 159
0212 42651-42719; Regensburg 152 0941 93047-93059; Herne 156 02323 44623-44653; Paderborn 152 05251 33098-33106;
Neuss 153 02131 41460-41472; Ingolstadt 137 0841 85049-85057; Fürth 128 0911 90762-90768; Offenbach am Main 130
069 63065-63075; Würzburg 127 0931 97070-97084; Ulm 126 0731 89073-89081; Heilbronn 126 07131 74072-74081;
Pforzheim 126 07231 75172-75181; Wolfsburg 124 05361 38440-38448; Göttingen 118 0551 37073-37085; Bottrop 117
02041 46236-46244; Reutlingen 116 07121 72760-72770; Koblenz 113 0261 56068-56077; Erlangen 112 09131 91052-91058;
Bremerhaven 113 0471 27568-27580; Remscheid 111 02191 42853-42899; Bergisch Gladbach 111 02202 51427-51469; Trier
110 0651 54290-54296; Jena 110 03641 07743-07751; Moers 104 02841 47441-47447; Siegen 102 0271 57072-57080;
Hildesheim 101 05121 31134-31141; Salzgitter 104 05341 38226-38259; Cottbus 98 0355 03042-03055; Kaiserslautern 99
0631 67655-67663; Gütersloh 100 05241 33330-33335; Schwerin 95 0385 19053-19063; Witten 96 02302 58452-58456; Gera
92 0365 07545-07557; Esslingen am Neckar 93 0711 73728-73734; Ludwigsburg 93 07141 71634-71642; Hanau 96 06181
63450-63457; Iserlohn 92 02371 58636-58644; Düren 91 02421 52349-52355; Tübingen 91 07071 72070-72076; Flensburg
90 0461 24937-24944; Zwickau 88 0375 08056-08066; Gießen 89 0641 35390-35398; Villingen-Schwenningen 85 07721
78048-78056; Konstanz 84 07531 78462-78467; Worms 83 06241 67547-67551; Marburg 77 06421 35037-35043; Lüneburg 75
04131 21335-21339; Dessau-Roßlau 80 0340 06842-06862; Neumünster 79 04321 24534-24539; Bamberg 77 0951
96047-96052; Bayreuth 74 0921 95444-95448; Landshut 73 0871 84028-84036; Aschaffenburg 71 06021 63739-63743;
Kempten (Allgäu) 69 0831 87435-87439; Fulda 68 0661 36037-36043; Rosenheim 63 08031 83022-83026; Offenburg 60 0781
77652-77656; Görlitz 56 03581 02826-02828; Baden-Baden 55 07221 76530-76534; Passau 53 0851 94032-94036; Weimar 65
03643 99423-99427; Stralsund 59 03831 18435-18439; Greifswald 59 03834 17489-17493; Bautzen 38 03591 02625-02625;
Lindau (Bodensee) 25 08382 88131-88131; Husum 23 04841 25813-25813; Celle 69 05141 29221-29229
"""
_STARTS = (
    "Neuen Alten Ober Unter Nieder Hohen Langen Breiten Schön Rothen Weißen Schwarzen Grün Lichten Wald Berg Tal "
    "Wies Seel Buchen Eichen Linden Erlen Birken Tannen Dornen Rosen Mühl Kirch Burg Königs Herzogs Bischofs Mönch "
    "Kloster Markt Bad Wolfers Diet Her Ger Sieg Wil Hun Gund Mers Ebers Hers Adels Reichen Walden Otter Fischen "
    "Salz Sülz Elm Bram Lüder Hammel"
).split()
_ENDS = (
    "kirchen hausen dorf berg bach feld heim stadt burg rode thal au ingen wald stein hofen weiler born büttel um "
    "münde see furt"
).split()
_ADDITIONS = (
    "an der Saale|am See|im Taunus|(Oldb)|(Westf.)|bei München|an der Elbe|b. Celle|i. Allgäu|(Odenwald)|am Rhein|"
    "a.d. Donau"
).split("|")

_STREETS = (
    "Hauptstraße|Schulstraße|Gartenstraße|Bahnhofstraße|Dorfstraße|Bergstraße|Birkenweg|Lindenstraße|Kirchstraße|"
    "Waldstraße|Ringstraße|Schillerstraße|Amselweg|Goethestraße|Jahnstraße|Wiesenweg|Buchenweg|Finkenweg|Rosenstraße|"
    "Drosselweg|Ahornweg|Mühlenweg|Blumenstraße|Friedhofstraße|Mozartstraße|Feldstraße|Eichenweg|Kirchplatz|"
    "Tannenweg|Rosenweg|Lerchenweg|Poststraße|Meisenweg|Industriestraße|Beethovenstraße|Mühlstraße|Talstraße|"
    "Mittelstraße|Marktplatz|Fliederweg|Römerstraße|Marktstraße|Am Sportplatz|Am Bahnhof|Am Alten Markt|An der Mühle|"
    "Im Winkel|Zum Sportplatz|Auf der Höhe|Am Mühlbach|Alte Poststraße|Lange Straße|Neue Straße|Breite Straße|"
    "Unter den Linden|Hinter der Kirche|Im Wiesengrund|Kurze Straße|Zur Alten Schmiede|Am Hang|Im Tal|"
    "Obere Hauptstraße|Am Kirchberg|Große Gasse"
).split("|")
_CUMULATED_STREETS = list(accumulate(1 / (rank + 8) for rank in range(len(_STREETS))))
_STREET_STARTS = (
    "Ulmen Erlen Kastanien Pappel Weiden Kiefern Fichten Lärchen Holunder Flieder Nelken Tulpen Veilchen Dahlien "
    "Astern Lilien Schwalben Sperlings Falken Habicht Kranich Storchen Reiher Star Zeisig Kuckucks Eulen Dachs Fuchs "
    "Hasen Igel Hirsch Reh Brahms Haydn Händel Schubert Schumann Wagner Liszt Bach Lessing Heine Herder Kleist "
    "Mörike Uhland Eichendorff Fontane Storm Dürer Holbein Cranach Menzel Kepler Kopernikus Gauß Röntgen Siemens "
    "Daimler Diesel Bosch Zeppelin Lilienthal Humboldt Stauffenberg Scholl Stresemann Rathenau Ebert Bebel Adenauer "
    "Heuss Luther Melanchthon Kolping Pestalozzi Fröbel Kant Hegel Leibniz Karls Ludwigs Wilhelms Friedrichs "
    "Heinrichs Kaiser König Herzog Grafen Ritter Bürger Bauern Fischer Weber Gerber Schmiede Töpfer Ziegel Kalk Sand "
    "Lehm Stein Kies Heide Moor Bruch Hafen Werft Deich Fähr Brücken Brunnen Quellen Teich See Ufer Insel Wehr Burg "
    "Schloss Kloster Stifts Dom Kapellen Pfarr Glocken Turm Tor Wall Graben Zeug Kasernen Rathaus Amts Gericht "
    "Spital Apotheker"
).split()
_STREET_ENDS = (
    ["straße"] * 11 + ["weg"] * 6 + ["allee", "platz", "gasse", "gasse", "ring", "damm", "stieg", "hof", "straße"]
)


@dataclass(frozen=True, slots=True)
class Town:
    """A town, or a part of the country's telephone book."""

    name: str
    dialling_code: str
    """With its leading 0."""
    first_postcode: int
    last_postcode: int


def _large_towns() -> tuple[list[Town], list[float]]:
    towns, weights = [], []
    for text in _TOWNS.split(";"):
        *words, weight, code, postcodes = text.split()
        first, last = map(int, postcodes.split("-"))
        towns.append(Town(" ".join(words), code, first, last))
        weights.append(float(weight))
    return towns, weights


def _small_towns(count: int) -> tuple[list[Town], list[float]]:
    """Return small towns with one or two postcodes each; the same in every run."""
    chance = random.Random("small towns")  # a text seeds alike everywhere
    towns, weights = [], []
    for rank in range(count):
        name = chance.choice(_STARTS) + (" " if rank % 17 == 0 else "") + chance.choice(_ENDS)
        if " " in name:
            first, second = name.split()
            name = f"{first} {second.capitalize()}"
        if chance.random() < 0.2:
            name = f"{name} {chance.choice(_ADDITIONS)}"
        postcode = chance.randrange(1_067, 99_990)
        # A dialling code's region is that of the postcode only roughly; five digits as the small ones have.
        code = f"0{chance.randrange(2, 10)}{chance.randrange(100, 1000)}"
        towns.append(Town(name, code, postcode, postcode + (1 if rank < count // 4 else 0)))
        weights.append(60 / (1 + rank / 150))
    return towns, weights


_BY_HAND, _SMALL = _large_towns(), _small_towns(2_400)
TOWNS = _BY_HAND[0] + _SMALL[0]
_CUMULATED_TOWNS = list(accumulate(_BY_HAND[1] + _SMALL[1]))


def town(chance: random.Random) -> Town:
    """Return a town: the larger it is the more often."""
    return chance.choices(TOWNS, cum_weights=_CUMULATED_TOWNS)[0]


def postcode(chance: random.Random, town: Town) -> str:
    """Return one of a town's postcodes."""
    return f"{chance.randint(town.first_postcode, town.last_postcode):05}"


def street(chance: random.Random) -> str:
    """Return a street's name without a number."""
    if chance.random() < 0.45:
        return chance.choices(_STREETS, cum_weights=_CUMULATED_STREETS)[0]
    start, end = chance.choice(_STREET_STARTS), chance.choice(_STREET_ENDS)
    return f"{start}-{end.capitalize()}" if end == "platz" and start[0] in "SKA" else start + end


def house_number(chance: random.Random) -> str:
    """Return a house number: mostly a small one, sometimes with a letter or a range."""
    number = 1 + int(min(chance.expovariate(1 / 28), 320))
    draw = chance.random()
    if draw < 0.10:
        return f"{number}{'abcd'[int(draw * 40)]}"
    return f"{number}-{number + 2}" if draw > 0.985 else str(number)


def landline(chance: random.Random, town: Town) -> str:
    """Return a telephone number of a town as `CODE/NUMBER`."""
    digits = 11 - len(town.dialling_code) - chance.randrange(3)
    return f"{town.dialling_code}/{chance.randrange(2 * 10 ** (digits - 1), 10**digits)}"


_MOBILE = "0151 0152 0155 0157 0159 0160 0162 0163 0170 0171 0172 0173 0174 0175 0176 0177 0178 0179".split()


def mobile(chance: random.Random) -> str:
    """Return a mobile number as `CODE/NUMBER`."""
    code = chance.choice(_MOBILE)
    digits = 8 if code < "0160" else 7
    return f"{code}/{chance.randrange(10 ** (digits - 1), 10**digits)}"
