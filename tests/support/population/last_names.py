"""Last names: the common ones by hand, and a long tail that is put together of the parts that German names have.

A third of all people have one of the thousand most common names; of the others most are rare. Both matter: two people
called Schmidt are seldom one, two called Hinterbrinkmeyer often are.
"""

import random
from itertools import accumulate

COMMON = (
    "Müller Schmidt Schneider Fischer Meyer Weber Schulz Wagner Becker Hoffmann Schäfer Koch Bauer Richter Klein "
    "Wolf Schröder Neumann Schwarz Zimmermann Braun Hofmann Krüger Hartmann Lange Schmitt Werner Krause Meier "
    "Schmitz Lehmann Maier Schmid Schulze Köhler Herrmann Walter Mayer König Huber Kaiser Fuchs Peters Lang Scholz "
    "Möller Weiß Jung Hahn Vogel Friedrich Günther Keller Schubert Berger Frank Roth Beck Winkler Lorenz Baumann "
    "Albrecht Ludwig Franke Simon Böhm Schuster Schumacher Kraus Winter Otto Krämer Stein Vogt Martin Jäger Groß "
    "Sommer Brandt Haas Schreiber Graf Dietrich Ziegler Schulte Kuhn Pohl Engel Horn Busch Bergmann Thomas Voigt "
    "Sauer Arnold Wolff Pfeiffer Seidel Beyer Ernst Lindner Hübner Kramer Franz Jansen Hansen Peter Wenzel Haase "
    "Paul Riedel Kühn Barth Kruse Ott Bock Kaufmann Langer Petersen Grimm Nagel Fiedler Brinkmann Schröter Hermann "
    "Kunz Kern Ebert Förster Böttcher Thiel Dittrich Heinrich Fritz Jahn Schütz Kurz Nowak Reuter Seifert Stahl "
    "Schilling Ritter Schramm Naumann Bender Wendt Ullrich Blum Hein Reinhardt Maurer Hesse Marx Kirsch Götz "
    "Schlüter Hoppe Eckert Lutz Bartsch Voß Rudolph Strauß Decker Kraft Gebhardt Konrad Heinze Geiger Heller Moser "
    "Fink Michel Ackermann Block Nickel Bachmann Brückner Kiefer Opitz Pietsch Rupp Probst Steiner Witt Adler Hauser "
    "Rose Sander Wirth Zander Noack Heck Kessler Popp Ulrich Löffler Yilmaz Kaya Demir Öztürk Çelik Yıldız Şahin "
    "Arslan Kılıç Doğan Nguyen Tran Ivanov Petrov Kowalski Nowakowski Wagener Rossi Ferrari Popović Jovanović Ali "
    "Ahmad Hassan Khan Ibrahim Hussein Santos Garcia Lopez Kim Chen Wang Schmidtke Meyerhoff Mayr Maierhofer Schmied "
    "Schmitte Hofman Hoffman Fischler Webers Schultz Schultze Schulzen Beckmann Bekker Kraussmann Neuman Weis Weiss "
    "Schäffer Schaefer Schafer Mueller Muller Möller Moeller Jäger Jaeger Voss Groß Gross"
).split()
CUMULATED_COMMON = list(accumulate(1 / (rank + 6) ** 0.85 for rank in range(len(COMMON))))
_SHARE_OF_COMMON = 0.38

_BEFORE = (
    "Ober Nieder Hinter Vorder Unter Alt Neu Hoch Klein Groß Lang Kurz Mittel Breiten Schön Rot Weiß Schwarz"
).split()
_STEMS = (
    "Birken Buchen Eichen Linden Erlen Eschen Tannen Fichten Ahorn Haber Korn Weizen Gersten Rosen Nessel Holler "
    "Stein Fels Berg Tal Bach Brunn Moos Ried Au Wiesen Heide Wald Busch Acker Feld Hag Hof Haus Mühl Brück Weg Steg "
    "Sand Lehm Kies Ton Kohl Eisen Gold Silber Kupfer Blei Glas Leder Woll Flachs Hanf Sonnen Mond Stern Wetter "
    "Sturm Winter Sommer Herbst Oster Pfingst Sonn Frei Sam Mon Wolfs Bären Hirsch Reh Fuchs Hasen Igel Dachs Otter "
    "Biber Vogel Adler Falken Habicht Sperber Krähen Raben Finken Meisen Amsel Drossel Lerchen Tauben Hahnen Gänse "
    "Enten Schwan Storch Kranich Reiher Fisch Hecht Karpfen Krebs Kuh Ochsen Stier Kalb Lamm Ziegen Schaf Ross "
    "Pferde Füllen Hüb Hell Dunkel Still Laut Kalt Warm Grün Blau Grau Gelb Braun Bunt Süß Sauer Bitter Salz Pfeffer "
    "Kümmel Senf Die Diet Ger Wer Hart Har Wil Win Wolf Rein Rai Rit Rud Sieg Sig Vol Ulr Ul Ot Od Er Ek Eck Eber "
    "Bern Ber Bert Brand Bruns Burk Dank Det Edel Engel Erd Fried Gott Gund Hein Heim Hil Hu Ing Isen Ker Kon Kun "
    "Lam Lan Leo Lieb Lud Mark Mein Nor Os Rad Rein Rich Rot Rup Schal Schell Schim Schnell Schön Schul Seil Stau "
    "Stell Strau Tho Trau Wach Wal Wei Wen Wie Wil Wol Zorn Zick Ziel Zum Dör Fleu Grie Kött Lüb Mön Nöl Plö Röh "
    "Stöv Tön Völ Wöh Büt Düs"
).split()
_ENDS = (
    "mann berger meier meyer hofer huber bauer ing inger er ner ler bach berg feld hausen heim dorf brink kamp horst "
    "mayer müller schmidt schneider becker hardt hard ke ken el le lein chen sen brock dieck haus hoff stein thal "
    "wald rich ert ig isch ow itz witz ski au auer egger lechner reiter steiner brunner gruber kötter mühle eder "
    "acher ich"
).split()
_ENDS_BY_USE = list(accumulate(1 / (rank + 3) for rank in range(len(_ENDS))))
_ELSEWHERE = (
    (
        "Kowal Wiśniew Lewan Zieli Kamin Piotr Grabow Nowak Jabłon Sikor Mazur Wojcie Krawcz Kaczmar Adam Rutkow",
        "ski owski czyk ek ak icz",
    ),
    (
        "Öz Ak Kara Er Yıl Gün Ay Bay Çak Dem Taş Kur Tek Top Uz Yavuz Koç Al Bozkur",
        "türk demir soy kaya maz er ğlu dağ men han oğlu",
    ),
    (
        "Petro Iva Niko Jova Mili Stani Marko Radi Savi Todo Vasi Kova Luki Pavlo",
        "vić nović šević nov lić čević nko vski nović",
    ),
    (
        "Ross Ferr Bian Russ Espos Romagn Colomb Ricc Marin Grec Galli Cost Giord Mancin Lombard",
        "i o ini etti ino aro ello one",
    ),
    ("Al El Abu Bin Ben Haj", "-Hassan -Masri -Khatib -Amin -Sayed -Najjar -Haddad -Ahmad -Omari -Zein -Rashid"),
)
_FOREIGN = [(starts.split(), ends.split()) for starts, ends in _ELSEWHERE]
_PARTICLES = "von|von der|vom|zu|van|van der|de|Freiherr von".split("|")


def last_name(chance: random.Random) -> str:
    """Return a last name: one of the common ones, or one of the tail."""
    draw = chance.random()
    if draw < _SHARE_OF_COMMON:
        return chance.choices(COMMON, cum_weights=CUMULATED_COMMON)[0]
    if draw > 0.965:
        # Two names after a marriage.
        return f"{last_name(chance)}-{chance.choices(COMMON, cum_weights=CUMULATED_COMMON)[0]}"
    if draw > 0.88:
        starts, ends = chance.choice(_FOREIGN)
        return chance.choice(starts) + chance.choice(ends)
    name = _STEMS[int(len(_STEMS) * chance.random() ** 1.5)]
    end = chance.choices(_ENDS, cum_weights=_ENDS_BY_USE)[0]
    name = name[:-1] + end if name[-1] == end[0] else name + end
    if draw > 0.80:
        name = chance.choice(_BEFORE) + name.lower()
    return f"{chance.choice(_PARTICLES)} {name}" if draw < _SHARE_OF_COMMON + 0.008 else name
